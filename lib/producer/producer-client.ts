import type { Clock } from '../clock.js';
import type { RemotingClient } from '../remoting/remoting-client.js';
import type { RouteTable } from '../routing/route-table.js';

/** The part of a client instance that sending needs. Narrow, so that tests can put their own. */
export interface ProducerClient {
  readonly clock: Clock;
  readonly routes: ProducerRoutes;
  readonly remoting: Pick<RemotingClient, 'call' | 'oneway'>;
}

export type ProducerRoutes = Pick<RouteTable, 'get' | 'fetch' | 'track' | 'untrack' | 'brokerAddress'>;
