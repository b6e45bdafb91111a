import { ValidationError } from '../../errors.js';
import type { MessageQueue } from '../../protocol/message-queue.js';
import { memberIndex, type AllocateMessageQueueStrategy } from './strategy.js';

/**
 * Only the queues of brokers in the given machine rooms, told by broker names of the form `room@name`: a contiguous
 * block for every member, the rest one by one. Queues of other rooms are left to nobody.
 */
export class AllocateMessageQueueByMachineRoom implements AllocateMessageQueueStrategy {
  readonly name = 'MACHINE_ROOM';
  readonly #rooms: ReadonlySet<string>;

  /**
   * @param machineRooms the rooms this group consumes from
   * @throws ValidationError when it is no list of at least one name
   */
  constructor(machineRooms: Iterable<string>) {
    this.#rooms = new Set(machineRooms);
    if (typeof machineRooms === 'string' || this.#rooms.size === 0) {
      throw new ValidationError('machineRooms', machineRooms, 'at least one machine room');
    }
  }

  allocate(
    _consumerGroup: string,
    currentCid: string,
    queues: readonly MessageQueue[],
    consumerIds: readonly string[],
  ): MessageQueue[] {
    const index = memberIndex(currentCid, queues, consumerIds);
    if (index < 0) return [];
    const eligible = queues.filter((queue) => this.#rooms.has(machineRoomOf(queue.brokerName) ?? ''));
    const block = Math.floor(eligible.length / consumerIds.length);
    const owned = eligible.slice(block * index, block * (index + 1));
    const rest = eligible[block * consumerIds.length + index];
    if (rest !== undefined) owned.push(rest);
    return owned;
  }
}

/** The part before the only `@` of a broker name; `undefined` when the name has another form. */
function machineRoomOf(brokerName: string): string | undefined {
  const [room, name, ...more] = brokerName.split('@');
  return room !== '' && name !== undefined && name !== '' && more.length === 0 ? room : undefined;
}
