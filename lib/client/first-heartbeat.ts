import { BrokerError, ConnectionError, type RocketMQError } from '../errors.js';
import { MASTER_ID } from '../protocol/topic-route.js';
import type { ClientInstance } from './client-instance.js';

/**
 * Introduces this client to all brokers that its routes name.
 *
 * @throws BrokerError when there are some, and the first refuses it, as it does without a right to it: the key is wrong,
 *   or it has no permission; none of the others takes it either
 * @throws ConnectionError when none can be reached; it names them all
 */
export async function firstHeartbeat(client: ClientInstance): Promise<void> {
  const brokers = client.routes.allBrokers().filter(({ brokerId }) => brokerId === MASTER_ID || client.hasConsumers);
  const failures = await client.heartbeats.beatAll();
  if (brokers.length === 0 || failures.size < brokers.length) return;
  const refused = [...failures].find(([, error]) => error instanceof BrokerError);
  const [first] = failures;
  const [address, cause] = refused ?? first ?? ['unknown', undefined];
  throw notTaken(address, cause, [...failures.keys()]);
}

/** What the broker said is what somebody can act on; so it is the error itself, not its cause. */
function notTaken(address: string, cause: RocketMQError | undefined, tried: readonly string[]): RocketMQError {
  const message = `no broker took this client's heartbeat, tried ${tried.join(', ')}: ${cause?.message}`;
  if (cause instanceof BrokerError) {
    const { responseCode, remark, retryable, context } = cause;
    return new BrokerError(message, responseCode, remark, retryable, { ...context, address, addresses: tried });
  }
  const isTls = cause instanceof ConnectionError && cause.code === 'ERR_ROCKETMQ_TLS_FAILED';
  return new ConnectionError(isTls ? cause.code : 'ERR_ROCKETMQ_CONNECT_FAILED', address, message, cause);
}
