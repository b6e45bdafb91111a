import debug from 'debug';
import type { Timer } from '../clock.js';
import { RocketMQError } from '../errors.js';
import { heartBeat, type HeartBeatRequest } from '../protocol/requests/heart-beat.js';
import type { ClientInstance } from './client-instance.js';

const log = debug('rocketmq:heartbeat');

/**
 * Keeps this client known to its brokers. A broker learns groups, subscriptions and membership from heartbeats alone,
 * so every change of those is followed by one at once, besides the regular one every 30 s.
 */
export class Heartbeats {
  readonly #client: ClientInstance;
  readonly #intervalMs: number;
  /** By address: the call under way, and the one that was asked for meanwhile and will carry newer data. */
  readonly #underWay = new Map<string, { current: Promise<void>; following?: Promise<void> }>();
  readonly #versions = new Map<string, number>();
  /** By address: since when the connection stands on which the last heartbeat was answered. */
  readonly #takenOn = new Map<string, number | undefined>();
  #timer: Timer = undefined;
  #closed = false;

  constructor(client: ClientInstance, intervalMs: number) {
    this.#client = client;
    this.#intervalMs = intervalMs;
  }

  /** Starts the regular heartbeat. Idempotent. */
  start(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = this.#client.clock.setTimeout(() => {
      this.#timer = undefined;
      this.start();
      this.beatAll().catch((error: unknown) => log('regular heartbeat failed: %s', error));
    }, this.#intervalMs);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== undefined) this.#client.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The `MQVersion` a broker answered with, if it has answered. */
  brokerVersion(address: string): number | undefined {
    return this.#versions.get(address);
  }

  /** Whether a heartbeat was answered on the connection there is now: the broker lists this client as a member then. */
  isTaken(address: string): boolean {
    const since = this.#client.connectedSince(address);
    return since !== undefined && this.#takenOn.get(address) === since;
  }

  /** Resolves when no heartbeat is under way, or waits for one that is. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) {
      await Promise.allSettled([...this.#underWay.values()].map(({ current }) => current));
    }
  }

  /** The heartbeat to this address that has not been answered yet. */
  underWay(address: string): Promise<void> | undefined {
    return this.#underWay.get(address)?.current;
  }

  /** To every broker a route names; slaves only when there is a consumer. Returns the failures, by address. */
  async beatAll(): Promise<Map<string, RocketMQError>> {
    const brokers = this.#client.routes.allBrokers();
    const wanted = brokers.filter((broker) => broker.brokerId === 0 || this.#client.hasConsumers);
    const failures = new Map<string, RocketMQError>();
    await Promise.all(
      wanted.map(({ address }) =>
        this.beat(address).catch((error: unknown) => {
          if (!(error instanceof RocketMQError)) throw error;
          log('heartbeat to %s failed: %s', address, error.message);
          failures.set(address, error);
        }),
      ),
    );
    return failures;
  }

  /**
   * One heartbeat with what is true now. Calls for an address whose heartbeat is under way share the one after it, as
   * that one still carries what was true before.
   */
  beat(address: string): Promise<void> {
    const underWay = this.#underWay.get(address);
    if (underWay !== undefined) {
      underWay.following ??= underWay.current.then(
        () => this.beat(address),
        () => this.beat(address),
      );
      return underWay.following;
    }
    const current = this.#send(address).finally(() => this.#underWay.delete(address));
    this.#underWay.set(address, { current });
    return current;
  }

  async #send(address: string): Promise<void> {
    const { clientId, consumers, producerGroups, remoting, requestTimeoutMs } = this.#client;
    const data: HeartBeatRequest = {
      clientId,
      producerGroups: [...producerGroups],
      consumers: [...consumers].map((consumer) => consumer.heartbeatData()),
    };
    if (data.producerGroups.length === 0 && data.consumers.length === 0) return;
    const reply = await remoting.call(address, heartBeat, data, { timeoutMs: requestTimeoutMs });
    this.#versions.set(address, reply.version);
    this.#takenOn.set(address, this.#client.connectedSince(address));
    // What else it says, IS_SUB_CHANGE, is 'true' in every answer of a 5.x broker: it tells nothing.
  }
}
