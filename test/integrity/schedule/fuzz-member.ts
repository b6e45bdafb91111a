import { ClientInstance } from '../../../lib/client/client-instance.js';
import {
  OrderedConsumer,
  type ConsumeOrderlyContext,
  type ListenerAnswer,
  type MessageExt,
  type MessageQueue,
  type OrderedConsumerOptions,
} from '../../../lib/index.js';
import type { Clock } from '../../../lib/clock.js';
import { describeQueue } from '../../../lib/protocol/message-queue.js';
import { resolveConsumerOptions } from '../../../lib/options.js';
import { planAnswer, type Mood, type Plan } from './answers.js';
import type { Judge, ListenerCall, Suspect } from './judge.js';
import { MortalClock } from './mortal-clock.js';

/** Below the limit of the buffer by more than one batch. */
const MOST_UNCOMMITTED = 12;

/** A member's life: what its process is up to. */
export type Life = 'starting' | 'running' | 'leaving' | 'gone';

/** One life of a member of the group, from its start to its orderly or sudden end, under the judge's eyes. */
export class FuzzMember implements Suspect {
  readonly name: string;
  readonly language: string;
  readonly consumer: OrderedConsumer;
  readonly clock: MortalClock;
  mood: Mood = 'content';
  life: Life = 'starting';
  crashed = false;
  /** Settles when the start has succeeded or failed. Never rejects. */
  readonly started: Promise<void>;
  #left: Promise<void> | undefined;
  readonly #options: OrderedConsumerOptions;
  readonly #judge: Judge;
  readonly #draw: () => number;

  /** @param draw gives another number from 0 to 1 at each call */
  constructor(
    name: string,
    options: OrderedConsumerOptions & { language: string },
    topic: string,
    clock: Clock,
    judge: Judge,
    draw: () => number,
  ) {
    // prettier-ignore
    this.name = name;
    this.language = options.language;
    this.clock = new MortalClock(clock);
    this.#options = { ...options, clock: this.clock };
    this.#judge = judge;
    this.#draw = draw;
    this.consumer = new OrderedConsumer(this.#options);
    judge.joined(this);
    judge.note(`${name} joins as ${this.clientId}`);
    this.#watch();
    this.consumer.subscribe(topic);
    this.started = this.#start();
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
    this.life = 'leaving';
    this.#left ??= this.#leave();
    return this.#left;
  }

  /**
   * Dies as a killed process does: the kernel closes its sockets, and nothing of it runs any more. No offset is
   * persisted, no lock given back, and what its listeners were about to answer is never heard.
   */
  crash(): void {
    if (this.life === 'gone') return;
    this.life = 'gone';
    this.crashed = true;
    this.#judge.note(`${this.name} crashes`);
    this.#judge.gone(this);
    this.clock.kill();
    // Once for this user, once for the consumer, which can't do it any more.
    const client = ClientInstance.acquire(this.clientId, resolveConsumerOptions(this.#options));
    void client.release();
    void client.release();
  }

  async #start(): Promise<void> {
    try {
      await this.consumer.start((messages, context) => this.#listen(messages, context));
      if (this.life === 'starting') this.life = 'running';
      this.#judge.note(`${this.name} has started`);
    } catch (error) {
      if (this.life !== 'starting') return;
      this.#judge.note(`${this.name} could not start: ${String(error)}`);
      this.#end();
    }
  }

  async #leave(): Promise<void> {
    this.#judge.note(`${this.name} leaves`);
    await this.consumer.close();
    if (this.life === 'gone') return;
    this.#judge.note(`${this.name} has left`);
    this.#end();
  }

  #end(): void {
    this.life = 'gone';
    this.#judge.gone(this);
    if (this.clock.timerCount > 0) this.#judge.fault(`${this.name} left ${this.clock.timerCount} timers behind`);
    const events = this.consumer.eventNames().length;
    if (events > 0) this.consumer.removeAllListeners();
  }

  #watch(): void {
    const { consumer } = this;
    const judge = this.#judge;
    const alive = (): boolean => this.life !== 'gone';
    consumer.on('queueState', ({ messageQueue, from, to, reason }) => {
      if (!alive()) return;
      if (to === 'absent') judge.left(this, messageQueue, reason === 'its lock was lost', reason);
      else judge.note(`${this.name} ${describeQueue(messageQueue)} ${from} -> ${to}: ${reason}`);
    });
    consumer.on('queueOwned', ({ messageQueue, offset }) => alive() && judge.owned(this, messageQueue, offset));
    consumer.on('queueLost', ({ messageQueue, reason }) => alive() && judge.left(this, messageQueue, true, reason));
    consumer.on('offsetReset', ({ messageQueue, offset, reason }) => alive() && judge.restarted(this, messageQueue, offset, reason)); // prettier-ignore
    consumer.on('deadLetter', ({ message, messageQueue }) => alive() && judge.deadLettered(this, messageQueue, message.queueOffset)); // prettier-ignore
    consumer.on('error', (error) => alive() && judge.note(`${this.name} error ${error.code}: ${error.message.slice(0, 120)}`)); // prettier-ignore
    consumer.on('disconnected', ({ address }) => alive() && judge.note(`${this.name} disconnected from ${address}`));
    consumer.on('connected', ({ address }) => alive() && judge.note(`${this.name} connected to ${address}`));
  }

  #listen(messages: readonly MessageExt[], context: ConsumeOrderlyContext): ListenerAnswer | Promise<ListenerAnswer> {
    // The process is dead: nobody would be called.
    if (this.life === 'gone') return new Promise(() => undefined);
    const { topic, brokerName, queueId } = messages[0] as MessageExt;
    const queue: MessageQueue = { topic, brokerName, queueId };
    if (this.life === 'leaving') this.#judge.fault(`${this.name} is handed messages of ${topic} after it was closed`);
    const call = this.#judge.handedOut(this, queue, messages);
    const plan = this.#inTime(planAnswer(this.mood, this.#draw), messages);
    context.suspendCurrentQueueTimeMillis = plan.suspendMs;
    const answer = (): ListenerAnswer => this.#answer(call, plan, context);
    if (plan.delayMs === undefined) return answer();
    const { delayMs } = plan;
    return new Promise((resolve, reject) => {
      this.clock.setTimeout(() => {
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      }, delayMs);
    });
  }

  /** A listener that commits by hand has to do so before the buffer is full: nothing would be handed to it any more. */
  #inTime(plan: Plan, messages: readonly MessageExt[]): Plan {
    if (plan.auto || plan.status !== 'SUCCESS') return plan;
    const { topic, brokerName, queueId, queueOffset } = messages.at(-1) as MessageExt;
    const assigned = this.consumer.assignment.find(
      ({ messageQueue }) => describeQueue(messageQueue) === describeQueue({ topic, brokerName, queueId }),
    );
    const uncommitted = queueOffset + 1 - (assigned?.committedOffset ?? 0);
    return uncommitted < MOST_UNCOMMITTED ? plan : { ...plan, status: 'COMMIT' };
  }

  #answer(call: ListenerCall, plan: Plan, context: ConsumeOrderlyContext): ListenerAnswer {
    context.autoCommit = plan.auto;
    this.#judge.answered(call, plan.auto, plan.status, context.isOwner());
    if (plan.throws && plan.status === 'SUSPEND_CURRENT_QUEUE_A_MOMENT') throw new Error('the listener has its moods');
    return plan.status;
  }
}
