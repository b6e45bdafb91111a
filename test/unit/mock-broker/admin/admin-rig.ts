import { MockClock } from '../../../../mock-broker/clock.js';
import { MockAdminClient, MockCluster, type MockClusterOptions } from '../../../../mock-broker/index.js';
import { RawClient } from '../../../support/raw-client.js';

/** A cluster on a clock that stands still, with its control plane, and a consumer that says what it is told to. */
export class AdminRig {
  readonly cluster: MockCluster;
  readonly client: MockAdminClient;
  readonly url: string;
  readonly #clients: RawClient[] = [];

  private constructor(cluster: MockCluster, url: string, token: string | undefined) {
    this.cluster = cluster;
    this.url = url;
    this.client = new MockAdminClient({ url, ...(token !== undefined && { token }) });
  }

  static async start(options: MockClusterOptions = {}, token?: string): Promise<AdminRig> {
    const cluster = await MockCluster.start({
      clock: MockClock.manual(1_700_000_000_000),
      topics: { Orders: { queues: 2 } },
      ...options,
    });
    const { url } = await cluster.startAdmin(token === undefined ? {} : { token });
    return new AdminRig(cluster, url, token);
  }

  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.cluster.broker('broker-a').address);
    this.#clients.push(client);
    return client;
  }

  /** A member of a group that consumes Orders, and holds the locks of its queues. */
  async consume(group: string, clientId: string): Promise<RawClient> {
    const client = await this.connect();
    const subscription = { topic: 'Orders', subString: '*', expressionType: 'TAG', subVersion: 1, tagsSet: [], codeSet: [], classFilterMode: false }; // prettier-ignore
    const consumer = { groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', subscriptionDataSet: [subscription], unitMode: false }; // prettier-ignore
    await client.request({
      code: 34,
      body: Buffer.from(JSON.stringify({ clientID: clientId, consumerDataSet: [consumer], producerDataSet: [] })),
    });
    const mqSet = [0, 1].map((queueId) => ({ topic: 'Orders', brokerName: 'broker-a', queueId }));
    await client.request({
      code: 41,
      body: Buffer.from(JSON.stringify({ consumerGroup: group, clientId, mqSet })),
    });
    return client;
  }

  /** Asks without the checks of the client. */
  async fetch(path: string, request: RequestInit = {}): Promise<{ status: number; body: unknown; headers: Headers }> {
    const response = await fetch(`${this.url}${path}`, request);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text, headers: response.headers };
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.cluster.stop();
  }
}

/** A JSON body to send. */
export function json(value: unknown, method = 'POST'): RequestInit {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}
