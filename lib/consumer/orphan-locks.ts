import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import type { Timer } from '../clock.js';
import { getConsumerListByGroup } from '../protocol/requests/get-consumer-list-by-group.js';
import type { AssignedQueue } from './assigned-queue.js';
import { DEFAULT_LEASE_TIME, leaseOf } from '../protocol/lease.js';
import { BROKER_LOCK_EXPIRY, type QueueLocks } from './queue-locks.js';

const log = debug('rocketmq:lock');

/** How often a broker is asked who is there while it refuses a lock, in milliseconds. */
const LOOK_INTERVAL = 250;
/** What a lease is given on top, in milliseconds: clocks of different machines don't run quite alike. */
const MARGIN = 500;

export interface OrphanLocksDeps {
  readonly client: ClientInstance;
  /** With its namespace. */
  readonly consumerGroup: string;
  readonly locks: Pick<QueueLocks, 'takeOver'>;
  readonly released: (clientId: string, queues: readonly AssignedQueue[]) => void;
}

/** A broker that refuses locks this member is to have. */
interface Watch {
  readonly queues: Set<AssignedQueue>;
  /** Since when a member is not in the broker's list, by the monotonic clock; each look has confirmed it. */
  readonly absentSince: Map<string, number>;
  timer: Timer;
}

/** Whom a broker has named on the connection that was made at `since`. */
interface Named {
  readonly since: number;
  readonly ids: Set<string>;
}

/**
 * Gives back locks in the name of members that have vanished. A broker keeps the lock of a member that was killed for
 * 60 s; the member itself would have stopped after its lease at the latest. So once it has been missing in the list of
 * the very broker that keeps the lock for as long as its lease, at every look, nobody is left who could be hurt: brokers
 * take UNLOCK_BATCH_MQ from anybody, for the client id that stands in it.
 *
 * A member that comes back sends its heartbeat before it renews a lock, and so keeps it. What that does not cover is told
 * in docs/ordering-rules.md.
 */
export class OrphanLocks {
  readonly #deps: OrphanLocksDeps;
  /** Every other member that may hold a lock, and when it was last listed, by the monotonic clock. */
  readonly #known = new Map<string, number>();
  readonly #watches = new Map<string, Watch>();
  /** By broker name. */
  readonly #named = new Map<string, Named>();
  #membersBefore = '';

  constructor(deps: OrphanLocksDeps) {
    this.#deps = deps;
  }

  /**
   * These are members of the group now. Each of the brokers is asked whether it knows them, too: only who was there can
   * be missing.
   */
  membersSeen(clientIds: readonly string[], brokerNames: readonly string[]): void {
    this.#listed(clientIds);
    this.#forgetOld();
    const members = clientIds.join('\n');
    if (members === this.#membersBefore) return;
    this.#membersBefore = members;
    for (const brokerName of brokerNames) {
      this.#ask(brokerName).catch((error: unknown) => log('who is at %s is not known: %s', brokerName, error));
    }
  }

  /** A lock that this member is to have was refused. */
  refused(queue: AssignedQueue): void {
    const { brokerName } = queue.messageQueue;
    const watch = this.#watches.get(brokerName);
    if (watch !== undefined) {
      watch.queues.add(queue);
      return;
    }
    this.#watches.set(brokerName, { queues: new Set([queue]), absentSince: new Map(), timer: undefined });
    void this.#look(brokerName);
  }

  stop(): void {
    for (const { timer } of this.#watches.values()) this.#deps.client.clock.clearTimeout(timer);
    this.#watches.clear();
  }

  async #look(brokerName: string): Promise<void> {
    const watch = this.#watches.get(brokerName);
    if (watch === undefined) return;
    for (const queue of watch.queues) if (!isWaiting(queue)) watch.queues.delete(queue);
    if (watch.queues.size === 0) {
      this.#watches.delete(brokerName);
      return;
    }
    try {
      await this.#lookAt(brokerName, watch);
    } catch (error) {
      // Whoever was away when last looked may have come and gone meanwhile.
      watch.absentSince.clear();
      log('who is at %s is not known: %s', brokerName, error);
    }
    if (this.#watches.get(brokerName) !== watch) return;
    watch.timer = this.#deps.client.clock.setTimeout(() => void this.#look(brokerName), LOOK_INTERVAL);
  }

  async #lookAt(brokerName: string, watch: Watch): Promise<void> {
    const { present, named } = await this.#ask(brokerName);
    const now = this.#deps.client.clock.now();
    for (const id of this.#known.keys()) {
      if (present.has(id)) watch.absentSince.delete(id);
      else if (!watch.absentSince.has(id)) watch.absentSince.set(id, this.#missingFrom(id, named, now));
    }
    for (const [id, since] of watch.absentSince) {
      if (now - since > leaseOf(id) + MARGIN) await this.#release(id, brokerName, watch);
    }
  }

  #listed(clientIds: readonly string[]): void {
    const { clientId, clock } = this.#deps.client;
    const now = clock.now();
    for (const id of clientIds) if (id !== clientId) this.#known.set(id, now);
  }

  /** Of whom nothing was heard for so long no broker keeps a lock: members come and go, and each would be asked about. */
  #forgetOld(): void {
    const now = this.#deps.client.clock.now();
    for (const [id, listedAt] of this.#known) {
      if (now - listedAt <= BROKER_LOCK_EXPIRY + leaseOf(id) + MARGIN) continue;
      this.#known.delete(id);
      for (const { absentSince } of this.#watches.values()) absentSince.delete(id);
      for (const { ids } of this.#named.values()) ids.delete(id);
    }
  }

  /** Who is there, by the broker's own list. */
  async #ask(brokerName: string, timeoutMs?: number): Promise<{ present: ReadonlySet<string>; named: Named }> {
    const { client, consumerGroup } = this.#deps;
    const { consumerIds } = await client.callMaster(brokerName, getConsumerListByGroup, { consumerGroup }, timeoutMs);
    const address = client.routes.brokerAddress(brokerName);
    const since = (address === undefined ? undefined : client.connectedSince(address)) ?? client.clock.now();
    let named = this.#named.get(brokerName);
    if (named?.since !== since) this.#named.set(brokerName, (named = { since, ids: new Set() }));
    this.#listed(consumerIds);
    for (const id of consumerIds) if (id !== client.clientId) named.ids.add(id);
    return { present: new Set(consumerIds), named };
  }

  /** Whom a broker has not named yet may only be unheard of, until it has had a round of heartbeats since its start. */
  #missingFrom(id: string, named: Named, now: number): number {
    return named.ids.has(id) ? now : Math.max(now, named.since + DEFAULT_LEASE_TIME);
  }

  async #release(clientId: string, brokerName: string, watch: Watch): Promise<void> {
    const queues = [...watch.queues].filter(isWaiting);
    if (queues.length === 0) return;
    await this.#deps.locks.takeOver(brokerName, clientId, queues, async (timeoutMs) => {
      const { present } = await this.#ask(brokerName, timeoutMs);
      return present.has(clientId);
    });
    const acquired = queues.filter((queue) => queue.locked);
    if (acquired.length > 0) this.#deps.released(clientId, acquired);
  }
}

/** To be had here, and refused so far. */
function isWaiting(queue: AssignedQueue): boolean {
  return queue.state === 'locking' && !queue.locked && !queue.releasing;
}
