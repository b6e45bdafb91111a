import { checkClientConfig } from '../../../../lib/protocol/requests/check-client-config.js';
import { checkTransactionState } from '../../../../lib/protocol/requests/check-transaction-state.js';
import { consumeMessageDirectly } from '../../../../lib/protocol/requests/consume-message-directly.js';
import { consumerSendMsgBack } from '../../../../lib/protocol/requests/consumer-send-msg-back.js';
import { endTransaction } from '../../../../lib/protocol/requests/end-transaction.js';
import { getBrokerClusterInfo } from '../../../../lib/protocol/requests/get-broker-cluster-info.js';
import { getConsumerListByGroup } from '../../../../lib/protocol/requests/get-consumer-list-by-group.js';
import { getConsumerRunningInfo } from '../../../../lib/protocol/requests/get-consumer-running-info.js';
import { getConsumerStatusFromClient } from '../../../../lib/protocol/requests/get-consumer-status-from-client.js';
import { getEarliestMsgStoretime } from '../../../../lib/protocol/requests/get-earliest-msg-storetime.js';
import { getMaxOffset } from '../../../../lib/protocol/requests/get-max-offset.js';
import { getMinOffset } from '../../../../lib/protocol/requests/get-min-offset.js';
import { getRouteInfoByTopic } from '../../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { heartBeat } from '../../../../lib/protocol/requests/heart-beat.js';
import { invokeBrokerToResetOffset } from '../../../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { lockBatchMq } from '../../../../lib/protocol/requests/lock-batch-mq.js';
import { notifyConsumerIdsChanged } from '../../../../lib/protocol/requests/notify-consumer-ids-changed.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../../lib/protocol/requests/query-consumer-offset.js';
import { queryMessage } from '../../../../lib/protocol/requests/query-message.js';
import { resetConsumerClientOffset } from '../../../../lib/protocol/requests/reset-consumer-client-offset.js';
import { searchOffsetByTimestamp } from '../../../../lib/protocol/requests/search-offset-by-timestamp.js';
import { sendBatchMessage } from '../../../../lib/protocol/requests/send-batch-message.js';
import { sendMessageV2 } from '../../../../lib/protocol/requests/send-message-v2.js';
import { sendMessage } from '../../../../lib/protocol/requests/send-message.js';
import { unlockBatchMq } from '../../../../lib/protocol/requests/unlock-batch-mq.js';
import { unregisterClient } from '../../../../lib/protocol/requests/unregister-client.js';
import { updateAndCreateSubscriptionGroup } from '../../../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateAndCreateTopic } from '../../../../lib/protocol/requests/update-and-create-topic.js';
import { updateConsumerOffset } from '../../../../lib/protocol/requests/update-consumer-offset.js';
import { viewMessageById } from '../../../../lib/protocol/requests/view-message-by-id.js';
import type { RequestType } from '../../../../lib/protocol/requests/request-type.js';

/** Every request type under the name of its file. completeness.test.ts watches that none is missing. */
export const REQUEST_TYPES: ReadonlyMap<string, RequestType<unknown, unknown>> = new Map<string, unknown>([
  ['check-client-config', checkClientConfig],
  ['check-transaction-state', checkTransactionState],
  ['consume-message-directly', consumeMessageDirectly],
  ['consumer-send-msg-back', consumerSendMsgBack],
  ['end-transaction', endTransaction],
  ['get-broker-cluster-info', getBrokerClusterInfo],
  ['get-consumer-list-by-group', getConsumerListByGroup],
  ['get-consumer-running-info', getConsumerRunningInfo],
  ['get-consumer-status-from-client', getConsumerStatusFromClient],
  ['get-earliest-msg-storetime', getEarliestMsgStoretime],
  ['get-max-offset', getMaxOffset],
  ['get-min-offset', getMinOffset],
  ['get-routeinfo-by-topic', getRouteInfoByTopic],
  ['heart-beat', heartBeat],
  ['invoke-broker-to-reset-offset', invokeBrokerToResetOffset],
  ['lock-batch-mq', lockBatchMq],
  ['notify-consumer-ids-changed', notifyConsumerIdsChanged],
  ['pull-message', pullMessage],
  ['query-consumer-offset', queryConsumerOffset],
  ['query-message', queryMessage],
  ['reset-consumer-client-offset', resetConsumerClientOffset],
  ['search-offset-by-timestamp', searchOffsetByTimestamp],
  ['send-batch-message', sendBatchMessage],
  ['send-message-v2', sendMessageV2],
  ['send-message', sendMessage],
  ['unlock-batch-mq', unlockBatchMq],
  ['unregister-client', unregisterClient],
  ['update-and-create-subscriptiongroup', updateAndCreateSubscriptionGroup],
  ['update-and-create-topic', updateAndCreateTopic],
  ['update-consumer-offset', updateConsumerOffset],
  ['view-message-by-id', viewMessageById],
]) as ReadonlyMap<string, RequestType<unknown, unknown>>;
