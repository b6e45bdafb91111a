import type { OrderedConsumerOptions } from '../../lib/index.js';

/**
 * What all members have in common besides their group: a short lease, whose locks others give back when it is over, so
 * that a killed member is replaced within the cycle it was killed in.
 *
 * @param validFor of the lease, in milliseconds
 */
export function soakOptions(validFor: number): Pick<OrderedConsumerOptions, 'lease' | 'orphanLocks'> {
  return { lease: { validFor, renewEvery: Math.ceil(validFor / 3) }, orphanLocks: 'release' };
}
