import { createHash } from 'node:crypto';
import { ValidationError } from '../../errors.js';
import type { MessageQueue } from '../../protocol/message-queue.js';
import { memberIndex, type AllocateMessageQueueStrategy } from './strategy.js';

/** Virtual nodes per member, the reference's default. */
const DEFAULT_VIRTUAL_NODES = 10;

/**
 * A hash ring: when a member joins or leaves only the queues of its stretch of the ring move. Less even than
 * {@link AllocateMessageQueueAveragely}. The ring equals the reference's bit for bit, so members in Java and in Node
 * can share a group.
 */
export class AllocateMessageQueueConsistentHash implements AllocateMessageQueueStrategy {
  readonly name = 'CONSISTENT_HASH';
  readonly #virtualNodes: number;

  /**
   * @param options.virtualNodeCount points of each member on the ring; must be equal in all members. @default 10
   * @throws ValidationError
   */
  constructor(options: { readonly virtualNodeCount?: number } = {}) {
    const count = options.virtualNodeCount ?? DEFAULT_VIRTUAL_NODES;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new ValidationError('virtualNodeCount', count, 'an integer of at least 1');
    }
    this.#virtualNodes = count;
  }

  allocate(
    _consumerGroup: string,
    currentCid: string,
    queues: readonly MessageQueue[],
    consumerIds: readonly string[],
  ): MessageQueue[] {
    if (memberIndex(currentCid, queues, consumerIds) < 0) return [];
    const ring = new HashRing(consumerIds, this.#virtualNodes);
    return queues.filter((queue) => ring.owner(queueHashKey(queue)) === currentCid);
  }
}

class HashRing {
  readonly #owners = new Map<number, string>();
  readonly #points: readonly number[];

  constructor(consumerIds: readonly string[], virtualNodes: number) {
    const replicas = new Map<string, number>();
    for (const consumerId of consumerIds) {
      // A client id that is listed twice continues its numbering, as in the reference.
      const first = replicas.get(consumerId) ?? 0;
      replicas.set(consumerId, first + virtualNodes);
      for (let replica = first; replica < first + virtualNodes; replica++) {
        this.#owners.set(ringHash(`${consumerId}-${replica}`), consumerId);
      }
    }
    this.#points = [...this.#owners.keys()].sort((a, b) => a - b);
  }

  /** The member at the first point at or after the key's hash; behind the last point the ring starts again. */
  owner(key: string): string | undefined {
    const hash = ringHash(key);
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle] ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    const point = this.#points[low % this.#points.length];
    return point === undefined ? undefined : this.#owners.get(point);
  }
}

/** The first four bytes of the MD5, unsigned: a spreading function shared with the reference, no security. */
function ringHash(key: string): number {
  return createHash('md5').update(key, 'utf8').digest().readUInt32BE(0);
}

/** The reference hashes what its `MessageQueue.toString()` gives. */
function queueHashKey(queue: MessageQueue): string {
  return `MessageQueue [topic=${queue.topic}, brokerName=${queue.brokerName}, queueId=${queue.queueId}]`;
}
