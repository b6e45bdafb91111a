import type { BrokerData, QueueData, TopicRouteData } from '../../../lib/protocol/topic-route.js';

/** Short forms of what name servers answer. */
export function route(data: Partial<TopicRouteData> = {}): TopicRouteData {
  return { queueDatas: [], brokerDatas: [], ...data };
}

export function queues(brokerName: string, data: { read?: number; write?: number; perm?: number } = {}): QueueData {
  const { read = 4, write = 4, perm = 6 } = data;
  return { brokerName, readQueueNums: read, writeQueueNums: write, perm, topicSysFlag: 0 };
}

/** The addresses are those of broker id 0, 1, ... */
export function broker(brokerName: string, ...addresses: string[]): BrokerData {
  return {
    cluster: 'DefaultCluster',
    brokerName,
    brokerAddrs: Object.fromEntries(addresses.map((address, id) => [id, address])),
    enableActingMaster: false,
  };
}
