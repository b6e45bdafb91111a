import type { JsonObject } from '../../lib/protocol/json-fields.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { subscriptionJson } from '../../lib/protocol/subscription.js';
import type { Connection } from '../server/connection.js';
import type { ConsumerGroup, Member } from '../store/members.js';

/** Who is connected in a group. */

type Channels = ReadonlyMap<Connection, Member>;

/**
 *     body  {"connectionSet":[{"clientAddr":"ip:port","clientId","language","version"}],
 *            "consumeFromWhere","consumeType","messageModel","subscriptionTable":{topic:SubscriptionData}}
 */
export function encodeConsumerConnection(group: ConsumerGroup<Connection>): Buffer {
  const subscriptions = [...group.subscriptions].map(([topic, data]) => [topic, subscriptionJson(data)] as const);
  return jsonBody({
    connectionSet: connectionSet(group.channels),
    consumeFromWhere: group.consumeFromWhere,
    consumeType: group.consumeType,
    messageModel: group.messageModel,
    subscriptionTable: Object.fromEntries(subscriptions),
  });
}

/**
 *     body  {"connectionSet":[{"clientAddr":"ip:port","clientId","language","version"}]}
 */
export function encodeProducerConnection(channels: Channels): Buffer {
  return jsonBody({ connectionSet: connectionSet(channels) });
}

/**
 *     body  {"data":{group:[{"clientId","language","lastUpdateTimestamp","remoteIP":"/ip:port","version"}]}}
 */
export function encodeProducerTable(groups: ReadonlyMap<string, Channels>): Buffer {
  const data = [...groups].map(([group, channels]) => {
    const producers = [...channels].map(([connection, member]) => ({
      clientId: member.clientId,
      language: member.language,
      lastUpdateTimestamp: member.lastHeartbeatAt,
      // Java writes the address of a channel with a slash before it.
      remoteIP: `/${connection.remote}`,
      version: member.version,
    }));
    return [group, producers] as const;
  });
  return jsonBody({ data: Object.fromEntries(data) });
}

function connectionSet(channels: Channels): JsonObject[] {
  return [...channels].map(([connection, { clientId, language, version }]) => ({
    clientAddr: connection.remote,
    clientId,
    language,
    version,
  }));
}
