import { ClientInstance } from '../../../lib/client/client-instance.js';
import {
  OrderedConsumer,
  type ConsumeOrderlyContext,
  type ListenerAnswer,
  type MessageExt,
  type MessageQueue,
  type OrderedConsumerOptions,
} from '../../../lib/index.js';
import { resolveConsumerOptions } from '../../../lib/options.js';
import type { Handed } from './history.js';
import type { History } from './recorder.js';
import type { SimProcess } from './machine/process.js';
import { planAnswer, type Mood, type Plan } from './answers.js';
import { queueName } from './wire-tap.js';

/** Below the limit of the buffer by more than one batch. */
const MOST_UNCOMMITTED = 12;

/** A member's life: what its process is up to. */
export type Life = 'starting' | 'running' | 'leaving' | 'gone';

/** One member of the group, in a process of its own, and its entries in the history. */
export class SimMember {
  readonly name: string;
  readonly process: SimProcess;
  readonly consumer: OrderedConsumer;
  mood: Mood = 'content';
  life: Life = 'starting';
  readonly #options: OrderedConsumerOptions;
  readonly #topic: string;
  readonly #history: History;
  readonly #draw: () => number;
  /** What ends the calls that hang. */
  readonly #hanging = new Set<() => void>();
  /** Queues with a message that could not be sent to where dead letters go. */
  readonly #blocked = new Set<string>();
  #highestLimit: number;
  #left: Promise<void> | undefined;

  /** @param draw gives another number from 0 to 1 at each call */
  constructor(
    process: SimProcess,
    options: OrderedConsumerOptions,
    lease: number,
    topic: string,
    history: History,
    draw: () => number,
  ) {
    this.name = process.name;
    this.process = process;
    this.#options = { ...options, clock: process };
    this.#topic = topic;
    this.#history = history;
    this.#draw = draw;
    const { maxReconsumeTimes: attempts = -1 } = options;
    this.#highestLimit = attempts < 0 ? Number.POSITIVE_INFINITY : attempts;
    this.consumer = new OrderedConsumer(this.#options);
    history.add({ type: 'joined', at: process.now(), member: this.name, clientId: this.clientId, lease });
    this.#watch();
    this.consumer.subscribe(topic);
    void this.#start();
  }

  get clientId(): string {
    return this.consumer.clientId;
  }

  get isActive(): boolean {
    return this.life === 'starting' || this.life === 'running';
  }

  /** Leaves in good order. Resolves when it has; may be called again. */
  leave(): Promise<void> {
    if (this.life === 'gone') return Promise.resolve();
    if (this.isActive) this.#history.add({ type: 'closing', at: this.process.now(), member: this.name });
    this.life = 'leaving';
    this.#left ??= this.#leave();
    return this.#left;
  }

  /** Dies as a killed process does: nothing of it runs any more, and what was about to be answered is never heard. */
  kill(): void {
    if (this.life === 'gone') return;
    this.life = 'gone';
    this.#history.add({ type: 'killed', at: this.process.now(), member: this.name });
    this.process.kill();
    // Once for this user, once for the consumer, which can't do it any more: the id may be used again.
    const client = ClientInstance.acquire(this.clientId, resolveConsumerOptions(this.#options));
    void client.release();
    void client.release();
  }

  /** Listeners that hang come to an end. */
  endHanging(): void {
    for (const end of this.#hanging) end();
    this.#hanging.clear();
  }

  async #start(): Promise<void> {
    try {
      await this.consumer.start((messages, context) => this.#listen(messages, context));
      if (this.life === 'starting') this.life = 'running';
    } catch (error) {
      if (this.life !== 'starting') return;
      this.#history.note(`${this.name} could not start: ${String(error)}`);
      this.#end();
    }
  }

  async #leave(): Promise<void> {
    await this.consumer.close();
    if (this.life !== 'gone') this.#end();
  }

  #end(): void {
    this.life = 'gone';
    this.#history.add({ type: 'closed', at: this.process.now(), member: this.name });
    // A listener that hangs has a timer of its own while it does.
    if (this.process.timerCount > this.#hanging.size) {
      this.#history.fault('closed', `${this.name} left ${this.process.timerCount} timers behind`);
    }
  }

  #watch(): void {
    const { consumer, name: member, process } = this;
    const history = this.#history;
    // Of a process that was killed nothing is heard any more; of the retry topic nothing is told.
    const concerns = ({ topic }: MessageQueue): boolean => process.alive && topic === this.#topic;
    consumer.on('queueOwned', ({ messageQueue, offset }) => {
      if (!concerns(messageQueue)) return;
      history.add({ type: 'owned', at: process.now(), member, queue: queueName(messageQueue), offset });
    });
    consumer.on('offsetReset', ({ messageQueue, offset }) => {
      if (!concerns(messageQueue)) return;
      history.add({ type: 'restarted', at: process.now(), member, queue: queueName(messageQueue), offset });
    });
    consumer.on('queueLost', ({ messageQueue, reason }) => {
      if (!concerns(messageQueue)) return;
      history.add({ type: 'left', at: process.now(), member, queue: queueName(messageQueue), lost: true, reason });
    });
    consumer.on('queueState', ({ messageQueue, to, reason }) => {
      if (to !== 'absent' || !concerns(messageQueue)) return;
      const lost = reason === 'its lock was lost';
      history.add({ type: 'left', at: process.now(), member, queue: queueName(messageQueue), lost, reason });
    });
    consumer.on('deadLetter', ({ message, messageQueue }) => {
      if (!concerns(messageQueue)) return;
      const queue = queueName(messageQueue);
      history.add({ type: 'deadLettered', at: process.now(), member, queue, offset: message.queueOffset });
    });
    const note = (text: string): void => {
      if (process.alive) history.note(`${member} ${text}`);
    };
    consumer.on('blocked', ({ messageQueue }) => this.#blocked.add(queueName(messageQueue)));
    consumer.on('error', ({ code, message }) => {
      if (process.alive) history.add({ type: 'failed', at: process.now(), member, code, text: message.slice(0, 160) });
    });
    consumer.on('disconnected', ({ address }) => note(`is disconnected from ${address}`));
    consumer.on('connected', ({ address }) => note(`is connected to ${address}`));
  }

  #listen(messages: readonly MessageExt[], context: ConsumeOrderlyContext): ListenerAnswer | Promise<ListenerAnswer> {
    const { process } = this;
    if (!process.alive) return new Promise(() => undefined);
    const { topic, brokerName, queueId } = messages[0] as MessageExt;
    const queue = queueName({ topic, brokerName, queueId });
    const handed = messages.map(({ queueOffset, reconsumeTimes }) => ({ offset: queueOffset, reconsumeTimes }));
    const call = this.#history.nextCall();
    this.#history.add({ type: 'call', at: process.now(), member: this.name, queue, call, messages: handed });
    this.#checkAttempts(queue, handed);
    this.#checkBuffers();
    const plan = this.#inTime(planAnswer(this.mood, this.#draw), messages);
    context.suspendCurrentQueueTimeMillis = plan.suspendMs;
    const answer = (): ListenerAnswer => this.#answer(call, queue, plan, context);
    if (plan.blocksMs > 0) {
      this.#history.note(`${this.name} blocks its event loop for ${Math.round(plan.blocksMs)} ms`);
      process.block(plan.blocksMs);
    }
    if (plan.delayMs === undefined) return answer();
    const { delayMs } = plan;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#hanging.delete(end);
        process.clearTimeout(timer);
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      };
      const timer = process.setTimeout(end, delayMs);
      this.#hanging.add(end);
    });
  }

  /** maxReconsumeTimes redeliveries and no more, unless the dead letter could not be sent or the limit was another one. */
  #checkAttempts(queue: string, handed: readonly Handed[]): void {
    const limit = this.consumer.maxReconsumeTimes;
    if (limit < 0 || this.#blocked.has(queue)) return;
    for (const { offset, reconsumeTimes } of handed) {
      if (reconsumeTimes <= Math.max(limit, this.#highestLimit)) continue;
      this.#history.fault('order', `${this.name} is handed ${offset} of ${queue} the ${reconsumeTimes + 1}th time, the limit is ${limit}`); // prettier-ignore
    }
  }

  /** What is held is never less than nothing, and never more than the limit and one pull. */
  #checkBuffers(): void {
    const { pullThresholdForQueue = 0, pullBatchSize = 0 } = this.#options;
    for (const { messageQueue, buffered, bufferedBytes } of this.consumer.status().queues) {
      if (buffered >= 0 && bufferedBytes >= 0 && buffered <= pullThresholdForQueue + pullBatchSize) continue;
      this.#history.fault(
        'bounds',
        `${this.name} holds ${buffered} messages, ${bufferedBytes} bytes, of ${queueName(messageQueue)}`,
      );
    }
  }

  /** Changes how often a message may come again. */
  limit(attempts: number): void {
    this.#highestLimit = Math.max(this.#highestLimit, attempts < 0 ? Number.POSITIVE_INFINITY : attempts);
    this.consumer.maxReconsumeTimes = attempts;
  }

  /** A listener that commits by hand has to do so before the buffer is full: nothing would be handed to it any more. */
  #inTime(plan: Plan, messages: readonly MessageExt[]): Plan {
    if (plan.auto || plan.status !== 'SUCCESS') return plan;
    const { topic, brokerName, queueId, queueOffset } = messages.at(-1) as MessageExt;
    const assigned = this.consumer.assignment.find(
      ({ messageQueue: q }) => q.topic === topic && q.brokerName === brokerName && q.queueId === queueId,
    );
    const uncommitted = queueOffset + 1 - (assigned?.committedOffset ?? 0);
    return uncommitted < MOST_UNCOMMITTED ? plan : { ...plan, status: 'COMMIT' };
  }

  #answer(call: number, queue: string, plan: Plan, context: ConsumeOrderlyContext): ListenerAnswer {
    context.autoCommit = plan.auto;
    const { auto, status } = plan;
    const isOwner = context.isOwner();
    this.#history.add({
      type: 'answer',
      at: this.process.now(),
      member: this.name,
      queue,
      call,
      auto,
      status,
      isOwner,
    });
    if (plan.throws && status === 'SUSPEND_CURRENT_QUEUE_A_MOMENT') throw new Error('the listener has its moods');
    return status;
  }
}
