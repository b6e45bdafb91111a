import type { MessageQueue, OrderedConsumerOptions } from '../../../lib/index.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { seededRandom } from '../../../mock-broker/faults/random.js';
import { MockCluster, type MockBroker } from '../../../mock-broker/index.js';
import { ClusterClock } from './machine/cluster-clock.js';
import { install } from './machine/install.js';
import { SimNetwork } from './machine/network.js';
import { SimProcess } from './machine/process.js';
import { Timeline } from './machine/timeline.js';
import { SimMember } from './member.js';
import { History } from './recorder.js';
import { BROKERS, QUEUES_PER_BROKER, type Schedule } from './steps.js';
import { queueName, WireTap } from './wire-tap.js';

export const GROUP = 'group';
export const TOPIC = 'T';
export const DEAD_LETTERS = `%DLQ%${GROUP}`;
/** Marks a message, so that a dead letter can be told for it. */
const MARK = 'MARK';
const PULL_SIZES = [2, 8, 1];

const LEASES = {
  default: { renewEvery: 20_000, validFor: 30_000 },
  short: { renewEvery: 1_500, validFor: 5_000 },
};

/** A cluster, a network and a group of consumers on one time line, and the history of what they do. */
export class World {
  readonly timeline = new Timeline();
  readonly history = new History(() => this.timeline.now);
  readonly schedule: Schedule;
  readonly random: () => number;
  readonly brokerProcess: SimProcess;
  readonly network: SimNetwork;
  /** Whoever took part, in the order they joined. */
  readonly members: SimMember[] = [];
  readonly #slots: (SimMember | undefined)[] = [];
  readonly tap: WireTap;
  readonly #undo: () => void;
  readonly #committed = new Map<string, number | undefined>();
  #cluster: MockCluster | undefined;

  private constructor(schedule: Schedule) {
    this.schedule = schedule;
    this.random = seededRandom(schedule.salt);
    this.brokerProcess = new SimProcess('brokers', this.timeline);
    this.network = new SimNetwork(this.timeline, this.brokerProcess, seededRandom(schedule.salt + 1));
    this.tap = new WireTap(TOPIC, (event) => this.history.add(event));
    this.network.tap = this.tap;
    this.timeline.onHappened = (host) => {
      // What a member does reaches the brokers in an event of theirs.
      if (host === undefined || host === this.brokerProcess) this.#lookAtBrokers();
    };
    this.#undo = install(this.timeline, this.network, this.random);
  }

  static async start(schedule: Schedule): Promise<World> {
    const world = new World(schedule);
    world.#cluster = await MockCluster.start({
      brokers: BROKERS.map((name) => ({ name })),
      topics: { [TOPIC]: { queues: QUEUES_PER_BROKER } },
      clock: new ClusterClock(world.brokerProcess),
      journalLimit: 0,
      watchdogs: false,
    });
    // A real broker works on pulls in several threads: answers overtake each other.
    world.#cluster.faults.add({
      code: RequestCode.PULL_MESSAGE,
      probability: 0.3,
      seed: schedule.salt,
      action: { type: 'delay', ms: 15, when: 'after' },
    });
    return world;
  }

  get cluster(): MockCluster {
    return this.#cluster as MockCluster;
  }

  get now(): number {
    return this.timeline.now;
  }

  get lease(): { readonly renewEvery: number; readonly validFor: number } {
    return LEASES[this.schedule.lease];
  }

  broker(index: number): MockBroker {
    return this.cluster.broker(BROKERS[index] as string);
  }

  member(slot: number): SimMember | undefined {
    return this.#slots[slot];
  }

  /** The member of a slot, as long as it is neither leaving nor gone. */
  active(slot: number): SimMember | undefined {
    const member = this.#slots[slot];
    return member?.isActive === true ? member : undefined;
  }

  /** Lets time pass. */
  advance(ms: number): Promise<void> {
    return this.timeline.run(this.now + ms);
  }

  /**
   * Has something happen now, as whoever's doing it is, with all that follows from it at once.
   *
   * @param befalls it happens to the host, asleep or not, rather than being done by it
   */
  async cause(host: SimProcess | undefined, what: () => unknown, befalls = false): Promise<void> {
    let failed: { readonly error: unknown } | undefined;
    const happen = (): void => {
      Promise.resolve()
        .then(what)
        .catch((error: unknown) => (failed = { error }));
    };
    this.timeline.plan(this.now, host, happen, befalls);
    await this.timeline.run(this.now);
    if (failed !== undefined) throw failed.error;
  }

  async join(slot: number, settings: { batch: number; places: number; sameId: boolean }): Promise<void> {
    const before = this.#slots[slot];
    if (before?.isActive === true) return;
    // A process can't start under an id while the one that leaves still uses it.
    const again = settings.sameId && before !== undefined && before.life === 'gone';
    const name = `m${slot}.${this.members.length}`;
    const instanceName = again ? (before.clientId.split('@')[1] ?? name).replace(/#lease.*$/, '') : name;
    const process = new SimProcess(name, this.timeline);
    const options: OrderedConsumerOptions = {
      namesrvAddr: this.cluster.namesrvAddr,
      consumerGroup: GROUP,
      consumeFromWhere: this.schedule.from === 'first' ? 'CONSUME_FROM_FIRST_OFFSET' : 'CONSUME_FROM_LAST_OFFSET',
      strictConsumeFromWhere: true,
      clientIP: '10.0.0.1',
      instanceName,
      consumeMessageBatchMaxSize: settings.batch,
      consumeConcurrency: settings.places,
      // With the smaller ones a queue is soon far behind, and several pulls of it are under way.
      pullBatchSize: PULL_SIZES[this.members.length % PULL_SIZES.length],
      pullThresholdForQueue: 24,
      lease: this.lease,
      orphanLocks: this.schedule.orphanLocks,
    };
    const draw = seededRandom(this.schedule.salt + 2 + this.members.length);
    await this.cause(process, () => {
      const member = new SimMember(process, options, this.lease.validFor, TOPIC, this.history, draw);
      this.tap.clientIds.set(name, member.clientId);
      this.#slots[slot] = member;
      this.members.push(member);
    });
  }

  /** Kills a member's process, or with it the machine it runs on. */
  async kill(member: SimMember, machineToo: boolean): Promise<void> {
    const kill = (): void => {
      this.network.lose(member.process, machineToo);
      member.kill();
    };
    await this.cause(member.process, kill, true);
  }

  produce(queue: MessageQueue, count: number): void {
    const { store } = this.cluster.broker(queue.brokerName).state;
    for (let i = 0; i < count; i++) {
      const offset = store.maxOffset(TOPIC, queue.queueId);
      this.cluster.produce(TOPIC, {
        ...queue,
        body: String(offset),
        properties: { [MARK]: `${queueName(queue)}:${offset}` },
      });
    }
    const end = store.maxOffset(TOPIC, queue.queueId);
    this.history.add({ type: 'stored', at: this.now, queue: queueName(queue), end });
  }

  /** A message for every queue. */
  async produceEverywhere(): Promise<void> {
    await this.cause(this.brokerProcess, () => {
      for (const queue of allQueues()) this.produce(queue, 1);
    });
  }

  /** What is in the dead letter queue: how often, by `broker-a#3:17`. */
  deadLetters(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { properties } of this.cluster.messages(DEAD_LETTERS)) {
      const mark = properties[MARK] ?? 'without its properties';
      counts.set(mark, (counts.get(mark) ?? 0) + 1);
    }
    return counts;
  }

  committed(queue: MessageQueue): number | undefined {
    return this.cluster.broker(queue.brokerName).state.offsets.query(GROUP, TOPIC, queue.queueId);
  }

  /** The machine is itself again. */
  dispose(): void {
    this.#undo();
  }

  #lookAtBrokers(): void {
    if (this.#cluster === undefined) return;
    for (const queue of allQueues()) {
      const name = queueName(queue);
      const offset = this.committed(queue);
      if (this.#committed.get(name) === offset) continue;
      this.#committed.set(name, offset);
      this.history.add({ type: 'committed', at: this.now, queue: name, offset });
    }
  }
}

export function queueOf(index: number): MessageQueue {
  const brokerName = BROKERS[Math.floor(index / QUEUES_PER_BROKER)] as string;
  return { topic: TOPIC, brokerName, queueId: index % QUEUES_PER_BROKER };
}

const ALL_QUEUES = Array.from({ length: BROKERS.length * QUEUES_PER_BROKER }, (_, index) => queueOf(index));

export function allQueues(): readonly MessageQueue[] {
  return ALL_QUEUES;
}
