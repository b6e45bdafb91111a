import { ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import { Perm } from '../../lib/protocol/topic-route.js';
import type { BrokerState } from '../broker-state.js';
import type { Exchange } from '../server/exchange.js';
import { seeFaq } from '../store/names.js';
import { refuse } from './handler.js';

/** The checks that the requests of popping consumers have in common. */

export interface PopTarget {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
}

export function brokerUnreadable(broker: BrokerState, what: string): ResponseCommand | undefined {
  if ((broker.permission & Perm.READ) !== 0) return undefined;
  const remark = `the broker[${broker.options.advertisedHost}] ${what} message is forbidden`;
  return refuse(ResponseCode.NO_PERMISSION, remark);
}

/** Why the group can't pop the queue of the topic; undefined when it can. */
export function popRefusal(
  broker: BrokerState,
  { connection }: Exchange,
  { consumerGroup, topic, queueId }: PopTarget,
): ResponseCommand | undefined {
  const config = broker.topics.get(topic);
  if (config === undefined) return topicMissing(topic);
  if ((config.perm & Perm.READ) === 0) {
    return refuse(ResponseCode.NO_PERMISSION, `the topic[${topic}] peeking message is forbidden`);
  }
  if (queueId >= config.readQueueNums) {
    const remark = `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}] consumer:[/${connection.remote}]`;
    return refuse(ResponseCode.INVALID_PARAMETER, remark);
  }
  const group = broker.groups.find(consumerGroup);
  if (group === undefined) {
    const remark = `subscription group [${consumerGroup}] does not exist, ${seeFaq(false)}`;
    return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark);
  }
  if (!group.consumeEnable) {
    return refuse(ResponseCode.NO_PERMISSION, `subscription group no permission, ${consumerGroup}`);
  }
  return undefined;
}

/** Why a popped message of the queue can't be dealt with; undefined when it can. */
export function poppedRefusal(
  broker: BrokerState,
  { connection }: Exchange,
  { topic, queueId }: Omit<PopTarget, 'consumerGroup'>,
): ResponseCommand | undefined {
  const config = broker.topics.get(topic);
  if (config === undefined) return topicMissing(topic);
  if (queueId >= 0 && queueId < config.readQueueNums) return undefined;
  const remark = `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}] consumer:[/${connection.remote}]`;
  return refuse(ResponseCode.MESSAGE_ILLEGAL, remark);
}

/** A refusal with the header fields that the answer would have had: the reference fills them in at the start. */
export function withFields(refusal: ResponseCommand, extFields: Readonly<Record<string, string>>): ResponseCommand {
  return { ...refusal, extFields };
}

function topicMissing(topic: string): ResponseCommand {
  return refuse(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please! ${seeFaq(false)}`);
}

/** By when a request that waits must be answered, by the mock's clock. Its way here is measured by the machine's, as the client does. */
export function pollDeadline(
  broker: BrokerState,
  { bornTime, pollTime }: { bornTime: number; pollTime: number },
): number {
  return broker.now() + pollTime - Math.max(0, Date.now() - bornTime);
}
