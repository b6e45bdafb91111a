import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import { firstHeartbeat } from '../client/first-heartbeat.js';
import { RouteError, StateError, TimeoutError } from '../errors.js';
import { checkClientConfig } from '../protocol/requests/check-client-config.js';
import type { ConsumerRuntime, ConsumerState } from './consumer-runtime.js';

const log = debug('rocketmq:consumer');

/**
 * What has to work before a consumer counts as started: its offset file, the routes of its topics, its subscriptions in
 * the brokers' eyes, and the first heartbeat. A topic that doesn't exist yet is no failure; a cluster that can't be
 * reached is.
 *
 * @param closed fires when the consumer is closed meanwhile
 * @throws RouteError, ConnectionError, TimeoutError naming the addresses that were tried
 * @throws BrokerError when a broker refuses a subscription
 * @throws StateError when it was closed, or the group has a consumer in this client instance already
 */
export async function joinGroup(
  client: ClientInstance,
  runtime: ConsumerRuntime,
  state: ConsumerState,
  closed: AbortSignal,
): Promise<void> {
  const { startTimeoutMs } = state.options;
  const given = new AbortController();
  const steps = join(client, runtime, state, given.signal);
  let timer: unknown;
  let stop: () => void = () => undefined;
  const cutShort = new Promise<never>((_resolve, reject) => {
    timer = client.clock.setTimeout(() => reject(startTimedOut(client, runtime, startTimeoutMs)), startTimeoutMs);
    stop = () => reject(closedMeanwhile(runtime));
    closed.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([steps, cutShort]);
    if (closed.aborted) throw closedMeanwhile(runtime);
  } finally {
    client.clock.clearTimeout(timer);
    closed.removeEventListener('abort', stop);
    // What is still under way must not touch the client any more: others may be using it.
    given.abort();
    steps.catch((error: unknown) => log('joining failed: %s', error));
  }
}

function closedMeanwhile(runtime: ConsumerRuntime): StateError {
  return new StateError(`the consumer of ${runtime.consumerGroup} was closed while it was starting`);
}

function startTimedOut(client: ClientInstance, runtime: ConsumerRuntime, startTimeoutMs: number): TimeoutError {
  const addresses = [...client.nameServers.addresses, ...client.routes.allBrokers().map((broker) => broker.address)];
  return new TimeoutError(
    `the consumer of ${runtime.consumerGroup} did not start within ${startTimeoutMs} ms; ` +
      `addresses known: ${addresses.join(', ') || 'none'}`,
    { addresses, startTimeoutMs },
  );
}

async function join(
  client: ClientInstance,
  runtime: ConsumerRuntime,
  state: ConsumerState,
  givenUp: AbortSignal,
): Promise<void> {
  await runtime.offsets.load();
  const topics = [...state.subscriptions.keys()];
  await Promise.all(topics.map((topic) => fetchRoute(client, topic)));
  // Before any heartbeat names the group: a refused subscription must not replace that of the members there are.
  await checkSubscriptions(client, runtime, state);
  if (givenUp.aborted) return;
  client.registerConsumer(runtime);
  runtime.topics.add(topics);
  await firstHeartbeat(client);
}

async function fetchRoute(client: ClientInstance, topic: string): Promise<void> {
  try {
    await client.routes.fetch(topic);
  } catch (error) {
    if (!(error instanceof RouteError) || error.code !== 'ERR_ROCKETMQ_TOPIC_NOT_FOUND') throw error;
    log('topic %s has no route yet', topic);
  }
}

/** SQL92 is parsed by the broker: one broker of each topic is asked whether it would. */
async function checkSubscriptions(
  client: ClientInstance,
  runtime: ConsumerRuntime,
  state: ConsumerState,
): Promise<void> {
  const checks = [...state.subscriptions.values()]
    .filter((subscription) => subscription.expressionType !== 'TAG')
    .map(async (subscription) => {
      const brokerName = client.routes.get(subscription.topic)?.subscribeQueues[0]?.brokerName;
      if (brokerName === undefined) return;
      const request = { clientId: client.clientId, group: runtime.consumerGroup, subscription };
      await client.callMaster(brokerName, checkClientConfig, request);
    });
  await Promise.all(checks);
}
