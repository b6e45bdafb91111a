import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import type { Timer } from '../clock.js';
import { BrokerError, RocketMQError } from '../errors.js';
import { leaseOf } from '../protocol/lease.js';
import { compareMessageQueues, messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { getConsumerListByGroup } from '../protocol/requests/get-consumer-list-by-group.js';
import type { TopicRoute } from '../routing/route-table.js';
import type { AllocateMessageQueueStrategy } from './allocation/index.js';
import type { Ownership } from './ownership.js';
import type { QueueTable } from './queue-table.js';

const log = debug('rocketmq:rebalance');

/** The reference's shortest time between two runs, and the one between runs while something is unsettled. */
const MIN_INTERVAL = 1_000;
/**
 * So many runs may follow one another sooner than that, each second without one allows another: nobody consumes the queues
 * of a member that has left until the others have run, and when a service is scaled down, several leave in one second.
 */
const RUNS_IN_A_ROW = 5;
/** The time between those, in milliseconds: what changes at once needs one run. */
const RUN_SPACING = 50;

export interface RebalancerOptions {
  /** With its namespace. */
  readonly consumerGroup: string;
  readonly clustering: boolean;
  readonly interval: number;
  /** How long a member may go on consuming without hearing from its broker, in milliseconds. */
  readonly leaseTime: number;
}

export interface RebalancerDeps {
  readonly client: ClientInstance;
  readonly table: QueueTable;
  readonly ownership: Ownership;
  readonly strategy: AllocateMessageQueueStrategy;
  /** The subscribed topics with their namespaces, the retry topic among them. */
  readonly topics: () => readonly string[];
  readonly isSuspended: () => boolean;
  readonly changed: (topic: string, all: readonly MessageQueue[], mine: readonly MessageQueue[]) => void;
  readonly report: (error: RocketMQError) => void;
  readonly warn: (code: string, message: string) => void;
}

/**
 * Decides, every 20 s and whenever something has changed, which queues this member of the group is to consume. It only
 * decides: {@link Ownership} carries it out. What can't be looked up stays as it is.
 */
export class Rebalancer {
  readonly #options: RebalancerOptions;
  readonly #deps: RebalancerDeps;
  readonly #mineBefore = new Map<string, string>();
  /** The members of the group as they were last known for certain. */
  #membersBefore: readonly string[] = [];
  /** By broker address: which members it has named since the connection was made, for as long as their leases. */
  readonly #named = new Map<string, { readonly since: number; readonly members: Set<string> }>();
  #timer: Timer = undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #lastRunAt = Number.NEGATIVE_INFINITY;
  #runsLeft = RUNS_IN_A_ROW;
  #running: Promise<void> | undefined;
  #wokenMeanwhile = false;
  #missingRoutes = 0;
  #stopped = true;

  constructor(options: RebalancerOptions, deps: RebalancerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Runs for the first time, at once. */
  start(): void {
    this.#stopped = false;
    this.#plan(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#clearTimer();
    await this.#running;
  }

  /** Something has changed: runs soon, at once if it has not run much lately. */
  wake(reason: string): void {
    if (this.#stopped) return;
    log('woken: %s', reason);
    if (this.#running !== undefined) this.#wokenMeanwhile = true;
    else this.#planSoon();
  }

  #now(): number {
    return this.#deps.client.clock.now();
  }

  #planSoon(): void {
    this.#planSinceLast(this.#runsLeft > 0 ? RUN_SPACING : MIN_INTERVAL);
  }

  /** Plans the next run for so long after the last one began, at once when that is past. */
  #planSinceLast(interval: number): void {
    this.#plan(Math.max(0, this.#lastRunAt + interval - this.#now()));
  }

  #countRun(): void {
    const now = this.#now();
    const regained = Math.floor((now - this.#lastRunAt) / MIN_INTERVAL);
    this.#runsLeft = Math.max(0, Math.min(RUNS_IN_A_ROW, this.#runsLeft + regained) - 1);
    this.#lastRunAt = now;
  }

  /** Plans the next run; an earlier one that is planned already stays. */
  #plan(delay: number): void {
    const dueAt = this.#now() + delay;
    if (this.#stopped || dueAt >= this.#dueAt) return;
    this.#clearTimer();
    this.#dueAt = dueAt;
    this.#timer = this.#deps.client.clock.setTimeout(() => {
      this.#clearTimer();
      this.#running = this.#run();
    }, delay);
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#deps.client.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  async #run(): Promise<void> {
    this.#countRun();
    this.#wokenMeanwhile = false;
    let settled = false;
    try {
      settled = this.#deps.isSuspended() ? false : await this.#rebalance();
    } catch (cause) {
      this.#deps.report(
        new RocketMQError('rebalancing failed; the queues stay as they are, it is tried again in a second', {
          code: 'ERR_ROCKETMQ_REBALANCE',
          retryable: true,
          cause,
        }),
      );
    }
    this.#running = undefined;
    if (this.#wokenMeanwhile) this.#planSoon();
    else if (!settled) this.#planSinceLast(MIN_INTERVAL);
    // A topic nobody knows yet is looked for at growing intervals.
    else if (this.#missingRoutes > 0)
      this.#plan(Math.min(this.#options.interval, MIN_INTERVAL * 2 ** this.#missingRoutes));
    else this.#plan(this.#options.interval);
  }

  async #rebalance(): Promise<boolean> {
    const { ownership, topics } = this.#deps;
    const wanted = new Map<string, MessageQueue>();
    let complete = true;
    let routeMissing = false;
    const changes: (() => void)[] = [];
    await Promise.all(
      topics().map(async (topic) => {
        const route = await this.#route(topic);
        if (route === undefined) routeMissing = true;
        const mine = route === undefined ? undefined : await this.#allocate(topic, route);
        if (mine === undefined) {
          if (route !== undefined) complete = false;
          for (const queue of this.#current(topic)) wanted.set(messageQueueKey(queue), queue);
          return;
        }
        for (const queue of mine) wanted.set(messageQueueKey(queue), queue);
        const fingerprint = mine.map(messageQueueKey).sort().join('\n');
        if (this.#mineBefore.get(topic) === fingerprint) return;
        this.#mineBefore.set(topic, fingerprint);
        changes.push(() => this.#deps.changed(topic, route?.subscribeQueues ?? [], mine));
      }),
    );
    if (this.#stopped) return true;
    for (const topic of this.#mineBefore.keys()) {
      if (topics().includes(topic)) continue;
      this.#mineBefore.delete(topic);
      changes.push(() => this.#deps.changed(topic, [], []));
    }
    this.#missingRoutes = routeMissing ? Math.min(this.#missingRoutes + 1, 10) : 0;
    ownership.reconcile(wanted, 'it belongs to another member of the group now');
    for (const tell of changes) tell();
    return complete && ownership.isSettled(wanted);
  }

  async #route(topic: string): Promise<TopicRoute | undefined> {
    const { routes } = this.#deps.client;
    const known = routes.get(topic);
    if (known !== undefined) return known;
    try {
      return await routes.fetch(topic);
    } catch (error) {
      // The retry topic appears with the group's first heartbeat; a missing one is no fault.
      if (!(error instanceof RocketMQError)) throw error;
      if (this.#missingRoutes === 0 && !topic.startsWith('%RETRY%')) this.#deps.report(error);
      return undefined;
    }
  }

  #current(topic: string): MessageQueue[] {
    return this.#deps.table
      .all()
      .filter((queue) => queue.messageQueue.topic === topic && queue.state !== 'draining')
      .map((queue) => queue.messageQueue);
  }

  /** This member's share of the topic, or `undefined` when it can't be told and all should stay as it is. */
  async #allocate(topic: string, route: TopicRoute): Promise<MessageQueue[] | undefined> {
    const { client, strategy } = this.#deps;
    const all = [...route.subscribeQueues].sort(compareMessageQueues);
    if (!this.#options.clustering || all.length === 0) return all;
    const members = await this.#members(topic, route);
    if (members === undefined) return undefined;
    try {
      return strategy.allocate(this.#options.consumerGroup, client.clientId, all, members);
    } catch (cause) {
      this.#deps.report(
        new RocketMQError(`the strategy ${strategy.name} could not allocate the queues of ${topic}`, {
          code: 'ERR_ROCKETMQ_ALLOCATION',
          retryable: true,
          cause,
          context: { topic, queues: all.length, members: members.length },
        }),
      );
      return undefined;
    }
  }

  /** The group's client ids in the order all members agree on; `undefined` when they can't be told. */
  async #members(topic: string, route: TopicRoute): Promise<string[] | undefined> {
    const answers = await Promise.all(this.#whomToAsk(route).map((address) => this.#membersAt(address, topic)));
    const members = answers.find((answer) => answer !== undefined);
    if (members === undefined) return undefined;
    this.#membersBefore = members;
    const brokerNames = route.data.brokerDatas.map(({ brokerName }) => brokerName);
    this.#deps.ownership.membersSeen(members, brokerNames);
    return members;
  }

  /** The group's client ids as one broker knows them; `undefined` when it may not know all. */
  async #membersAt(address: string, topic: string): Promise<string[] | undefined> {
    const { client } = this.#deps;
    const ids = await this.#askForMembers(address);
    if (ids === undefined) return undefined;
    const members = [...new Set(ids)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    if (ids.filter((id) => id === client.clientId).length > 1) this.#warnOfDuplicate();
    const unheardOf = this.#unheardOf(address, members);
    if (!members.includes(client.clientId)) {
      // A broker that was restarted hasn't heard of this member yet. Giving everything up for that would be wrong.
      log('%s: own id is missing among %d members of %s', topic, members.length, address);
      await this.#introduce(address);
      return undefined;
    }
    if (unheardOf.length > 0) {
      // Nor has it heard of these, and as it may have forgotten their locks, too, it would give them to anybody.
      log('%s: %s has not heard of %s since it was connected to', topic, address, unheardOf.join(', '));
      return undefined;
    }
    return members;
  }

  /**
   * Who was a member before, and is missing although the broker has not named it yet on a connection that is younger than
   * that member's lease.
   */
  #unheardOf(address: string, members: readonly string[]): string[] {
    const since = this.#deps.client.connectedSince(address) ?? this.#now();
    let named = this.#named.get(address);
    if (named?.since !== since) this.#named.set(address, (named = { since, members: new Set() }));
    const age = this.#now() - since;
    for (const id of members) if (age <= leaseOf(id)) named.members.add(id);
    return this.#membersBefore.filter((id) => age <= leaseOf(id) && !named.members.has(id));
  }

  /**
   * Any broker of the topic knows all members. One that was restarted knows neither members nor locks; one whose connection
   * is older than the members' leases does: since then each of them has sent a heartbeat, or consumes no more. So one of
   * those is asked. As long as there is none, all are, so that each has named those whose leaving it is to be believed later.
   */
  #whomToAsk(route: TopicRoute): string[] {
    const { client } = this.#deps;
    const addresses = route.data.brokerDatas
      .map(({ brokerName }) => client.routes.anyBrokerAddress(brokerName, 0)?.address)
      .filter((address) => address !== undefined);
    const longestLease = this.#membersBefore.reduce((most, id) => Math.max(most, leaseOf(id)), this.#options.leaseTime);
    const trustedSince = this.#now() - longestLease;
    const connected = addresses.filter((address) => client.connectedSince(address) !== undefined);
    const trusted = connected.filter((address) => (client.connectedSince(address) ?? trustedSince) < trustedSince);
    if (trusted.length === 0 && connected.length > 0) return connected;
    const candidates = trusted.length > 0 ? trusted : addresses;
    const chosen = Math.floor(Math.random() * candidates.length);
    return candidates.slice(chosen, chosen + 1);
  }

  async #askForMembers(address: string): Promise<readonly string[] | undefined> {
    const { client, report } = this.#deps;
    try {
      const request = { consumerGroup: this.#options.consumerGroup };
      const options = { timeoutMs: client.requestTimeoutMs };
      return (await client.remoting.call(address, getConsumerListByGroup, request, options)).consumerIds;
    } catch (error) {
      if (error instanceof BrokerError) await this.#introduce(address);
      if (error instanceof RocketMQError) report(error);
      return undefined;
    }
  }

  #warnOfDuplicate(): void {
    const { client, warn } = this.#deps;
    warn(
      'DUPLICATE_CLIENT_ID',
      `the client id ${client.clientId} is listed more than once in ${this.#options.consumerGroup}: if another member ` +
        'uses it, too, both would believe they own a queue; give each a different instanceName. After a connection broke, ' +
        'a broker may list it for another two minutes, which does no harm',
    );
  }

  async #introduce(address: string): Promise<void> {
    await this.#deps.client.heartbeats.beat(address).catch((error: unknown) => {
      log('heartbeat to %s failed: %s', address, error);
    });
  }
}
