import { ValidationError } from '../../errors.js';
import type { MessageQueue } from '../../protocol/message-queue.js';

/**
 * Decides which queues of one topic a consumer owns. It runs in every member of the group on its own, so it must be a
 * pure function of its arguments: all members, given the same queues and the same members, must agree without talking.
 * Every member of a group has to use the same strategy.
 */
export interface AllocateMessageQueueStrategy {
  /** The reference's name of it, such as `AVG`; shown in diagnostics. */
  readonly name: string;

  /**
   * The queues that `currentCid` owns.
   *
   * @param queues all queues of the topic, sorted with `compareMessageQueues`
   * @param consumerIds all members of the group, sorted by UTF-16 code unit
   * @returns a new array; empty when `currentCid` is not among `consumerIds`
   * @throws ValidationError when an argument is empty
   */
  allocate(
    consumerGroup: string,
    currentCid: string,
    queues: readonly MessageQueue[],
    consumerIds: readonly string[],
  ): MessageQueue[];
}

/**
 * Refuses empty arguments, and finds the consumer's place among the members. An empty list is a caller's mistake and
 * no "owns nothing": taken as such it would make a consumer drop every queue.
 *
 * @returns the index of `currentCid`, -1 when it is not a member
 * @throws ValidationError
 */
export function memberIndex(
  currentCid: string,
  queues: readonly MessageQueue[],
  consumerIds: readonly string[],
): number {
  if (currentCid === '') throw new ValidationError('currentCid', currentCid, 'a client id');
  if (queues.length === 0) throw new ValidationError('queues', queues, 'at least one queue');
  if (consumerIds.length === 0) throw new ValidationError('consumerIds', consumerIds, 'at least one client id');
  return consumerIds.indexOf(currentCid);
}
