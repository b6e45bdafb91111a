import { AllocateMessageQueueAveragely } from './averagely.js';
import { AllocateMessageQueueAveragelyByCircle } from './averagely-by-circle.js';
import { AllocateMessageQueueConsistentHash } from './consistent-hash.js';
import type { AllocateMessageQueueStrategy } from './strategy.js';

/** Who owns which queue: one file per strategy. */

export type { AllocateMessageQueueStrategy } from './strategy.js';
export { AllocateMessageQueueAveragely } from './averagely.js';
export { AllocateMessageQueueAveragelyByCircle } from './averagely-by-circle.js';
export { AllocateMessageQueueConsistentHash } from './consistent-hash.js';
export { AllocateMessageQueueByConfig } from './by-config.js';
export { AllocateMessageQueueByMachineRoom } from './by-machine-room.js';
export { AllocateMachineRoomNearby, type MachineRoomResolver } from './machine-room-nearby.js';

/** The strategies that need no settings of their own, by their names in the reference. */
export const ALLOCATE_STRATEGY_NAMES = ['AVG', 'AVG_BY_CIRCLE', 'CONSISTENT_HASH'] as const;
export type AllocateStrategyName = (typeof ALLOCATE_STRATEGY_NAMES)[number];

/** A strategy by its name. */
export function allocateStrategyByName(name: AllocateStrategyName): AllocateMessageQueueStrategy {
  switch (name) {
    case 'AVG':
      return new AllocateMessageQueueAveragely();
    case 'AVG_BY_CIRCLE':
      return new AllocateMessageQueueAveragelyByCircle();
    case 'CONSISTENT_HASH':
      return new AllocateMessageQueueConsistentHash();
  }
}
