import { expect } from 'chai';
import { OrderJudge } from '../../../bench/soak/order-judge.js';
import { ClientInstance } from '../../../lib/client/client-instance.js';
import { OrderedConsumer, type MessageListenerOrderly, type RocketMQError } from '../../../lib/index.js';
import { resolveConsumerOptions, type OrderedConsumerOptions } from '../../../lib/options.js';
import { MockClock, MockCluster } from '../../../mock-broker/index.js';
import { MortalClock } from '../../support/mortal-clock.js';
import { FakeClock, turns } from '../../support/fake-clock.js';
import { Loopback } from '../../support/loopback.js';
import { CacheWatch, type CacheLimits } from './cache-watch.js';
import { expectAllCommitted, expectNothingAtBrokers } from './leftovers.js';

export const TOPIC = 'T';
export const GROUP = 'group';
/** All clocks go on together in steps of this at most, in milliseconds. */
const LARGEST_STEP = 250;

/** The defaults. */
const LIMITS: CacheLimits = { count: 1_000, bytes: 100 * 1024 * 1024, pullCount: 32, pullBytes: 256 * 1024 };

export interface CrowdMember {
  readonly name: string;
  readonly consumer: OrderedConsumer;
  readonly clock: MortalClock;
  readonly options: OrderedConsumerOptions;
}

/**
 * A group of many members and its cluster, on clocks that stand still between steps: before each, everything that was
 * sent has arrived and been dealt with, however slow the machine is.
 */
export class Crowd {
  readonly cluster: MockCluster;
  readonly clock = new FakeClock();
  readonly judge = new OrderJudge();
  readonly caches = new CacheWatch(LIMITS);
  readonly members: CrowdMember[] = [];
  readonly errors: RocketMQError[] = [];
  readonly #loopback = new Loopback();
  readonly #queues: readonly { readonly brokerName: string; readonly queueId: number }[];
  readonly #extraTurns: number;
  #started = 0;

  private constructor(cluster: MockCluster, queuesPerBroker: number, extraTurns: number) {
    this.cluster = cluster;
    this.#extraTurns = extraTurns;
    this.#queues = cluster.brokers.flatMap(({ name: brokerName }) =>
      Array.from({ length: queuesPerBroker }, (_, queueId) => ({ brokerName, queueId })),
    );
  }

  /**
   * @param extraTurns of the event loop that each step is granted besides: queues whose listeners have answered take turns,
   *   one each
   */
  static async start(brokers: number, queuesPerBroker: number, extraTurns = 0): Promise<Crowd> {
    const cluster = await MockCluster.start({
      brokers,
      topics: { [TOPIC]: { queues: queuesPerBroker } },
      clock: MockClock.manual(new FakeClock().wallTime()),
      watchdogs: 'throw',
    });
    return new Crowd(cluster, queuesPerBroker, extraTurns);
  }

  get queueCount(): number {
    return this.#queues.length;
  }

  /** One more message in every queue. */
  produce(): void {
    for (const { brokerName, queueId } of this.#queues) this.cluster.produce(TOPIC, { brokerName, queueId, body: 'x' });
  }

  /** A member that is starting. @param listener besides what is judged; answers at once by default */
  join(listener: MessageListenerOrderly = () => undefined, more: Partial<OrderedConsumerOptions> = {}): CrowdMember {
    const name = `c${String(this.#started++).padStart(3, '0')}`;
    const clock = new MortalClock(this.clock);
    const options: OrderedConsumerOptions = {
      namesrvAddr: this.cluster.namesrvAddr,
      consumerGroup: GROUP,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      clientIP: '10.0.0.1',
      instanceName: name,
      clock,
      ...more,
    };
    const consumer = new OrderedConsumer(options);
    consumer.on('error', (error) => this.errors.push(error));
    consumer.subscribe(TOPIC);
    const member = { name, consumer, clock, options };
    this.members.push(member);
    consumer
      .start((messages, context) => {
        for (const { topic, brokerName, queueId, queueOffset: offset } of messages) {
          if (topic === TOPIC) this.judge.handedOut({ member: name, queue: `${brokerName}#${queueId}`, offset });
        }
        this.caches.sample(consumer);
        return listener(messages, context);
      })
      .catch((error: unknown) => this.judge.faults.push(`${name} could not start: ${String(error)}`));
    return member;
  }

  /** These members leave, side by side, in good order. */
  async leave(leaving: readonly CrowdMember[]): Promise<void> {
    this.#forget(leaving);
    let left = 0;
    const all = Promise.all(leaving.map(({ consumer }) => consumer.close().then(() => left++)));
    await this.advanceUntil('they have left', () => left === leaving.length);
    await all;
    for (const { name, clock } of leaving) expect(clock.timerCount, `timers of ${name}`).to.equal(0);
  }

  /**
   * These members end as killed processes do: the kernel closes their sockets, and nothing of them runs any more. What
   * they have not committed may come again, nothing else.
   */
  crash(crashing: readonly CrowdMember[]): void {
    this.#forget(crashing);
    const committed = new Map(this.cluster.offsets(GROUP).map((entry) => [queueName(entry), entry.offset]));
    for (const { consumer, clock, options } of crashing) {
      for (const { messageQueue } of consumer.assignment) {
        this.judge.excuse(queueName(messageQueue), committed.get(queueName(messageQueue)));
      }
      clock.kill();
      // Once for this user, once for the consumer, which can't do it any more.
      const client = ClientInstance.acquire(consumer.clientId, resolveConsumerOptions(options));
      void client.release();
      void client.release();
    }
  }

  /** Each queue is consumed by exactly one member, and no member has two more than another. */
  isSettled(): boolean {
    const owners = new Map<string, number>();
    let [least, most] = [Number.POSITIVE_INFINITY, 0];
    for (const { consumer } of this.members) {
      const mine = consumer.assignment.filter(({ messageQueue }) => messageQueue.topic === TOPIC);
      if (mine.some(({ state, owned }) => state !== 'owned' || !owned)) return false;
      for (const { messageQueue } of mine) {
        owners.set(queueName(messageQueue), (owners.get(queueName(messageQueue)) ?? 0) + 1);
      }
      least = Math.min(least, mine.length);
      most = Math.max(most, mine.length);
    }
    return owners.size === this.queueCount && [...owners.values()].every((count) => count === 1) && most - least <= 1;
  }

  async settled(): Promise<void> {
    await this.#loopback.settled();
    if (this.#extraTurns === 0) return;
    await turns(this.#extraTurns);
    await this.#loopback.settled();
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    let left = ms;
    while (left > 0) {
      const step = Math.min(left, LARGEST_STEP, Math.max(1, Math.ceil(this.clock.nextTimerIn ?? LARGEST_STEP)));
      this.cluster.clock.advance(step);
      await this.settled();
      this.clock.jump(step);
      this.clock.runDue();
      await this.settled();
      left -= step;
    }
  }

  /** Lets time pass until something is so. Returns how much did. */
  async advanceUntil(what: string, condition: () => boolean, mostMs = 120_000): Promise<number> {
    const startedAt = this.clock.now();
    await this.settled();
    while (!condition()) {
      if (this.clock.now() - startedAt >= mostMs) throw new Error(`it did not come to pass in ${mostMs} ms: ${what}`);
      await this.advance(LARGEST_STEP);
    }
    return this.clock.now() - startedAt;
  }

  /** Everything was consumed, in order. */
  expectInOrder(): void {
    const ends = this.#queues.map((queue) => {
      const { store } = this.cluster.broker(queue.brokerName).state;
      return [queueName(queue), store.maxOffset(TOPIC, queue.queueId)] as const;
    });
    expect(this.judge.faults, 'order').to.deep.equal([]);
    expect(this.judge.missing(ends), 'lost').to.deep.equal([]);
    expect(this.caches.faults, 'caches').to.deep.equal([]);
  }

  /** All leave, and nothing is left of them. */
  async stop(): Promise<void> {
    await this.leave([...this.members]);
    this.expectInOrder();
    expectAllCommitted(this.cluster, GROUP, TOPIC);
    await expectNothingAtBrokers(this.cluster, GROUP);
    expect(this.clock.timerCount, 'timers').to.equal(0);
    await this.cluster.stop();
    await this.settled();
    expect(this.#loopback.openSockets, 'sockets').to.equal(0);
  }

  /** Whatever became of the test. */
  async dispose(): Promise<void> {
    this.#loopback.close();
    for (const { clock } of this.members) clock.kill();
    await this.cluster.stop().catch(() => undefined);
  }

  #forget(gone: readonly CrowdMember[]): void {
    this.members.splice(0, this.members.length, ...this.members.filter((member) => !gone.includes(member)));
  }
}

function queueName({ brokerName, queueId }: { readonly brokerName: string; readonly queueId: number }): string {
  return `${brokerName}#${queueId}`;
}
