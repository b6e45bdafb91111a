import { ResponseCode } from '../../lib/protocol/codes.js';
import { retryTopic } from '../../lib/protocol/namespace.js';
import type { ConsumerData } from '../../lib/protocol/requests/heart-beat.js';
import { heartBeat } from '../../lib/protocol/requests/heart-beat.js';
import type { BrokerState } from '../broker-state.js';
import type { Connection } from '../server/connection.js';
import type { Member } from '../store/members.js';
import type { BrokerHandler } from './handler.js';

/**
 * HEART_BEAT (34): the sender is a member of its groups from now on, with these subscriptions. The others, and the
 * sender itself, are notified before the answer is sent.
 */
export const heartBeatHandler: BrokerHandler = {
  code: heartBeat.code,
  handle(broker, { command, connection }) {
    const request = heartBeat.decode(command);
    connection.clientId = request.clientId;
    const member: Member = {
      clientId: request.clientId,
      version: command.version,
      language: command.language,
      lastHeartbeatAt: broker.now(),
    };
    for (const consumer of request.consumers) {
      const known = broker.members.group(consumer.groupName);
      // The shortened form leaves the subscriptions as they are.
      const subscriptions =
        request.withoutSub === true ? [...(known?.subscriptions.values() ?? [])] : consumer.subscriptions;
      registerConsumer(broker, connection, member, { ...consumer, subscriptions });
    }
    for (const group of request.producerGroups) broker.members.registerProducer(connection, member, group);
    broker.watchChannels();
    // The reference says so to every heartbeat of the full form, whatever changed.
    if (broker.options.isV4) return { code: ResponseCode.SUCCESS };
    return heartBeat.encodeReply({ version: broker.options.version, isSubChange: true, supportV2: true });
  },
};

function registerConsumer(broker: BrokerState, connection: Connection, member: Member, consumer: ConsumerData): void {
  const config = broker.groups.find(consumer.groupName);
  if (config === undefined) return;
  broker.topics.putIfAbsent(retryTopic(consumer.groupName), config.retryQueueNums);
  for (const subscription of consumer.subscriptions) broker.expressions.register(consumer.groupName, subscription);
  broker.members.register(connection, member, {
    group: consumer.groupName,
    consumeType: consumer.consumeType,
    messageModel: consumer.messageModel === 'BROADCASTING' ? 'BROADCASTING' : 'CLUSTERING',
    consumeFromWhere: consumer.consumeFromWhere,
    subscriptions: consumer.subscriptions,
    notify: config.notifyConsumerIdsChangedEnable,
  });
}
