import { RouteError, ValidationError } from '../errors.js';
import type { ResolvedProducerOptions } from '../options.js';
import { describeQueue, messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { fnvKeyHash, javaKeyHash, type KeyHash } from './key-hash.js';
import type { Outgoing } from './outgoing.js';
import type { QueueSelector } from './producer-message.js';

/** What decides about the queue of a send. `any` is a plain send, all others are ordered ones. */
export type Target =
  | { readonly by: 'any' }
  | { readonly by: 'key'; readonly key: string }
  | { readonly by: 'queue'; readonly queue: MessageQueue }
  | { readonly by: 'selector'; readonly select: QueueSelector; readonly arg: unknown };

export type QueueChoiceOptions = Pick<ResolvedProducerOptions, 'queuePolicy' | 'hash'>;

/** Chooses the queues of messages. Queues are in the wire's form throughout, only selectors see them without a namespace. */
export class QueueChoice {
  readonly #policy: ResolvedProducerOptions['queuePolicy'];
  readonly #hash: KeyHash;
  /** By topic, where the next plain send goes. */
  readonly #turns = new Map<string, number>();

  constructor(options: QueueChoiceOptions) {
    this.#policy = options.queuePolicy;
    this.#hash = options.hash === 'java' ? javaKeyHash : fnvKeyHash;
  }

  /**
   * The queue of an ordered send, which all its attempts go to.
   *
   * @param queues the topic's writable queues, never empty
   * @throws RouteError `ERR_ROCKETMQ_NO_QUEUE` when the route has not what the queue policy demands
   * @throws ValidationError when the selector's answer is none of the queues
   */
  ordered(target: Exclude<Target, { by: 'any' }>, outgoing: Outgoing, queues: readonly MessageQueue[]): MessageQueue {
    if (target.by === 'queue') return { ...target.queue, topic: outgoing.wireTopic };
    const candidates = this.#candidates(outgoing, queues);
    const chosen =
      target.by === 'key'
        ? at(candidates, this.#hash(target.key, candidates.length))
        : select(target, outgoing, candidates);
    // Only the queue that is needed has to be there: what belongs to the others can still be sent.
    if (candidates !== queues && !queues.some((queue) => isSameQueue(queue, chosen))) throw notWritable(chosen);
    return chosen;
  }

  /** The queues take turns; those of the broker that just failed are passed over as long as there are others. */
  any(topic: string, queues: readonly MessageQueue[], failedBroker: string | undefined): MessageQueue {
    const first = this.#turns.get(topic) ?? Math.floor(Math.random() * queues.length);
    let turn = first;
    while (turn < first + queues.length && at(queues, turn).brokerName === failedBroker) turn++;
    if (turn === first + queues.length) turn = first;
    this.#turns.set(topic, (turn + 1) % queues.length);
    return at(queues, turn);
  }

  #candidates(outgoing: Outgoing, queues: readonly MessageQueue[]): readonly MessageQueue[] {
    const policy = this.#policy;
    if (policy === 'route') return queues;
    if ('count' in policy) {
      if (queues.length === policy.count) return queues;
      throw new RouteError(
        'ERR_ROCKETMQ_NO_QUEUE',
        `topic ${outgoing.topic} has ${queues.length} writable queues, but queuePolicy demands ${policy.count}; ` +
          'sharding keys would move to other queues',
        { topic: outgoing.topic, queues: queues.length, demanded: policy.count },
      );
    }
    const fixed = policy.fixed.filter((queue) => queue.topic === outgoing.topic);
    if (fixed.length === 0) {
      throw new RouteError('ERR_ROCKETMQ_NO_QUEUE', `queuePolicy names no queue of topic ${outgoing.topic}`, {
        topic: outgoing.topic,
      });
    }
    return fixed.map((queue) => ({ ...queue, topic: outgoing.wireTopic }));
  }
}

function select(
  target: Extract<Target, { by: 'selector' }>,
  outgoing: Outgoing,
  queues: readonly MessageQueue[],
): MessageQueue {
  // A copy, as the selector might sort it, and with the topic as its author knows it.
  const shown = queues.map((queue) => ({ ...queue, topic: outgoing.topic }));
  const indexes = new Map(shown.map((queue, index) => [messageQueueKey(queue), index]));
  const answer: unknown = target.select(shown, outgoing.source, target.arg);
  const chosen = isQueue(answer) ? queues[indexes.get(messageQueueKey(answer)) ?? -1] : undefined;
  if (chosen !== undefined) return chosen;
  throw new ValidationError('the answer of options.selector', answer, 'one of the queues it was given');
}

function notWritable(queue: MessageQueue): RouteError {
  return new RouteError(
    'ERR_ROCKETMQ_NO_QUEUE',
    `${describeQueue(queue)} of queuePolicy takes no messages now: its broker has no master, or the topic has fewer ` +
      'writable queues there; its keys are not sent to other queues',
    { ...queue },
  );
}

function isQueue(value: unknown): value is MessageQueue {
  return typeof value === 'object' && value !== null && 'topic' in value && 'brokerName' in value && 'queueId' in value;
}

function isSameQueue(a: MessageQueue, b: MessageQueue): boolean {
  return a.brokerName === b.brokerName && a.queueId === b.queueId;
}

function at(queues: readonly MessageQueue[], index: number): MessageQueue {
  const queue = queues[index % queues.length];
  if (queue === undefined) throw new RouteError('ERR_ROCKETMQ_NO_QUEUE', 'the topic has no queue that takes messages');
  return queue;
}
