import { requireSuccess } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { arrayField, asString, jsonBody, objectField, parseJsonObject } from '../json-fields.js';
import { setProperty } from '../own-property.js';
import { brokerDataJson, parseBrokerData } from '../topic-route.js';
import type { BrokerData } from '../topic-route.js';

/**
 * GET_BROKER_CLUSTER_INFO (106), operator -> name server: every broker it knows.
 *
 *     request  nothing
 *     reply    0, body {"brokerAddrTable":{brokerName:BrokerData},"clusterAddrTable":{cluster:[brokerName]}}
 */
export type GetBrokerClusterInfoRequest = Readonly<Record<string, never>>;

export interface GetBrokerClusterInfoReply {
  readonly brokers: Readonly<Record<string, BrokerData>>;
  /** Cluster -> the names of its brokers. */
  readonly clusters: Readonly<Record<string, readonly string[]>>;
}

export const getBrokerClusterInfo: RequestType<GetBrokerClusterInfoRequest, GetBrokerClusterInfoReply> = {
  code: RequestCode.GET_BROKER_CLUSTER_INFO,

  encode: () => ({ code: RequestCode.GET_BROKER_CLUSTER_INFO }),
  decode: () => ({}),

  encodeReply: (reply) => ({
    code: ResponseCode.SUCCESS,
    body: jsonBody({
      brokerAddrTable: Object.fromEntries(
        Object.entries(reply.brokers).map(([name, broker]) => [name, brokerDataJson(broker)]),
      ),
      clusterAddrTable: reply.clusters,
    }),
  }),

  decodeReply: (command) => {
    const object = parseJsonObject(requireSuccess(RequestCode.GET_BROKER_CLUSTER_INFO, command).body);
    const brokers: Record<string, BrokerData> = {};
    for (const [name, broker] of Object.entries(objectField(object, 'brokerAddrTable'))) {
      setProperty(brokers, name, parseBrokerData(broker));
    }
    const clusterTable = objectField(object, 'clusterAddrTable');
    const clusters: Record<string, string[]> = {};
    for (const cluster of Object.keys(clusterTable)) {
      const names = arrayField(clusterTable, cluster).map((name) => asString(name, 'clusterAddrTable'));
      setProperty(clusters, cluster, names);
    }
    return { brokers, clusters };
  },
};
