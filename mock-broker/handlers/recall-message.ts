import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import { PropertyName } from '../../lib/protocol/properties.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { Perm } from '../../lib/protocol/topic-route.js';
import type { BrokerState } from '../broker-state.js';
import { MAX_TIMER_DELAY_MS } from '../store/put-message.js';
import { type BrokerHandler, refuse } from './handler.js';
import { REGION_FIELDS } from './send-message.js';

/**
 * RECALL_MESSAGE (370), producer -> master: a message that waits for a point in time is not to be delivered.
 *
 *     request  ext producerGroup? topic recallHandle
 *     reply    0, ext msgId MSG_REGION: also when there is no such message
 *              14 | 16 | 17 | 604, remark: why not
 */
export const recallMessageHandler: BrokerHandler = {
  code: RequestCode.RECALL_MESSAGE,
  since: MqVersion.V5_3_2,
  handle(broker, { command }) {
    const answer = recall(
      broker,
      requireText(command.extFields, 'topic'),
      requireText(command.extFields, 'recallHandle'),
    );
    return { ...answer, extFields: { ...answer.extFields, MSG_REGION: REGION_FIELDS.MSG_REGION } };
  },
};

function recall(broker: BrokerState, topic: string, handleText: string): ResponseCommand {
  if (!broker.settings.flag('recallMessageEnable')) {
    return refuse(ResponseCode.NO_PERMISSION, 'recall failed, operation is forbidden');
  }
  if ((broker.permission & Perm.WRITE) === 0) {
    return refuse(ResponseCode.SERVICE_NOT_AVAILABLE, 'recall failed, broker service not available');
  }
  if (broker.topics.get(topic) === undefined) {
    return refuse(ResponseCode.TOPIC_NOT_EXIST, `recall failed, the topic[${topic}] not exist`);
  }
  const handle = parseHandle(handleText);
  if (handle === undefined) return illegal('recall handle is invalid');
  if (handle.topic !== topic) return illegal('recall failed, topic not match');
  if (handle.brokerName !== broker.name) return illegal('recall failed, broker service not available');
  const left = handle.timestamp - broker.now();
  if (!(left > 0 && left < MAX_TIMER_DELAY_MS)) return illegal('recall failed, timestamp invalid');
  broker.deferred.cancel(
    (message) => message.topic === topic && message.properties[PropertyName.UNIQ_KEY] === handle.msgId,
  );
  return { code: ResponseCode.SUCCESS, extFields: { msgId: handle.msgId } };
}

function illegal(remark: string): ResponseCommand {
  return refuse(ResponseCode.ILLEGAL_OPERATION, remark);
}

interface RecallHandle {
  readonly topic: string;
  readonly brokerName: string;
  readonly timestamp: number;
  readonly msgId: string;
}

/** `v1 topic broker time id`, base64url. */
function parseHandle(text: string): RecallHandle | undefined {
  const [version, topic, brokerName, timestamp, msgId] = Buffer.from(text, 'base64url').toString().split(' ');
  if (version !== 'v1' || topic === undefined || brokerName === undefined || msgId === undefined) return undefined;
  return { topic, brokerName, timestamp: Number(timestamp), msgId };
}
