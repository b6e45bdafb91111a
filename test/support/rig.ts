import {
  OrderedConsumer,
  type ConsumeOrderlyContext,
  type ListenerAnswer,
  type MessageExt,
  type OrderedConsumerEvents,
} from '../../lib/index.js';
import type { RocketMQError } from '../../lib/errors.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { prepareCompression } from '../../lib/protocol/compression.js';
import { CompressionType } from '../../lib/protocol/sys-flag.js';
import { MockClock, MockCluster, type MockClusterOptions, type ViolationKind } from '../../mock-broker/index.js';
import { FakeClock, turns } from './fake-clock.js';
import { stopProvoked } from './provoked.js';

/** The largest step in which both clocks move on together, in milliseconds. */
const LARGEST_STEP = 100;

/** How long {@link Rig.until} grants files and sockets at the most, in real milliseconds. Far more than they take. */
const LONGEST_WAIT = 8_000;

/** One delivery, as a listener saw it. */
export interface Delivery {
  readonly consumer: string;
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly offset: number;
  readonly reconsumeTimes: number;
  readonly text: string;
  readonly at: number;
}

export type Answer = (delivery: Delivery, context: ConsumeOrderlyContext, message: MessageExt) => ListenerAnswer | Promise<ListenerAnswer>; // prettier-ignore

/** A consumer under test, with everything it was seen to do. */
export class WatchedConsumer {
  readonly name: string;
  readonly consumer: OrderedConsumer;
  readonly deliveries: Delivery[] = [];
  readonly errors: RocketMQError[] = [];
  readonly warnings: string[] = [];
  readonly events: { name: keyof OrderedConsumerEvents; at: number; event: unknown }[] = [];
  readonly #clock: FakeClock;
  readonly #all: Delivery[];
  /** Consulted at each delivery; may be changed at any time. */
  answer: Answer = () => 'SUCCESS';

  constructor(name: string, options: OrderedConsumerOptions, clock: FakeClock, all: Delivery[]) {
    this.name = name;
    this.#clock = clock;
    this.#all = all;
    this.consumer = new OrderedConsumer(options);
    this.consumer.on('error', (error) => this.errors.push(error));
    this.consumer.on('warning', ({ code }) => this.warnings.push(code));
    const names = ['queueOwned', 'queueReleased', 'queueLost', 'queueState', 'rebalanced', 'offsetReset', 'deadLetter', 'skipped', 'blocked', 'connected', 'disconnected', 'noMaster'] as const; // prettier-ignore
    for (const event of names) {
      this.consumer.on(event, (...args: unknown[]) => {
        this.events.push({ name: event, at: clock.now(), event: args[0] });
      });
    }
  }

  /** Starts with a listener that asks {@link answer}; synchronous as long as that is. */
  start(): Promise<void> {
    return this.consumer.start((messages, context) => {
      let last: ListenerAnswer | Promise<ListenerAnswer>;
      for (const message of messages) {
        const delivery: Delivery = {
          consumer: this.name,
          topic: message.topic,
          brokerName: message.brokerName,
          queueId: message.queueId,
          offset: message.queueOffset,
          reconsumeTimes: message.reconsumeTimes,
          text: message.body.toString(),
          at: this.#clock.now(),
        };
        this.deliveries.push(delivery);
        this.#all.push(delivery);
        last = this.answer(delivery, context, message);
      }
      return last;
    });
  }

  /** Queue ids owned now, of one topic, sorted. */
  owned(topic: string): number[] {
    return this.consumer.assignment
      .filter((queue) => queue.messageQueue.topic === topic && queue.state === 'owned')
      .map((queue) => queue.messageQueue.queueId)
      .sort((a, b) => a - b);
  }

  offsets(queueId: number): number[] {
    return this.deliveries.filter((delivery) => delivery.queueId === queueId).map((delivery) => delivery.offset);
  }

  eventsNamed(name: keyof OrderedConsumerEvents): unknown[] {
    return this.events.filter((event) => event.name === name).map((event) => event.event);
  }
}

/**
 * A mock cluster and consumers on one clock that stands still until {@link advance} moves it: sockets are real, time is
 * not. So a minute passes in milliseconds, and nothing happens "in the meantime".
 */
export class Rig {
  readonly cluster: MockCluster;
  readonly clock: FakeClock;
  /** All deliveries of all consumers, in the order they happened. */
  readonly deliveries: Delivery[] = [];
  readonly consumers: WatchedConsumer[] = [];
  #provoked: readonly ViolationKind[] = [];

  private constructor(cluster: MockCluster, clock: FakeClock) {
    this.cluster = cluster;
    this.clock = clock;
  }

  /** Whoever breaks a rule of ordered consumption fails the test, unless it is there to provoke that. */
  static async start(options: MockClusterOptions = {}): Promise<Rig> {
    // A starting consumer reads this from disk, which takes time of the machine while that of the rig may move on.
    await prepareCompression(CompressionType.ZSTD).catch(() => undefined);
    const clock = new FakeClock();
    const cluster = await MockCluster.start({
      watchdogs: 'throw',
      ...options,
      clock: MockClock.manual(clock.wallTime()),
    });
    return new Rig(cluster, clock);
  }

  /** This test has these rules broken on purpose: what watchdogs find of it is no failure, and must be found. */
  provokes(...kinds: readonly ViolationKind[]): void {
    this.#provoked = kinds;
  }

  /** A consumer of group `group` unless told otherwise, on the rig's clock and cluster. Not started yet. */
  consumer(name = `c${this.consumers.length + 1}`, options: Partial<OrderedConsumerOptions> = {}): WatchedConsumer {
    const watched = new WatchedConsumer(
      name,
      {
        namesrvAddr: this.cluster.namesrvAddr,
        consumerGroup: 'group',
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
        // Sorts as the name does, so that tests know who gets which queues.
        instanceName: name,
        clientIP: '10.0.0.1',
        clock: this.clock,
        ...options,
      },
      this.clock,
      this.deliveries,
    );
    this.consumers.push(watched);
    return watched;
  }

  /** A started consumer of one topic. */
  async consume(topic: string, name?: string, options?: Partial<OrderedConsumerOptions>): Promise<WatchedConsumer> {
    const watched = this.consumer(name, options);
    watched.consumer.subscribe(topic);
    await watched.start();
    return watched;
  }

  /** Sends `count` messages to a queue, with their number as body. */
  produce(topic: string, queueId: number, count: number, brokerName = 'broker-a'): void {
    for (let i = 0; i < count; i++) this.cluster.produce(topic, { queueId, brokerName, body: Buffer.from(String(i)) });
  }

  /** Moves both clocks on together, in small steps between which sockets and promises get their turns. */
  async advance(ms: number): Promise<void> {
    let left = ms;
    while (left > 0) {
      // Whole milliseconds, as brokers count them; retries with jitter fall due in between.
      const step = Math.min(left, LARGEST_STEP, Math.max(1, Math.ceil(this.clock.nextTimerIn ?? LARGEST_STEP)));
      this.cluster.clock.advance(step);
      await this.clock.advance(step);
      left -= step;
    }
  }

  /** Waits, without time passing, until something is so. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const giveUpAt = performance.now() + LONGEST_WAIT;
    while (!condition()) {
      if (performance.now() > giveUpAt) throw new Error(`it did not come to pass: ${what}`);
      await turns(1);
    }
  }

  /** Lets time pass until something is so, at most `mostMs`. Returns how much did. */
  async advanceUntil(what: string, condition: () => boolean, mostMs = 120_000): Promise<number> {
    const startedAt = this.clock.now();
    await turns(20);
    while (!condition()) {
      if (this.clock.now() - startedAt >= mostMs) {
        // Time stands still from here on; only what the machine itself has under way, such as a file, may end.
        await this.until(`${what} (after ${mostMs} ms)`, condition);
        break;
      }
      await this.advance(Math.min(LARGEST_STEP, mostMs));
      await turns(10);
    }
    return this.clock.now() - startedAt;
  }

  /** The group's committed offset of a queue, as the broker has it. */
  committed(topic: string, queueId: number, group = 'group', brokerName = 'broker-a'): number | undefined {
    return this.cluster
      .offsets(group)
      .find((entry) => entry.topic === topic && entry.queueId === queueId && entry.brokerName === brokerName)?.offset;
  }

  /** Closes everything; what waits for time gets it. */
  async stop(): Promise<void> {
    let closed = false;
    const closing = Promise.all(this.consumers.map((watched) => watched.consumer.close())).finally(
      () => (closed = true),
    );
    for (let round = 0; !closed && round < 2_000; round++) {
      await turns(20);
      if (!closed) await this.advance(LARGEST_STEP);
    }
    await closing;
    await stopProvoked(this.cluster, this.#provoked);
  }
}
