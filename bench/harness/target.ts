import type { MessageQueue } from '../../lib/index.js';
import { ClusterAdmin } from '../../test/support/cluster-admin.js';
import { startRealCluster } from '../../test/support/real-cluster.js';
import { MockProcess } from './mock-process.js';
import { versionName } from './version-name.js';

/** The cluster a suite runs against. */
export class Target {
  readonly namesrvAddr: string;
  /** What it is, for the report. */
  readonly description: string;
  readonly #admin: ClusterAdmin;
  readonly #masters: ReadonlyMap<string, string>;
  readonly #stop: () => Promise<void>;
  readonly #run = `${Date.now().toString(36)}${process.pid.toString(36)}`;
  #names = 0;

  private constructor(
    namesrvAddr: string,
    description: string,
    admin: ClusterAdmin,
    masters: ReadonlyMap<string, string>,
    stop: () => Promise<void>,
  ) {
    this.namesrvAddr = namesrvAddr;
    this.description = description;
    this.#admin = admin;
    this.#masters = masters;
    this.#stop = stop;
  }

  /** A broker of Apache RocketMQ, started for this run. */
  static async real(): Promise<Target> {
    const cluster = await startRealCluster({
      version: '5.5.0',
      tuned: 'throughput',
      // Files of the size they have in a real installation: a queue of this load would fill hundreds of the tests'.
      brokerConfig: {
        mappedFileSizeCommitLog: String(256 * 1024 * 1024),
        mappedFileSizeConsumeQueue: String(20 * 300_000),
        maxIndexNum: '20000000',
        maxHashSlotNum: '5000000',
      },
    });
    return Target.#of(cluster.namesrvAddr, 'started for this run', () => cluster.stop());
  }

  /** A cluster that runs already. Topics made there stay. */
  static running(namesrvAddr: string): Promise<Target> {
    return Target.#of(namesrvAddr, 'already running', () => Promise.resolve());
  }

  /** The bundled mock cluster, in a process of its own. */
  static async mock(brokers = 1): Promise<Target> {
    const cluster = await MockProcess.start(brokers);
    try {
      return await Target.#of(cluster.namesrvAddr, 'mock cluster', () => cluster.stop());
    } catch (error) {
      await cluster.kill();
      throw error;
    }
  }

  static async #of(namesrvAddr: string, what: string, stop: () => Promise<void>): Promise<Target> {
    try {
      const admin = new ClusterAdmin(namesrvAddr);
      const [masters, version] = await Promise.all([admin.masters(), admin.protocolVersion()]);
      const brokers = masters.size === 1 ? '1 broker' : `${masters.size} brokers`;
      return new Target(namesrvAddr, `protocol of ${versionName(version)}, ${brokers}, ${what}`, admin, masters, stop);
    } catch (error) {
      await stop();
      throw error;
    }
  }

  /** The first broker's address, for who asks it without a name server. */
  get brokerAddress(): string {
    return this.#firstBroker()[1];
  }

  /** All brokers' addresses. */
  get brokerAddresses(): string[] {
    return [...this.#masters.values()];
  }

  /** A name nothing else uses. */
  unique(prefix: string): string {
    return `${prefix}-${this.#run}${(this.#names++).toString(36)}`;
  }

  /** A fresh topic with this many queues on the first broker, or on each of all brokers. */
  async createTopic(prefix: string, queues: number, where: 'first' | 'all' = 'first'): Promise<BenchTopic> {
    const topic = this.unique(prefix);
    const brokers = where === 'all' ? [...this.#masters.keys()].sort() : [this.#firstBroker()[0]];
    await this.#admin.createTopic(topic, queues, { brokers });
    return {
      name: topic,
      queues: brokers.flatMap((brokerName) =>
        Array.from({ length: queues }, (_, queueId) => ({ topic, brokerName, queueId })),
      ),
    };
  }

  /** Ends what was started. */
  stop(): Promise<void> {
    return this.#stop();
  }

  #firstBroker(): [name: string, address: string] {
    const first = [...this.#masters].sort(([a], [b]) => a.localeCompare(b))[0];
    if (first === undefined) throw new Error(`${this.namesrvAddr} knows no broker`);
    return first;
  }
}

export interface BenchTopic {
  readonly name: string;
  readonly queues: readonly MessageQueue[];
}
