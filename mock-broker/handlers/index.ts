import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import type { BrokerHandler } from './handler.js';
import { ackMessageHandler } from './ack-message.js';
import { addWritePermOfBrokerHandler } from './add-write-perm-of-broker.js';
import { batchAckMessageHandler } from './batch-ack-message.js';
import { changeMessageInvisibleTimeHandler } from './change-message-invisibletime.js';
import { checkClientConfigHandler } from './check-client-config.js';
import { cloneGroupOffsetHandler } from './clone-group-offset.js';
import { consumeMessageDirectlyHandler } from './consume-message-directly.js';
import { consumerSendMsgBackHandler } from './consumer-send-msg-back.js';
import { deleteKvConfigHandler } from './delete-kv-config.js';
import { deleteSubscriptionGroupHandler } from './delete-subscriptiongroup.js';
import { deleteTopicInBrokerHandler } from './delete-topic-in-broker.js';
import { deleteTopicInNamesrvHandler } from './delete-topic-in-namesrv.js';
import { endTransactionHandler } from './end-transaction.js';
import { getAllProducerInfoHandler } from './get-all-producer-info.js';
import { getAllSubscriptionGroupConfigHandler } from './get-all-subscriptiongroup-config.js';
import { getAllTopicConfigHandler } from './get-all-topic-config.js';
import { getAllTopicListFromNameserverHandler } from './get-all-topic-list-from-nameserver.js';
import { getBrokerClusterInfoHandler } from './get-broker-cluster-info.js';
import { getBrokerConfigHandler } from './get-broker-config.js';
import { getBrokerConsumeStatsHandler } from './get-broker-consume-stats.js';
import { getBrokerRuntimeInfoHandler } from './get-broker-runtime-info.js';
import { getConsumeStatsHandler } from './get-consume-stats.js';
import { getConsumerConnectionListHandler } from './get-consumer-connection-list.js';
import { getConsumerListByGroupHandler } from './get-consumer-list-by-group.js';
import { getConsumerRunningInfoHandler } from './get-consumer-running-info.js';
import { getEarliestMsgStoretimeHandler } from './get-earliest-msg-storetime.js';
import { getKvConfigHandler } from './get-kv-config.js';
import { getKvlistByNamespaceHandler } from './get-kvlist-by-namespace.js';
import { getMaxOffsetHandler } from './get-max-offset.js';
import { getMinOffsetHandler } from './get-min-offset.js';
import { getNamesrvConfigHandler } from './get-namesrv-config.js';
import { getProducerConnectionListHandler } from './get-producer-connection-list.js';
import { getRouteInfoByTopicHandler } from './get-routeinfo-by-topic.js';
import { getSubscriptionGroupConfigHandler } from './get-subscriptiongroup-config.js';
import { getSystemTopicListFromBrokerHandler } from './get-system-topic-list-from-broker.js';
import { getSystemTopicListFromNsHandler } from './get-system-topic-list-from-ns.js';
import { getTopicConfigHandler } from './get-topic-config.js';
import { getTopicStatsInfoHandler } from './get-topic-stats-info.js';
import { getTopicsByClusterHandler } from './get-topics-by-cluster.js';
import { heartBeatHandler } from './heart-beat.js';
import { invokeBrokerToGetConsumerStatusHandler } from './invoke-broker-to-get-consumer-status.js';
import { invokeBrokerToResetOffsetHandler } from './invoke-broker-to-reset-offset.js';
import { litePullMessageHandler } from './lite-pull-message.js';
import { lockBatchMqHandler } from './lock-batch-mq.js';
import { notificationHandler } from './notification.js';
import { pollingInfoHandler } from './polling-info.js';
import { popMessageHandler } from './pop-message.js';
import { pullMessageHandler } from './pull-message.js';
import { putKvConfigHandler } from './put-kv-config.js';
import { queryAssignmentHandler } from './query-assignment.js';
import { queryConsumeQueueHandler } from './query-consume-queue.js';
import { queryConsumeTimeSpanHandler } from './query-consume-time-span.js';
import { queryConsumerOffsetHandler } from './query-consumer-offset.js';
import { queryMessageHandler } from './query-message.js';
import { querySubscriptionByConsumerHandler } from './query-subscription-by-consumer.js';
import { queryTopicConsumeByWhoHandler } from './query-topic-consume-by-who.js';
import { queryTopicsByConsumerHandler } from './query-topics-by-consumer.js';
import { recallMessageHandler } from './recall-message.js';
import { searchOffsetByTimestampHandler } from './search-offset-by-timestamp.js';
import { sendBatchMessageHandler } from './send-batch-message.js';
import { sendMessageHandler } from './send-message.js';
import { sendMessageV2Handler } from './send-message-v2.js';
import { sendReplyMessageHandler } from './send-reply-message.js';
import { sendReplyMessageV2Handler } from './send-reply-message-v2.js';
import { setMessageRequestModeHandler } from './set-message-request-mode.js';
import { unlockBatchMqHandler } from './unlock-batch-mq.js';
import { unregisterClientHandler } from './unregister-client.js';
import { updateAndCreateSubscriptionGroupHandler } from './update-and-create-subscriptiongroup.js';
import { updateAndCreateTopicHandler } from './update-and-create-topic.js';
import { updateBrokerConfigHandler } from './update-broker-config.js';
import { updateConsumerOffsetHandler } from './update-consumer-offset.js';
import { updateNamesrvConfigHandler } from './update-namesrv-config.js';
import { viewBrokerStatsDataHandler } from './view-broker-stats-data.js';
import { viewMessageByIdHandler } from './view-message-by-id.js';
import { wipeWritePermOfBrokerHandler } from './wipe-write-perm-of-broker.js';

/** Which request codes a broker and a name server handle. */

export const brokerHandlers: ReadonlyMap<number, BrokerHandler> = byCode([
  ackMessageHandler,
  batchAckMessageHandler,
  changeMessageInvisibleTimeHandler,
  checkClientConfigHandler,
  cloneGroupOffsetHandler,
  consumeMessageDirectlyHandler,
  consumerSendMsgBackHandler,
  deleteSubscriptionGroupHandler,
  deleteTopicInBrokerHandler,
  endTransactionHandler,
  getAllProducerInfoHandler,
  getAllSubscriptionGroupConfigHandler,
  getAllTopicConfigHandler,
  getBrokerConfigHandler,
  getBrokerConsumeStatsHandler,
  getBrokerRuntimeInfoHandler,
  getConsumeStatsHandler,
  getConsumerConnectionListHandler,
  getConsumerListByGroupHandler,
  getConsumerRunningInfoHandler,
  getEarliestMsgStoretimeHandler,
  getMaxOffsetHandler,
  getMinOffsetHandler,
  getProducerConnectionListHandler,
  getSubscriptionGroupConfigHandler,
  getSystemTopicListFromBrokerHandler,
  getTopicConfigHandler,
  getTopicStatsInfoHandler,
  heartBeatHandler,
  invokeBrokerToGetConsumerStatusHandler,
  invokeBrokerToResetOffsetHandler,
  litePullMessageHandler,
  lockBatchMqHandler,
  notificationHandler,
  pollingInfoHandler,
  popMessageHandler,
  pullMessageHandler,
  queryAssignmentHandler,
  queryConsumeQueueHandler,
  queryConsumeTimeSpanHandler,
  queryConsumerOffsetHandler,
  queryMessageHandler,
  querySubscriptionByConsumerHandler,
  queryTopicConsumeByWhoHandler,
  queryTopicsByConsumerHandler,
  recallMessageHandler,
  searchOffsetByTimestampHandler,
  sendBatchMessageHandler,
  sendMessageHandler,
  sendMessageV2Handler,
  sendReplyMessageHandler,
  sendReplyMessageV2Handler,
  setMessageRequestModeHandler,
  unlockBatchMqHandler,
  unregisterClientHandler,
  updateAndCreateSubscriptionGroupHandler,
  updateAndCreateTopicHandler,
  updateBrokerConfigHandler,
  updateConsumerOffsetHandler,
  viewBrokerStatsDataHandler,
  viewMessageByIdHandler,
]);

export const nameServerHandlers: ReadonlyMap<number, Handler<RouteInfo>> = byCode([
  addWritePermOfBrokerHandler,
  deleteKvConfigHandler,
  deleteTopicInNamesrvHandler,
  getAllTopicListFromNameserverHandler,
  getBrokerClusterInfoHandler,
  getKvConfigHandler,
  getKvlistByNamespaceHandler,
  getNamesrvConfigHandler,
  getRouteInfoByTopicHandler,
  getSystemTopicListFromNsHandler,
  getTopicsByClusterHandler,
  putKvConfigHandler,
  updateNamesrvConfigHandler,
  wipeWritePermOfBrokerHandler,
]);

function byCode<H extends { readonly code: number }>(handlers: readonly H[]): Map<number, H> {
  return new Map(handlers.map((handler) => [handler.code, handler]));
}
