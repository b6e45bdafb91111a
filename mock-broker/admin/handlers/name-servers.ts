import type { TopicRouteData } from '../../../lib/protocol/topic-route.js';
import type { MockCluster } from '../../cluster.js';
import type { MockNameServer } from '../../name-server.js';
import { nameServerView } from '../../snapshot.js';
import { notFound } from '../errors.js';
import type { NameServerView, RouteView } from '../schemas.js';
import type { AdminHandlers } from './handler.js';

export const nameServerHandlers: AdminHandlers<
  | 'listNameServers'
  | 'stopNameServer'
  | 'startNameServer'
  | 'freezeNameServer'
  | 'thawNameServer'
  | 'getRoute'
  | 'overrideRoute'
  | 'clearOverride'
  | 'clearOverrides'
> = {
  listNameServers: ({ nameServers }) => ({ items: nameServers.map(nameServerView) }),
  stopNameServer: (cluster, { nameServer }) => change(cluster, nameServer, (found) => found.stop()),
  startNameServer: (cluster, { nameServer }) => change(cluster, nameServer, (found) => found.start()),
  freezeNameServer: (cluster, { nameServer }) => change(cluster, nameServer, (found) => found.freeze()),
  thawNameServer: (cluster, { nameServer }) => change(cluster, nameServer, (found) => found.thaw()),
  getRoute: (cluster, { nameServer, topic }) => ({
    route: routeView(requireNameServer(cluster, nameServer).route(topic)),
  }),
  overrideRoute: (cluster, { nameServer, topic, route }) =>
    change(cluster, nameServer, (found) => found.override(topic, route ?? undefined)),
  clearOverride: (cluster, { nameServer, topic }) => change(cluster, nameServer, (found) => found.clearOverride(topic)),
  clearOverrides: (cluster, { nameServer }) => change(cluster, nameServer, (found) => found.clearOverride()),
};

/** Does something to a name server, and shows how it is then. */
async function change(
  cluster: MockCluster,
  index: number,
  what: (found: MockNameServer) => void | Promise<void>,
): Promise<NameServerView> {
  const found = requireNameServer(cluster, index);
  await what(found);
  return nameServerView(found, index);
}

function routeView(route: TopicRouteData | undefined): RouteView | null {
  if (route === undefined) return null;
  const { orderTopicConf, queueDatas, brokerDatas, staticTopicBrokers } = route;
  return {
    ...(orderTopicConf !== undefined && { orderTopicConf }),
    queueDatas: [...queueDatas],
    brokerDatas: [...brokerDatas],
    ...(staticTopicBrokers !== undefined && { staticTopicBrokers: [...staticTopicBrokers] }),
  };
}

/** @throws MockAdminError when there are not so many */
function requireNameServer({ nameServers }: MockCluster, index: number): MockNameServer {
  const found = nameServers[index];
  if (found === undefined) throw notFound(`name server ${index}`, 'nameServer');
  return found;
}
