import {
  OrderedConsumer,
  type ConsumeOrderlyContext,
  type ListenerAnswer,
  type MessageExt,
  type OrderedConsumerEvents,
  type OrderedConsumerOptions,
  type RocketMQError,
} from '../../lib/index.js';

/** One message as a listener saw it. */
export interface Delivered {
  /** `broker-a#3` */
  readonly queue: string;
  readonly queueId: number;
  readonly topic: string;
  readonly offset: number;
  readonly reconsumeTimes: number;
  readonly text: string;
  readonly tags: string | undefined;
  /** How many messages the call had. */
  readonly batch: number;
  /** By the monotonic clock, in milliseconds. */
  readonly at: number;
  readonly message: MessageExt;
}

/** Decides about a call of the listener, from its last message; any answer, also those no type allows. */
export type Answer = (delivered: Delivered, context: ConsumeOrderlyContext) => unknown;

type EventName = keyof OrderedConsumerEvents;
const EVENTS = ['queueOwned', 'queueReleased', 'queueLost', 'queueState', 'rebalanced', 'offsetReset', 'deadLetter', 'skipped', 'blocked', 'connected', 'disconnected', 'noMaster', 'warning', 'error'] as const satisfies readonly EventName[]; // prettier-ignore

/** A consumer on a real cluster, in real time, with everything it was seen to do. */
export class RealConsumer {
  readonly name: string;
  readonly consumer: OrderedConsumer;
  readonly deliveries: Delivered[] = [];
  readonly errors: RocketMQError[] = [];
  readonly #events: { name: EventName; event: unknown }[] = [];
  readonly #checks = new Set<() => void>();
  readonly #held: (() => void)[] = [];
  #stopping = false;
  /** Consulted at each call; may be changed at any time. */
  answer: Answer = () => 'SUCCESS';

  constructor(name: string, options: OrderedConsumerOptions) {
    this.name = name;
    this.consumer = new OrderedConsumer(options);
    for (const event of EVENTS) {
      this.consumer.on(event, (...args: unknown[]) => {
        this.#events.push({ name: event, event: args[0] });
        if (event === 'error') this.errors.push(args[0] as RocketMQError);
        this.#check();
      });
    }
  }

  get clientId(): string {
    return this.consumer.clientId;
  }

  async start(): Promise<this> {
    await this.consumer.start((messages, context) => {
      let last: Delivered | undefined;
      for (const message of messages) {
        last = describe(message, messages.length);
        this.deliveries.push(last);
      }
      if (last === undefined) throw new Error('the listener was called without messages');
      const answer = this.answer(last, context);
      this.#check();
      return answer as ListenerAnswer | Promise<ListenerAnswer>;
    });
    return this;
  }

  /** For {@link answer}: answers when `release` is called, or the test ends. */
  hold(answer: unknown = 'SUCCESS'): { promise: Promise<unknown>; release: () => void } {
    let release: () => void = () => undefined;
    const promise = new Promise<unknown>((resolve) => (release = () => resolve(answer)));
    this.#held.push(release);
    if (this.#stopping) release();
    return { promise, release };
  }

  /** Resolves as soon as the condition holds, asked at every delivery and event. @throws Error with what was seen */
  until(what: string, condition: (member: this) => boolean, timeoutMs = 20_000): Promise<void> {
    if (condition(this)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#checks.delete(check);
        reject(new Error(`waited ${timeoutMs} ms in vain for ${this.name}: ${what}\n${this.#story()}`));
      }, timeoutMs);
      const check = (): void => {
        if (!condition(this)) return;
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve();
      };
      this.#checks.add(check);
    });
  }

  /** Resolves with the events of a name as soon as there are `count`. */
  async event<Name extends EventName>(
    name: Name,
    count = 1,
    timeoutMs?: number,
  ): Promise<OrderedConsumerEvents[Name][0][]> {
    await this.until(`${count} events ${name}`, () => this.events(name).length >= count, timeoutMs);
    return this.events(name);
  }

  events<Name extends EventName>(name: Name): OrderedConsumerEvents[Name][0][] {
    return this.#events
      .filter((event) => event.name === name)
      .map(({ event }) => event as OrderedConsumerEvents[Name][0]);
  }

  /** The queues it owns now, as `broker-a#3`, those of retry topics left out. */
  owned(topic?: string): string[] {
    return this.consumer.assignment
      .filter(
        ({ state, messageQueue }) =>
          state === 'owned' &&
          (topic === undefined ? !messageQueue.topic.startsWith('%RETRY%') : messageQueue.topic === topic),
      ) // prettier-ignore
      .map(({ messageQueue }) => `${messageQueue.brokerName}#${messageQueue.queueId}`)
      .sort();
  }

  /** Resolves when it owns so many queues. */
  untilOwned(count: number, topic?: string): Promise<void> {
    return this.until(`${count} queues`, () => this.owned(topic).length === count, 30_000);
  }

  /** Resolves when it has had so many deliveries. */
  untilDelivered(count: number, timeoutMs?: number): Promise<void> {
    return this.until(`${count} deliveries`, () => this.deliveries.length >= count, timeoutMs);
  }

  /** The bodies it was given, of one queue or all. */
  texts(queueId?: number): string[] {
    return this.deliveries.filter((seen) => queueId === undefined || seen.queueId === queueId).map(({ text }) => text);
  }

  /** The deliveries as `text/reconsumeTimes`. */
  get story(): string[] {
    return this.deliveries.map(({ text, reconsumeTimes }) => `${text}/${reconsumeTimes}`);
  }

  close(): Promise<void> {
    return this.consumer.close();
  }

  /** For the end of a test: lets go of what is held, and closes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const release of this.#held) release();
    await this.consumer.close();
  }

  #check(): void {
    for (const check of this.#checks) check();
  }

  #story(): string {
    const queues = this.consumer.assignment.map(({ messageQueue: { topic, brokerName, queueId }, state, owned, buffered, nextOffset }) =>
      `${topic}@${brokerName}#${queueId} ${state}${owned ? ' with its lock' : ''}, ${buffered} buffered, next is ${nextOffset}`); // prettier-ignore
    return [
      `${this.deliveries.length} deliveries, the last: ${this.deliveries.slice(-12).map(({ queue, offset, reconsumeTimes }) => `${queue}@${offset}/${reconsumeTimes}`).join(' ')}`, // prettier-ignore
      ...queues,
      ...this.errors.slice(-5).map(String),
    ].join('\n');
  }
}

function describe(message: MessageExt, batch: number): Delivered {
  return {
    queue: `${message.brokerName}#${message.queueId}`,
    queueId: message.queueId,
    topic: message.topic,
    offset: message.queueOffset,
    reconsumeTimes: message.reconsumeTimes,
    text: message.body.toString(),
    tags: message.tags,
    batch,
    at: performance.now(),
    message,
  };
}

/** `0` to `count - 1`, as the bodies of numbered messages. */
export function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(from + i));
}
