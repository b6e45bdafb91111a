import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import type { BrokerHandler } from './handler.js';
import { checkClientConfigHandler } from './check-client-config.js';
import { consumerSendMsgBackHandler } from './consumer-send-msg-back.js';
import { deleteTopicInBrokerHandler } from './delete-topic-in-broker.js';
import { deleteTopicInNamesrvHandler } from './delete-topic-in-namesrv.js';
import { endTransactionHandler } from './end-transaction.js';
import { getBrokerClusterInfoHandler } from './get-broker-cluster-info.js';
import { getConsumerListByGroupHandler } from './get-consumer-list-by-group.js';
import { getEarliestMsgStoretimeHandler } from './get-earliest-msg-storetime.js';
import { getMaxOffsetHandler } from './get-max-offset.js';
import { getMinOffsetHandler } from './get-min-offset.js';
import { getRouteInfoByTopicHandler } from './get-routeinfo-by-topic.js';
import { heartBeatHandler } from './heart-beat.js';
import { invokeBrokerToResetOffsetHandler } from './invoke-broker-to-reset-offset.js';
import { litePullMessageHandler } from './lite-pull-message.js';
import { lockBatchMqHandler } from './lock-batch-mq.js';
import { pullMessageHandler } from './pull-message.js';
import { queryConsumerOffsetHandler } from './query-consumer-offset.js';
import { queryMessageHandler } from './query-message.js';
import { searchOffsetByTimestampHandler } from './search-offset-by-timestamp.js';
import { sendBatchMessageHandler } from './send-batch-message.js';
import { sendMessageHandler } from './send-message.js';
import { sendMessageV2Handler } from './send-message-v2.js';
import { unlockBatchMqHandler } from './unlock-batch-mq.js';
import { unregisterClientHandler } from './unregister-client.js';
import { updateAndCreateSubscriptionGroupHandler } from './update-and-create-subscriptiongroup.js';
import { updateAndCreateTopicHandler } from './update-and-create-topic.js';
import { updateConsumerOffsetHandler } from './update-consumer-offset.js';
import { viewMessageByIdHandler } from './view-message-by-id.js';

/** Which request codes a broker and a name server handle. */

export const brokerHandlers: ReadonlyMap<number, BrokerHandler> = byCode([
  checkClientConfigHandler,
  consumerSendMsgBackHandler,
  deleteTopicInBrokerHandler,
  endTransactionHandler,
  getConsumerListByGroupHandler,
  getEarliestMsgStoretimeHandler,
  getMaxOffsetHandler,
  getMinOffsetHandler,
  heartBeatHandler,
  invokeBrokerToResetOffsetHandler,
  litePullMessageHandler,
  lockBatchMqHandler,
  pullMessageHandler,
  queryConsumerOffsetHandler,
  queryMessageHandler,
  searchOffsetByTimestampHandler,
  sendBatchMessageHandler,
  sendMessageHandler,
  sendMessageV2Handler,
  unlockBatchMqHandler,
  unregisterClientHandler,
  updateAndCreateSubscriptionGroupHandler,
  updateAndCreateTopicHandler,
  updateConsumerOffsetHandler,
  viewMessageByIdHandler,
]);

export const nameServerHandlers: ReadonlyMap<number, Handler<RouteInfo>> = byCode([
  deleteTopicInNamesrvHandler,
  getBrokerClusterInfoHandler,
  getRouteInfoByTopicHandler,
]);

function byCode<H extends { readonly code: number }>(handlers: readonly H[]): Map<number, H> {
  return new Map(handlers.map((handler) => [handler.code, handler]));
}
