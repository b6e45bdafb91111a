import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import { firstHeartbeat } from '../client/first-heartbeat.js';
import { RouteError, TimeoutError } from '../errors.js';
import { prepareCompression } from '../protocol/compression.js';
import { checkClientConfig } from '../protocol/requests/check-client-config.js';
import { CompressionType } from '../protocol/sys-flag.js';
import type { ConsumerRuntime, ConsumerState } from './consumer-runtime.js';

const log = debug('rocketmq:consumer');

/**
 * What has to work before a consumer counts as started: its offset file, the routes of its topics, its subscriptions in
 * the brokers' eyes, and the first heartbeat. A topic that doesn't exist yet is no failure; a cluster that can't be
 * reached is.
 *
 * @throws RouteError, ConnectionError, TimeoutError naming the addresses that were tried
 * @throws BrokerError when a broker refuses a subscription
 */
export async function joinGroup(client: ClientInstance, runtime: ConsumerRuntime, state: ConsumerState): Promise<void> {
  const { startTimeoutMs } = state.options;
  const steps = join(client, runtime, state);
  let timer: unknown;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = client.clock.setTimeout(() => {
      const addresses = [
        ...client.nameServers.addresses,
        ...client.routes.allBrokers().map((broker) => broker.address),
      ];
      reject(
        new TimeoutError(
          `the consumer of ${runtime.consumerGroup} did not start within ${startTimeoutMs} ms; ` +
            `addresses known: ${addresses.join(', ') || 'none'}`,
          { addresses, startTimeoutMs },
        ),
      );
    }, startTimeoutMs);
  });
  try {
    await Promise.race([steps, timeout]);
  } finally {
    client.clock.clearTimeout(timer);
    // When the timeout won, what the steps come to is of no interest any more.
    steps.catch((error: unknown) => log('joining failed: %s', error));
  }
}

async function join(client: ClientInstance, runtime: ConsumerRuntime, state: ConsumerState): Promise<void> {
  await runtime.offsets.load();
  // A codec that has to be loaded must be there when a batch arrives that is compressed with it; most never do.
  await prepareCompression(CompressionType.ZSTD).catch((error: unknown) => log('no zstd: %s', error));
  const topics = [...state.subscriptions.keys()];
  await Promise.all(topics.map((topic) => fetchRoute(client, topic)));
  client.registerConsumer(runtime);
  for (const topic of topics) client.routes.track(topic);
  await checkSubscriptions(client, runtime, state);
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
