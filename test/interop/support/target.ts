import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerError } from '../../../lib/errors.js';
import { MqVersion } from '../../../lib/protocol/codes.js';
import type { RequestCommand } from '../../../lib/protocol/command.js';
import { decodeMessages, type StoredMessage } from '../../../lib/protocol/message.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../lib/protocol/requests/query-consumer-offset.js';
import { MockCluster } from '../../../mock-broker/index.js';
import { ClusterAdmin, type CreateGroupOptions, type CreateTopicOptions } from '../../support/cluster-admin.js';
import { ownFolder, removeFolder } from '../../support/owned-process.js';
import { RawClient } from '../../support/raw-client.js';
import { startRealCluster } from '../../support/real-cluster.js';

/** The cluster the cases of this suite run against: the mock, or Apache RocketMQ. Nothing in here depends on which. */

/** Transactions are asked about this early and this often here, where the reference takes 6 s and 30 s. */
export const TRANSACTION_TIMEOUT_MS = 1000;
export const TRANSACTION_CHECK_INTERVAL_MS = 1000;

export interface InteropTarget {
  readonly kind: 'mock' | 'real';
  readonly namesrvAddr: string;
  /** The mock itself, for faults and its journal; undefined with a real cluster. */
  readonly mock: MockCluster | undefined;
  /** Administration by the protocol: requests to any address. */
  readonly admin: ClusterAdmin;
  /** A folder that programs may write into; removed at the end. */
  readonly dir: string;
  createTopic(name: string, queues: number, options?: CreateTopicOptions): Promise<void>;
  createGroup(name: string, options?: CreateGroupOptions): Promise<void>;
  /** What is stored of a topic, by broker name, queue and offset; retry and dead letter topics and hidden ones too. */
  stored(topic: string): Promise<StoredMessage[]>;
  /** The sum of a group's committed offsets in a topic: with everything consumed, the number of messages. */
  committed(group: string, topic: string): Promise<number>;
  /** A name nothing else uses. */
  unique(prefix: string): string;
  stop(): Promise<void>;
}

let current: InteropTarget | undefined;

export function setTarget(target: InteropTarget): void {
  current = target;
}

/** The cluster of this run. @throws Error outside of `npm run test:interop` */
export function target(): InteropTarget {
  if (current === undefined) throw new Error('there is no cluster: run `npm run test:interop`');
  return current;
}

export async function startMock(): Promise<InteropTarget> {
  const cluster = await MockCluster.start({
    brokers: 2,
    version: MqVersion.V5_5_0,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    transactionCheckIntervalMs: TRANSACTION_CHECK_INTERVAL_MS,
  });
  const dir = mkdtempSync(join(tmpdir(), 'rocketmq-interop-'));
  ownFolder(dir);
  return build('mock', cluster.namesrvAddr, cluster, dir, async () => {
    await cluster.stop();
    removeFolder(dir);
  });
}

export async function startReal(): Promise<InteropTarget> {
  const cluster = await startRealCluster({
    version: '5.5.0',
    brokers: 2,
    brokerConfig: {
      transactionTimeOut: String(TRANSACTION_TIMEOUT_MS),
      transactionCheckInterval: String(TRANSACTION_CHECK_INTERVAL_MS),
      // It notes what was ended so late that it would ask about it all the same: 3 s.
      transactionOpBatchInterval: '100',
    },
  });
  return build('real', cluster.namesrvAddr, undefined, cluster.dir, () => cluster.stop());
}

function build(
  kind: 'mock' | 'real',
  namesrvAddr: string,
  mock: MockCluster | undefined,
  dir: string,
  stop: () => Promise<void>,
): InteropTarget {
  const admin = new ClusterAdmin(namesrvAddr);
  const run = Date.now().toString(36);
  let counter = 0;
  return {
    kind,
    namesrvAddr,
    mock,
    admin,
    dir,
    createTopic: (name, queues, options) => admin.createTopic(name, queues, options),
    createGroup: (name, options) => admin.createGroup(name, options),
    stored: (topic) => stored(admin, topic),
    committed: (group, topic) => committed(admin, group, topic),
    unique: (prefix) => `${prefix}-${run}-${counter++}`,
    stop,
  };
}

/** More queues than any topic of a case has: those that are not there answer with an error, which ends the search. */
const MAX_QUEUES = 16;
const READER = 'interop-reader';

async function stored(admin: ClusterAdmin, topic: string): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  for (const [brokerName, address] of await admin.masters()) {
    const client = await RawClient.connect(address);
    try {
      for (let queueId = 0; queueId < MAX_QUEUES; queueId++) {
        const messages = await storedInQueue(client, topic, queueId, brokerName);
        if (messages === undefined) break;
        found.push(...messages);
      }
    } finally {
      await client.close();
    }
  }
  return found;
}

/** Undefined when there is no such queue. */
async function storedInQueue(
  client: RawClient,
  topic: string,
  queueId: number,
  brokerName: string,
): Promise<StoredMessage[] | undefined> {
  const found: StoredMessage[] = [];
  for (let offset = 0; ;) {
    const reply = await client.request(pullOf(topic, queueId, offset));
    let pulled;
    try {
      pulled = pullMessage.decodeReply(reply);
    } catch (error) {
      if (error instanceof BrokerError) return undefined;
      throw error;
    }
    if (pulled.status !== 'FOUND') return found;
    found.push(...decodeMessages(pulled.body, { brokerName }).messages);
    offset = pulled.nextBeginOffset;
  }
}

function pullOf(topic: string, queueId: number, queueOffset: number): RequestCommand {
  return pullMessage.encode({
    consumerGroup: READER,
    topic,
    queueId,
    queueOffset,
    maxMsgNums: 32,
    // The subscription is in the request; not to be held.
    sysFlag: 4,
    commitOffset: 0,
    suspendTimeoutMillis: 0,
    subscription: '*',
    subVersion: 0,
    expressionType: 'TAG',
  });
}

async function committed(admin: ClusterAdmin, consumerGroup: string, topic: string): Promise<number> {
  let sum = 0;
  for (const address of (await admin.masters()).values()) {
    const client = await RawClient.connect(address);
    try {
      for (let queueId = 0; queueId < MAX_QUEUES; queueId++) {
        const request = { consumerGroup, topic, queueId, setZeroIfNotFound: false };
        sum += (await client.call(queryConsumerOffset, request)).offset ?? 0;
      }
    } finally {
      await client.close();
    }
  }
  return sum;
}
