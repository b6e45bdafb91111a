import { ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import type { InvokeBrokerToResetOffsetRequest } from '../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { invokeBrokerToResetOffset } from '../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import type { QueueOffset } from '../../lib/protocol/requests/offset-table.js';
import { resetConsumerClientOffset } from '../../lib/protocol/requests/reset-consumer-client-offset.js';
import type { BrokerState } from '../broker-state.js';
import { type BrokerHandler, refuse } from './handler.js';

/** The language of clients that get offsets as a list rather than a map. */
const LIST_LANGUAGE = 'CPP';

/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222): the broker notes the new offsets for the next pulls, or, the older way, tells
 * the group's members.
 */
export const invokeBrokerToResetOffsetHandler: BrokerHandler = {
  code: invokeBrokerToResetOffset.code,
  handle(broker, { command }) {
    const request = invokeBrokerToResetOffset.decode(command);
    return broker.settings.flag('useServerSideResetOffset')
      ? resetAtBroker(broker, request)
      : pushReset(broker, request, command.language === LIST_LANGUAGE);
  },
};

function resetAtBroker(broker: BrokerState, request: InvokeBrokerToResetOffsetRequest): ResponseCommand {
  const { topic, group } = request;
  const config = broker.topics.get(topic);
  if (config === undefined) return refuse(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} does not exist`);
  if (!broker.groups.has(group)) {
    return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} does not exist`);
  }
  const queueId = request.queueId ?? -1;
  const given = request.offset === -1 ? undefined : request.offset;
  if (queueId >= 0 && given !== undefined) {
    const min = broker.store.minOffset(topic, queueId);
    const max = broker.store.maxOffset(topic, queueId);
    if (given < min || given > max + 1) {
      const remark = `Target offset ${given} not in consume queue range [${min}-${max}]`;
      return refuse(ResponseCode.SYSTEM_ERROR, remark);
    }
  }
  const queueIds = queueId >= 0 ? [queueId] : Array.from({ length: config.readQueueNums }, (_, id) => id);
  if (queueIds.length === 0) return refuse(ResponseCode.SYSTEM_ERROR, 'No queues to reset.');
  const offsets = queueIds.map((id): QueueOffset => {
    const offset = queueId >= 0 && given !== undefined ? given : offsetAt(broker, topic, id, request.timestamp);
    broker.offsets.assignReset(group, topic, id, offset);
    return { queue: { topic, brokerName: broker.name, queueId: id }, offset };
  });
  return invokeBrokerToResetOffset.encodeReply({ offsets });
}

/** Sends RESET_CONSUMER_CLIENT_OFFSET to the group's members. */
function pushReset(broker: BrokerState, request: InvokeBrokerToResetOffsetRequest, asList: boolean): ResponseCommand {
  const { topic, group, timestamp, isForce } = request;
  const config = broker.topics.get(topic);
  if (config === undefined) {
    const remark = `[reset-offset] reset offset failed, no topic in this broker. topic=${topic}`;
    return refuse(ResponseCode.TOPIC_NOT_EXIST, remark);
  }
  const offsets: QueueOffset[] = [];
  for (let queueId = 0; queueId < config.writeQueueNums; queueId++) {
    const committed = broker.offsets.query(group, topic, queueId);
    if (committed === undefined) {
      return refuse(ResponseCode.SYSTEM_ERROR, `THe consumer group <${group}> not exist`);
    }
    const wanted = offsetAt(broker, topic, queueId, timestamp);
    const offset = isForce || wanted < committed ? wanted : committed;
    offsets.push({ queue: { topic, brokerName: broker.name, queueId }, offset });
  }
  const channels = broker.members.group(group)?.channels;
  if (channels === undefined || channels.size === 0) {
    const remark = `Consumer not online, so can not reset offset, Group: ${group} Topic: ${topic} Timestamp: ${timestamp}`;
    return refuse(ResponseCode.CONSUMER_NOT_ONLINE, remark);
  }
  for (const [connection] of channels) {
    const form = asList ? 'list' : 'object-keys';
    connection.sendOneway(resetConsumerClientOffset.encode({ topic, group, timestamp, isForce, offsets, form }));
  }
  return invokeBrokerToResetOffset.encodeReply({ offsets });
}

/** The offset at a point in time; a negative one stands for the end of the queue. */
function offsetAt(broker: BrokerState, topic: string, queueId: number, timestamp: number): number {
  if (timestamp < 0) return broker.store.maxOffset(topic, queueId);
  return broker.store.queue(topic, queueId)?.offsetByTime(timestamp, 'LOWER') ?? 0;
}
