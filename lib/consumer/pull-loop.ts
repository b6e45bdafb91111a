import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import { BrokerError, MessageFormatError, RocketMQError, RouteError } from '../errors.js';
import { ResponseCode } from '../protocol/codes.js';
import type { RemotingCommand, RequestCommand } from '../protocol/command.js';
import { describeQueue } from '../protocol/message-queue.js';
import { pullMessage, PullRequests, type PullMessageReply } from '../protocol/requests/pull-message.js';
import { matchesTags, type SubscriptionData } from '../protocol/subscription.js';
import { PullSysFlag } from '../protocol/sys-flag.js';
import { MASTER_ID } from '../protocol/topic-route.js';
import type { CallOptions } from '../remoting/remoting-client.js';
import type { FrameMemory } from '../remoting/receive-buffer.js';
import type { AssignedQueue } from './assigned-queue.js';
import type { FlowControl } from './flow-control.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import { PullForecast } from './pull-forecast.js';
import { PullReader, type PullResult } from './pull-reader.js';
import { Pull, type PullOwner } from './pull.js';

const log = debug('rocketmq:pull');

/** The reference's pause after a broker's FLOW_CONTROL answer, in milliseconds. */
const BROKER_FLOW_CONTROL_PAUSE = 20;
/** Longest pause between pulls that keep failing, in milliseconds. */
const LONGEST_PAUSE = 5_000;
/** An answer without messages that comes sooner than this was not held by the broker, in milliseconds. */
const NOT_HELD = 50;
/** So many answers in a row that were neither held nor brought anything new are followed by a pause. */
const NOT_HELD_TOLERATED = 3;
/** So often within {@link FLIP_FLOP_WINDOW} a broker forgets a subscription only when another member undoes it. */
const FLIP_FLOPS = 3;
/** Two rounds of heartbeats, in milliseconds: each of the others' undoes this consumer's subscription once. */
const FLIP_FLOP_WINDOW = 120_000;
/** The remark that tells a reset by an operator from an offset the broker doesn't have. */
const OFFSET_RESET = 'OFFSET_RESET';
export interface PullLoopOptions {
  readonly consumerGroup: string;
  readonly clustering: boolean;
  readonly pullBatchSize: number;
  readonly pullBatchSizeInBytes: number;
  readonly pullInterval: number;
  readonly postSubscriptionWhenPull: boolean;
  readonly brokerSuspendMaxTimeMillis: number;
  readonly consumerPullTimeoutMillis: number;
  readonly pullTimeDelayMillsWhenException: number;
  readonly lockLeaseTime: number;
}

export interface PullLoopDeps {
  readonly client: ClientInstance;
  readonly offsets: OffsetStore;
  readonly flow: FlowControl;
  readonly subscription: (topic: string) => SubscriptionData | undefined;
  /** Pulling is suspended for the whole consumer. */
  readonly isSuspended: () => boolean;
  /** New messages wait in the queue's buffer. */
  readonly arrived: (queue: AssignedQueue) => void;
  /** The broker doesn't have the offset that was asked for: the queue is to start over at another. */
  readonly offsetIllegal: (queue: AssignedQueue, offset: number, remark: string | undefined) => void;
  readonly report: (error: RocketMQError) => void;
  readonly warn: (code: string, message: string) => void;
  readonly onPulled?: ((queue: AssignedQueue, messages: number, tookMs: number) => void) | undefined;
}

/** The broker that is asked. */
interface PullTarget {
  readonly address: string;
  readonly brokerId: number;
}

/** What comes after an answer: the next pull, at once or after a pause, or nothing more. */
type Next = 'again' | 'ended' | { readonly pause: number };

/**
 * Pulls one queue for one generation of its ownership. Every wait is for a change of what it depends on (room in the
 * buffer, the lock, a resumption), not for a point in time; nothing that is thrown ends it.
 *
 * The answer is handled where it arrives, without a promise: the next pull goes out before the messages of this one are
 * handed to the listener. While the queue is far behind, several are under way: each starts where the one before it is
 * expected to end. What they bring is taken in the order of their offsets, each when the one before it did end there;
 * otherwise what was sent ahead counts for nothing, and the next pull starts where the last one ended.
 */
export class PullLoop implements PullOwner {
  readonly #queue: AssignedQueue;
  readonly #generation: number;
  readonly #options: PullLoopOptions;
  readonly #deps: PullLoopDeps;
  readonly #callOptions: CallOptions;
  /** Of pulls that carry an offset to be committed. */
  readonly #commitOptions: CallOptions;
  /** Pulls that failed since the last that worked. */
  #failures = 0;
  /** Answers in a row that were neither held nor brought anything new. */
  #notHeld = 0;
  /** When the broker did not know the subscription, most recent last, by the monotonic clock. */
  readonly #unknownAt: number[] = [];
  /** Ascending. The first starts at the queue's next offset. */
  readonly #underWay: Pull[] = [];
  /** Not answered yet, and what they bring will not be taken: they started at an offset that was not the next. */
  #misplaced = 0;
  readonly #forecast = new PullForecast();
  #ended = false;
  /** The subscription that the requests are for. */
  #subscription: SubscriptionData | undefined;
  #requests: PullRequests | undefined;
  readonly #reader: PullReader;

  constructor(queue: AssignedQueue, options: PullLoopOptions, deps: PullLoopDeps) {
    this.#queue = queue;
    this.#generation = queue.generation;
    this.#options = options;
    this.#deps = deps;
    this.#reader = new PullReader(queue);
    const common = { timeoutMs: options.consumerPullTimeoutMillis, closeOnTimeout: false };
    this.#callOptions = { ...common, sendBefore: () => queue.leaseEnd(options.lockLeaseTime) };
    this.#commitOptions = { ...common, sendBefore: () => queue.writeEnd(options.lockLeaseTime) };
  }

  start(): void {
    const { signal } = this.#queue;
    const abort = (): void => {
      for (const pull of this.#underWay) pull.call?.abort(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#next();
  }

  pullAnswered(pull: Pull, command: RemotingCommand, memory: FrameMemory): void {
    if (!this.#isCurrent()) return;
    try {
      const reply = pullMessage.decodeReply(command);
      if (reply.status === 'OFFSET_ILLEGAL' && reply.remark === OFFSET_RESET) {
        // A broker says so once, to whichever pull comes first: it counts out of turn, too.
        this.#startOver(pull, reply);
      } else if (!this.#underWay.includes(pull)) {
        this.#misplaced--;
      } else {
        // Decoded in its turn or not: the memory it lies in is used again.
        pull.result = this.#reader.read(reply, this.#deps.client.clock.now() - pull.startedAt, memory);
        if (pull === this.#underWay[0]) this.#settle(pull, pull.result);
      }
    } catch (error) {
      this.pullFailed(pull, error);
    }
  }

  pullFailed(pull: Pull, error: unknown): void {
    if (!this.#isCurrent()) return;
    const index = this.#underWay.indexOf(pull);
    if (index === -1) this.#misplaced--;
    else this.#underWay.splice(index, 1);
    if (index === 0) return this.#rest(error);
    // When its turn comes it is sent again, and what is wrong will show.
    log('%s: a pull that was sent ahead failed: %s', this.#queue.key, error);
    if (index !== -1) this.#discard(index);
  }

  /** Forgets the pulls from this one on. */
  #discard(index: number): void {
    for (const pull of this.#underWay.splice(index)) if (pull.result === undefined) this.#misplaced++;
    this.#forecast.failed();
  }

  #settle(pull: Pull, result: PullResult | Promise<PullResult>): void {
    if (!(result instanceof Promise)) return this.#goOn(pull, result);
    result.then(
      (ready) => {
        if (this.#isCurrent()) this.#goOn(pull, ready);
      },
      (error: unknown) => this.pullFailed(pull, error),
    );
  }

  #goOn(pull: Pull, result: PullResult): void {
    let next: Next;
    try {
      next = this.#take(pull, result);
    } catch (error) {
      return this.pullFailed(pull, error);
    }
    if (next === 'ended') return;
    this.#failures = 0;
    this.#queue.pullFailing = undefined;
    this.#underWay.shift();
    if (next === 'again') this.#next();
    else this.#wait(next.pause);
  }

  #isCurrent(): boolean {
    return !this.#ended && this.#queue.generation === this.#generation && this.#queue.state === 'owned';
  }

  #rest(error: unknown): void {
    this.#wait(this.#pauseAfter(error));
  }

  /** Until something changes; at the latest, where a time is given, after `pause` milliseconds. */
  #wait(pause?: number): void {
    // Nothing may arrive meanwhile as if it were its turn.
    if (this.#underWay.length > 0) this.#discard(0);
    void this.#queue.changed.wait(this.#deps.client.clock, pause).then(() => this.#next());
  }

  #next(): void {
    if (!this.#isCurrent()) return;
    const queue = this.#queue;
    const underWay = this.#underWay;
    queue.waitsForRoom = false;
    try {
      if (underWay.length > 0 && underWay[0]?.from !== queue.nextOffset) this.#discard(0);
      const first = underWay[0];
      if (first?.result !== undefined) return this.#settle(first, first.result);
      if (first === undefined) {
        if (!this.#mayPull()) return this.#wait();
        const { topic, brokerName } = queue.messageQueue;
        const subscription = this.#deps.subscription(topic);
        if (subscription === undefined) return this.#wait(this.#options.pullTimeDelayMillsWhenException);
        const broker = this.#broker();
        if (broker === undefined) {
          throw new RouteError('ERR_ROCKETMQ_NO_BROKER', `broker ${brokerName} is in no known route`, {
            ...queue.messageQueue,
          });
        }
        this.#pull(queue.nextOffset, subscription, broker);
      }
      this.#pullAhead();
    } catch (error) {
      this.#rest(error);
    }
  }

  /** More pulls, as long as it is as good as certain where they have to start, and there is room for what they bring. */
  #pullAhead(): void {
    if (this.#misplaced > 0 || this.#options.pullInterval > 0) return;
    const underWay = this.#underWay;
    for (let last = underWay.at(-1); last !== undefined; last = underWay.at(-1)) {
      const size = this.#forecast.from(last.from);
      if (size === undefined || !this.#isWanted() || !this.#deps.flow.hasRoom(this.#queue, size, underWay.length))
        return;
      const broker = this.#broker();
      if (broker === undefined) return;
      this.#pull(last.from + size.messages, last.subscription, broker);
    }
  }

  #broker(): PullTarget | undefined {
    const { messageQueue, preferredBrokerId } = this.#queue;
    return this.#deps.client.routes.anyBrokerAddress(messageQueue.brokerName, preferredBrokerId);
  }

  #isWanted(): boolean {
    const queue = this.#queue;
    if (this.#deps.isSuspended() || queue.suspended) return false;
    return queue.holdsLease(this.#deps.client.clock.now(), this.#options.lockLeaseTime);
  }

  #mayPull(): boolean {
    const queue = this.#queue;
    if (!this.#isWanted()) return false;
    if (this.#deps.flow.hasRoom(queue)) return true;
    queue.waitsForRoom = true;
    const { buffer } = queue;
    if (buffer.waiting === 0 && !queue.busy && !queue.warnedOfFullBuffer) {
      queue.warnedOfFullBuffer = true;
      this.#deps.warn(
        'UNCOMMITTED_BUFFER_FULL',
        `${describeQueue(queue.exposedQueue)} holds ${buffer.consuming.length} uncommitted messages and pulls no more: ` +
          'with autoCommit off the listener has to answer COMMIT before the buffer is full',
      );
    }
    return false;
  }

  #pull(from: number, subscription: SubscriptionData, broker: PullTarget): void {
    const { client } = this.#deps;
    const queue = this.#queue;
    queue.lastPullAt = client.clock.now();
    const commitOffset = this.#options.clustering ? (this.#deps.offsets.get(queue.messageQueue) ?? -1) : -1;
    const commits = commitOffset > 0 && this.#mayCommit(broker);
    const command = this.#command(from, subscription, commitOffset, commits);
    const pull = new Pull(this, from, subscription, queue.lastPullAt);
    this.#underWay.push(pull);
    pull.call = client.remoting.submit(
      broker.address,
      command,
      commits ? this.#commitOptions : this.#callOptions,
      pull,
    );
  }

  /**
   * Only while nothing is held or on its way, so that nothing newer can be committed before this pull is answered: brokers
   * work on pulls and commits in different threads, and an older commit in a pull has been seen to undo a newer one
   * (4.9.7). And only where there is a connection: on the next one the lock would be in doubt.
   */
  #mayCommit({ address, brokerId }: PullTarget): boolean {
    const { buffer, confirmed } = this.#queue;
    const nothingHeld = buffer.count === 0 && this.#underWay.length === 0;
    return nothingHeld && confirmed && brokerId === MASTER_ID && this.#deps.client.remoting.isConnected(address);
  }

  #command(from: number, subscription: SubscriptionData, commitOffset: number, commits: boolean): RequestCommand {
    if (subscription !== this.#subscription || this.#requests === undefined) {
      this.#subscription = subscription;
      this.#requests = this.#requestsFor(subscription);
    }
    let sysFlag: number = PullSysFlag.SUSPEND;
    if (commits) sysFlag |= PullSysFlag.COMMIT_OFFSET;
    if (this.#options.postSubscriptionWhenPull) sysFlag |= PullSysFlag.SUBSCRIPTION;
    return this.#requests.encode({ queueOffset: from, sysFlag, commitOffset });
  }

  #requestsFor(subscription: SubscriptionData): PullRequests {
    const { topic, queueId, brokerName } = this.#queue.messageQueue;
    return new PullRequests({
      consumerGroup: this.#options.consumerGroup,
      topic,
      queueId,
      maxMsgNums: this.#options.pullBatchSize,
      suspendTimeoutMillis: this.#options.brokerSuspendMaxTimeMillis,
      subVersion: subscription.subVersion,
      expressionType: subscription.expressionType,
      maxMsgBytes: this.#options.pullBatchSizeInBytes,
      brokerName,
      ...(this.#options.postSubscriptionWhenPull && { subscription: subscription.subString }),
    });
  }

  #startOver(pull: Pull, reply: PullMessageReply): Next {
    const { nextBeginOffset, remark } = reply;
    log('%s: offset %d is illegal (%s), next is %d', this.#queue.key, pull.from, remark, nextBeginOffset);
    this.#ended = true;
    this.#deps.offsetIllegal(this.#queue, nextBeginOffset, remark);
    return 'ended';
  }

  #take(pull: Pull, result: PullResult): Next {
    const queue = this.#queue;
    const { reply, tookMs, messages, error } = result;
    queue.preferredBrokerId = reply.suggestWhichBrokerId;
    if (reply.status === 'OFFSET_ILLEGAL') return this.#startOver(pull, reply);
    const { subscription } = pull;
    // What was looked for is not what is wanted any more: neither its messages nor what it passed over count.
    if (this.#deps.subscription(queue.messageQueue.topic) !== subscription) return 'again';
    if (reply.status !== 'FOUND') {
      this.#nothingNew(reply.nextBeginOffset);
      return this.#pauseIfNotHeld(reply.nextBeginOffset > pull.from, tookMs);
    }
    this.#notHeld = 0;
    this.#forecast.answered(pull.from, reply, messages.length);
    this.#reader.taken(result);
    this.#deps.onPulled?.(queue, messages.length, tookMs);
    const wanted =
      subscription.tagsSet.length === 0 ? messages : messages.filter((m) => matchesTags(subscription, m.tags));
    queue.buffer.put(wanted);
    if (error !== undefined) {
      // What was readable is consumed; what was not is asked for again, never jumped over.
      const last = messages.at(-1);
      if (last !== undefined) queue.nextOffset = last.queueOffset + 1;
      this.#deps.arrived(queue);
      throw error;
    }
    if (wanted.length === 0) this.#nothingNew(reply.nextBeginOffset);
    else queue.nextOffset = reply.nextBeginOffset;
    this.#deps.arrived(queue);
    return this.#options.pullInterval > 0 ? { pause: this.#options.pullInterval } : 'again';
  }

  /** Nothing to consume up to `offset`: with an empty buffer, counting what is being consumed, that much is finished. */
  #nothingNew(offset: number): void {
    const queue = this.#queue;
    queue.nextOffset = offset;
    if (queue.buffer.count === 0) this.#deps.offsets.update(queue.messageQueue, offset, true);
  }

  /** A broker holds a pull it has nothing for. One that doesn't would be asked in a hot loop. */
  #pauseIfNotHeld(progress: boolean, tookMs: number): Next {
    this.#notHeld = progress || tookMs >= NOT_HELD ? 0 : this.#notHeld + 1;
    if (this.#notHeld <= NOT_HELD_TOLERATED) return 'again';
    return { pause: Math.min(1_000, 10 * 2 ** (this.#notHeld - NOT_HELD_TOLERATED)) };
  }

  /** Reports what went wrong and returns how long to wait, at most; a change of the queue ends the wait sooner. */
  #pauseAfter(cause: unknown): number {
    const queue = this.#queue;
    // A replica that fails must not be asked for ever: the master suggests it again when it is to be.
    queue.preferredBrokerId = MASTER_ID;
    if (cause instanceof BrokerError && cause.responseCode === ResponseCode.FLOW_CONTROL) {
      this.#noteFailure(cause);
      return BROKER_FLOW_CONTROL_PAUSE;
    }
    const failures = ++this.#failures;
    if (
      cause instanceof BrokerError &&
      (cause.responseCode === ResponseCode.SUBSCRIPTION_NOT_LATEST ||
        cause.responseCode === ResponseCode.SUBSCRIPTION_NOT_EXIST)
    ) {
      this.#subscriptionUnknown(failures === 1);
    }
    if (cause instanceof RouteError) this.#deps.client.routes.fetch(queue.messageQueue.topic).catch(() => undefined);
    const error =
      cause instanceof RocketMQError
        ? cause
        : new RocketMQError(`pulling ${describeQueue(queue.exposedQueue)} failed`, {
            code: 'ERR_ROCKETMQ_PULL',
            retryable: true,
            cause,
          });
    // An unreadable message is reported each time: it needs somebody. A broker that is away says so once.
    if (failures === 1 || error instanceof MessageFormatError) this.#deps.report(error);
    log('%s: pull failed %d times: %s', queue.key, failures, error.message);
    this.#noteFailure(error);
    const base = this.#options.pullTimeDelayMillsWhenException;
    const pause = Math.min(LONGEST_PAUSE, base * 2 ** Math.min(failures - 1, 8));
    return failures === 1 ? base : pause * (0.75 + Math.random() / 4);
  }

  #noteFailure(error: Error): void {
    const since = this.#queue.pullFailing?.since ?? this.#deps.client.clock.now();
    this.#queue.pullFailing = { since, error };
  }

  /**
   * The broker knows another version of the subscription than this pull was made with: it hears of ours at once. Where
   * that didn't help, the next attempt comes after the usual pause: no hot loop of pulls and heartbeats.
   */
  #subscriptionUnknown(helps: boolean): void {
    const { client } = this.#deps;
    const queue = this.#queue;
    const address = client.routes.brokerAddress(queue.messageQueue.brokerName);
    if (address !== undefined) {
      client.heartbeats.beat(address).then(
        () => {
          if (helps) queue.changed.notify();
        },
        (error: unknown) => log('heartbeat to %s failed: %s', address, error),
      );
    }
    const now = client.clock.now();
    this.#unknownAt.push(now);
    if (this.#unknownAt.length < FLIP_FLOPS) return;
    const first = this.#unknownAt.shift() ?? now;
    if (now - first > FLIP_FLOP_WINDOW) return;
    this.#unknownAt.length = 0;
    this.#deps.warn(
      'SUBSCRIPTION_FLIP_FLOP',
      `the broker keeps another subscription of group ${this.#options.consumerGroup} than this consumer has: ` +
        'all members of a group must subscribe to the same topics with the same expressions',
    );
  }
}
