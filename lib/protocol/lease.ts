/**
 * How long a member of a group trusts its queue locks without a renewal. It is the member's own affair, but others may
 * have to know it, to tell when a member that has vanished can't be consuming any more: it stands at the end of the
 * client id, unless it is the reference's.
 */

/** The reference's, in milliseconds: what every other client keeps to. */
export const DEFAULT_LEASE_TIME = 30_000;

const SUFFIX = '#lease=';
const PATTERN = /#lease=(\d{1,10})$/;

/** The client id of a member with this lease. */
export function withLease(clientId: string, leaseTime: number): string {
  return leaseTime === DEFAULT_LEASE_TIME ? clientId : `${clientId}${SUFFIX}${leaseTime}`;
}

/** The lease of the member with this client id, in milliseconds. */
export function leaseOf(clientId: string): number {
  const found = PATTERN.exec(clientId)?.[1];
  return found === undefined ? DEFAULT_LEASE_TIME : Number(found);
}
