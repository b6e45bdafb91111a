import { ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { updateConsumerOffset } from '../../lib/protocol/requests/update-consumer-offset.js';
import type { BrokerState } from '../broker-state.js';
import { type BrokerHandler, refuse } from './handler.js';

/** UPDATE_CONSUMER_OFFSET (15): overwrites, whatever was there and whoever asks; ignored while a reset is pending. */
export const updateConsumerOffsetHandler: BrokerHandler = {
  code: updateConsumerOffset.code,
  handle(broker, { command }) {
    if (broker.options.isV4) return commitUnchecked(broker, command);
    const { topic, consumerGroup: group } = command.extFields;
    if (group === undefined || !broker.groups.has(group)) {
      return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group ?? 'null'} not exist!`);
    }
    if (topic === undefined || broker.topics.get(topic) === undefined) {
      return refuse(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic ?? 'null'} not exist!`);
    }
    for (const [field, name] of [
      ['queueId', 'QueueId'],
      ['commitOffset', 'Offset'],
    ] as const) {
      if (command.extFields[field] !== undefined) continue;
      return refuse(ResponseCode.INVALID_PARAMETER, `${name} is null, topic is ${topic}`);
    }
    const { queueId, commitOffset } = updateConsumerOffset.decode(command);
    const ignored = broker.offsets.hasReset(group, topic, queueId);
    if (!ignored) broker.offsets.commit(group, topic, queueId, commitOffset);
    return updateConsumerOffset.encodeReply({ ignored });
  },
};

/** Brokers of 4.9 take every commit, for groups and topics they have never heard of too. */
function commitUnchecked(broker: BrokerState, command: RemotingCommand): ResponseCommand {
  const { consumerGroup, topic, queueId, commitOffset } = updateConsumerOffset.decode(command);
  broker.offsets.commit(consumerGroup, topic, queueId, commitOffset);
  return updateConsumerOffset.encodeReply({ ignored: false });
}
