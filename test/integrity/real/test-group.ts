import pLimit from 'p-limit';
import { join } from 'node:path';
import type { MessageQueue, Producer } from '../../../lib/index.js';
import { MemberProcess, type MemberOptions } from '../../support/member-process.js';
import type { RealCluster } from '../../support/real-cluster.js';
import { until } from '../../support/until.js';
import { emptyHistory, LogReader, monotonicMicros, type Fault, type History } from './history.js';
import { MemberNetwork, type Upstream } from './member-network.js';
import type { Peer } from './peer-members.js';
import type { Observer } from './observer.js';
import { Traffic } from './traffic.js';

/** What groups of one cluster share. */
export interface World {
  readonly cluster: RealCluster;
  readonly upstreams: readonly Upstream[];
  readonly producer: Producer;
  readonly observer: Observer;
  /** The program of members of ours. */
  readonly memberProgram: string;
}

export interface GroupOptions {
  /** A message for each queue each so many milliseconds. Default 1000. */
  readonly everyMs?: number;
  /** How long each call waits, in milliseconds. Default 150: some listener of a member is mostly in a call. */
  readonly waitMs?: number;
  /** For each member. */
  readonly consumer?: MemberOptions['consumer'];
  readonly leaseMs?: number;
  /** Members that are other clients; they join after ours. */
  readonly peers?: readonly ((group: TestGroup) => Promise<Peer>)[];
}

/** A member of ours with its way to the cluster. */
export interface Member {
  readonly name: string;
  readonly process: MemberProcess;
  readonly network: MemberNetwork;
  readonly reader: LogReader;
}

/** Starting them all at once would take longer for each than anybody waits. */
const starting = pLimit(2);

const LOOK_INTERVAL_MS = 2_000;

/** One consumer group under test: its topic of eight queues, members, traffic, and the history it makes. */
export class TestGroup {
  readonly name: string;
  readonly topic: string;
  readonly queues: readonly MessageQueue[];
  readonly world: World;
  readonly history: History;
  readonly members = new Map<string, Member>();
  readonly traffic: Traffic;
  readonly #peers: Peer[] = [];
  readonly #options: GroupOptions;
  #looking: NodeJS.Timeout | undefined;

  constructor(world: World, name: string, options: GroupOptions = {}) {
    const { cluster, producer } = world;
    this.world = world;
    this.name = name;
    this.topic = name;
    this.#options = options;
    this.history = emptyHistory(options.leaseMs);
    const { masters } = cluster;
    this.queues = masters.flatMap((broker) =>
      Array.from({ length: 8 / masters.length }, (_, queueId) => ({
        topic: this.topic,
        brokerName: broker.name,
        queueId,
      })),
    );
    this.traffic = new Traffic(producer, this.queues, this.history);
  }

  /** The topic, and so many members of ours that share all queues. */
  async assemble(memberCount: number): Promise<void> {
    const masters = new Set(this.queues.map(({ brokerName }) => brokerName));
    const brokers = [...masters];
    await this.world.cluster.createTopic(this.topic, this.queues.length / brokers.length, { brokers });
    const names = Array.from({ length: memberCount }, (_, index) => `m${index + 1}`);
    await Promise.all(names.map((name) => this.join(name)));
    await this.untilShared(memberCount);
    for (const joinAs of this.#options.peers ?? []) {
      const peer = await starting(() => joinAs(this));
      this.#peers.push(peer);
      this.history.foreign.add(peer.name);
    }
  }

  /** Traffic that has reached each queue's listener. */
  async begin(): Promise<void> {
    this.watch();
    this.traffic.start(this.#options.everyMs ?? 1_000);
    await this.untilMoving();
  }

  /** Looks at the committed offsets every second from now on. */
  watch(): void {
    const look = (): void => void this.world.observer.look(this.name, this.queues, this.history);
    this.#looking = setInterval(look, LOOK_INTERVAL_MS);
  }

  async join(name: string): Promise<Member> {
    const { cluster, upstreams, memberProgram } = this.world;
    const network = await MemberNetwork.open(name, this.topic, cluster.namesrvAddr, upstreams, this.history);
    const log = join(cluster.dir, `${this.name}-${name}.log`);
    const options: MemberOptions = {
      namesrvAddr: network.namesrvAddr,
      group: this.name,
      topic: this.topic,
      log,
      begins: true,
      waitMs: this.#options.waitMs ?? 150,
      failEvery: 17,
      consumer: { suspendCurrentQueueTimeMillis: 100, ...this.#options.consumer },
    };
    let process: MemberProcess;
    try {
      process = await starting(() => MemberProcess.start(name, options, memberProgram));
    } catch (error) {
      await network.close();
      throw error;
    }
    const member: Member = { name, process, network, reader: new LogReader(name, log, this.history) };
    this.members.set(name, member);
    return member;
  }

  member(name: string): Member {
    const member = this.members.get(name);
    if (member === undefined) throw new Error(`there is no member ${name}`);
    return member;
  }

  /** The queues a member owns now, as it says. */
  owned({ name, reader }: Member): string[] {
    reader.update();
    const owned = new Set<string>();
    for (const { kind, member, queue } of this.history.events) {
      if (member !== name) continue;
      if (kind === 'own') owned.add(queue);
      else if (kind === 'free') owned.delete(queue);
    }
    return [...owned];
  }

  /** A member that owns a queue of this broker now. */
  ownerAt(brokerName: string): Member {
    for (const member of this.members.values()) {
      if (this.owned(member).some((queue) => queue.startsWith(`${brokerName}#`))) return member;
    }
    throw new Error(`nobody owns a queue of ${brokerName}`);
  }

  /** The members whose process is there. */
  running(): Member[] {
    return [...this.members.values()].filter(({ process }) => process.running);
  }

  /** Notes what is done to somebody, for as long as `during` lasts. */
  async fault<T>(what: Fault['what'], whom: string, during: () => Promise<T>): Promise<T> {
    const fault: Fault = { what, whom, from: monotonicMicros(), to: undefined };
    this.history.faults.push(fault);
    try {
      return await during();
    } finally {
      fault.to = monotonicMicros();
    }
  }

  async kill(member: Member): Promise<void> {
    await member.process.kill();
    // Its last call may have begun after the signal was sent; it is over now at the latest.
    this.history.faults.push({ what: 'killed', whom: member.name, from: monotonicMicros(), to: undefined });
  }

  /** Takes in what members have written. */
  update(): void {
    for (const { reader } of this.members.values()) reader.update();
    for (const peer of this.#peers) peer.update();
  }

  /** Resolves when all queues are owned, by members with about as many each. */
  async untilShared(memberCount: number): Promise<void> {
    const fair = Math.floor(this.queues.length / memberCount);
    await until(
      `${this.name}: ${memberCount} members share all queues`,
      async () => {
        const owned = this.running().map((member) => this.owned(member));
        const enough = owned.every((queues) => queues.length >= fair);
        return enough && new Set(owned.flat()).size === this.queues.length ? true : undefined;
      },
      { timeoutMs: 120_000, everyMs: 500 },
    );
  }

  /** Resolves when a listener call of each queue has begun and ended since now. */
  async untilMoving(timeoutMs = 120_000): Promise<void> {
    const since = monotonicMicros();
    const moved = new Set<string>();
    let seen = 0;
    await until(
      `${this.name}: every queue moves`,
      async () => {
        this.update();
        const { calls } = this.history;
        while (seen < calls.length && calls[seen]?.end !== undefined) {
          const call = calls[seen++];
          if (call !== undefined && call.begin >= since) moved.add(call.queue);
        }
        // One that is still open must not hide those behind it for ever.
        for (const call of calls.slice(seen)) if (call.begin >= since && call.end !== undefined) moved.add(call.queue);
        return moved.size === this.queues.length ? true : undefined;
      },
      { timeoutMs, everyMs: 500 },
    ).catch((cause: unknown) => {
      const missing = this.queues
        .map(({ brokerName, queueId }) => `${brokerName}#${queueId}`)
        .filter((queue) => !moved.has(queue));
      throw new Error(`${this.name}: nothing is consumed of ${missing.join(', ')} for ${timeoutMs} ms`, { cause });
    });
  }

  /** Resolves when what was acknowledged so far is done and committed: the brokers have said so. */
  async untilDone(): Promise<void> {
    const done = new Set<string>();
    let seen = 0;
    await until(
      `${this.name}: all is done`,
      async () => {
        this.update();
        const { calls, acknowledged, commits } = this.history;
        while (calls[seen]?.end !== undefined) {
          const call = calls[seen++];
          if (call?.done === true) done.add(`${call.queue}@${call.offset}`);
        }
        const last = new Map<string, number>();
        for (const place of acknowledged.keys()) {
          if (!done.has(place)) return undefined;
          const [queue = '', offset] = place.split('@');
          last.set(queue, Math.max(last.get(queue) ?? 0, Number(offset) + 1));
        }
        const committed = (queue: string, offset: number): boolean =>
          commits.some(
            (commit) => commit.queue === queue && commit.offset === offset && commit.answeredAt !== undefined,
          );
        return [...last].every(([queue, offset]) => committed(queue, offset)) ? true : undefined;
      },
      { everyMs: 50 },
    );
  }

  /** Stops the traffic, and resolves when the brokers have the end of each queue as the committed offset. */
  async drain(timeoutMs: number): Promise<void> {
    await this.traffic.stop();
    const { observer } = this.world;
    let behind: string[] = [];
    await until(
      `${this.name}: no lag`,
      async () => {
        // Each time anew: brokers answer with the end of an index that they write a little after the message.
        for (const queue of this.queues) {
          this.history.sent.set(`${queue.brokerName}#${queue.queueId}`, await observer.maxOffset(queue));
        }
        await observer.look(this.name, this.queues, this.history);
        behind = this.behind();
        return behind.length === 0 ? true : undefined;
      },
      { timeoutMs, everyMs: 500 },
    ).catch((cause: unknown) => {
      throw new Error(`${this.name}: lag after ${timeoutMs} ms: ${behind.join(', ')}`, { cause });
    });
  }

  /** Queues whose committed offset is not their end, as they were last seen. */
  behind(): string[] {
    return [...this.history.sent].flatMap(([queue, count]) => {
      const offset = this.history.stored.findLast((stored) => stored.queue === queue)?.offset;
      return offset === count || (count === 0 && offset === undefined) ? [] : [`${queue} at ${offset} of ${count}`];
    });
  }

  /** Ends everything that still runs. */
  async stop(): Promise<void> {
    clearInterval(this.#looking);
    await this.traffic.stop();
    await Promise.all([...this.members.values()].map(({ process }) => process.kill()));
    await Promise.all(this.#peers.map((peer) => peer.stop()));
    await Promise.all([...this.members.values()].map(({ network }) => network.close()));
  }
}
