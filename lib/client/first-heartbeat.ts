import { ConnectionError } from '../errors.js';
import { MASTER_ID } from '../protocol/topic-route.js';
import type { ClientInstance } from './client-instance.js';

/**
 * Introduces this client to all brokers that its routes name.
 *
 * @throws ConnectionError when there are some, and none can be reached; it names them all
 */
export async function firstHeartbeat(client: ClientInstance): Promise<void> {
  const brokers = client.routes.allBrokers().filter(({ brokerId }) => brokerId === MASTER_ID || client.hasConsumers);
  const failures = await client.heartbeats.beatAll();
  if (brokers.length === 0 || failures.size < brokers.length) return;
  const [[address, cause] = ['unknown', undefined]] = failures;
  throw new ConnectionError(
    'ERR_ROCKETMQ_CONNECT_FAILED',
    address,
    `no broker took this client's heartbeat, tried ${[...failures.keys()].join(', ')}: ${cause?.message}`,
    cause,
  );
}
