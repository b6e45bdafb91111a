import { ValidationError } from '../../errors.js';
import type { MessageQueue } from '../../protocol/message-queue.js';
import { memberIndex, type AllocateMessageQueueStrategy } from './strategy.js';

/** Tells which machine room brokers and consumers stand in. Must answer alike in every member of the group. */
export interface MachineRoomResolver {
  brokerDeployIn(queue: MessageQueue): string;
  consumerDeployIn(consumerId: string): string;
}

/**
 * Queues of a machine room go to the consumers of that room, shared out by an inner strategy. Queues of rooms without
 * a consumer are shared out among all members.
 */
export class AllocateMachineRoomNearby implements AllocateMessageQueueStrategy {
  readonly name: string;
  readonly #inner: AllocateMessageQueueStrategy;
  readonly #resolver: MachineRoomResolver;

  /** @throws ValidationError when one of the two is missing */
  constructor(inner: AllocateMessageQueueStrategy, resolver: MachineRoomResolver) {
    if (typeof inner?.allocate !== 'function') {
      throw new ValidationError('strategy', inner, 'an object with allocate()');
    }
    if (typeof resolver?.brokerDeployIn !== 'function' || typeof resolver.consumerDeployIn !== 'function') {
      throw new ValidationError(
        'machineRoomResolver',
        resolver,
        'an object with brokerDeployIn() and consumerDeployIn()',
      );
    }
    this.name = `MACHINE_ROOM_NEARBY-${inner.name}`;
    this.#inner = inner;
    this.#resolver = resolver;
  }

  /** @throws ValidationError also when the resolver answers with no room name */
  allocate(
    consumerGroup: string,
    currentCid: string,
    queues: readonly MessageQueue[],
    consumerIds: readonly string[],
  ): MessageQueue[] {
    if (memberIndex(currentCid, queues, consumerIds) < 0) return [];
    const queuesOf = groupBy(queues, 'brokerDeployIn', (queue) => this.#resolver.brokerDeployIn(queue));
    const consumersOf = groupBy(consumerIds, 'consumerDeployIn', (id) => this.#resolver.consumerDeployIn(id));
    const ownRoom = this.#resolver.consumerDeployIn(currentCid);

    const owned: MessageQueue[] = [];
    const inOwnRoom = queuesOf.get(ownRoom);
    if (inOwnRoom !== undefined) {
      owned.push(...this.#inner.allocate(consumerGroup, currentCid, inOwnRoom, consumersOf.get(ownRoom) ?? []));
    }
    for (const room of [...queuesOf.keys()].sort()) {
      if (consumersOf.has(room)) continue;
      owned.push(...this.#inner.allocate(consumerGroup, currentCid, queuesOf.get(room) ?? [], consumerIds));
    }
    return owned;
  }
}

function groupBy<T>(items: readonly T[], field: string, roomOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const room: unknown = roomOf(item);
    if (typeof room !== 'string' || room === '') throw new ValidationError(field, room, 'the name of a machine room');
    const group = groups.get(room);
    if (group === undefined) groups.set(room, [item]);
    else group.push(item);
  }
  return groups;
}
