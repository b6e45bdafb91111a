import { getBrokerClusterInfo } from '../../lib/protocol/requests/get-broker-cluster-info.js';
import { CLUSTER_NAME } from '../broker-state.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';

/** GET_BROKER_CLUSTER_INFO (106). */
export const getBrokerClusterInfoHandler: Handler<RouteInfo> = {
  code: getBrokerClusterInfo.code,
  handle(routes) {
    const brokers = Object.fromEntries(routes.brokerDatas().map((broker) => [broker.brokerName, broker]));
    return getBrokerClusterInfo.encodeReply({ brokers, clusters: { [CLUSTER_NAME]: Object.keys(brokers) } });
  },
};
