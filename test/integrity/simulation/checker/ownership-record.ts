import type { Stint } from './stint.js';

/** A lock as its owner knows it. */
export interface Grant {
  /** When the request was sent that was granted. */
  readonly sentAt: number;
  /** Which of the member's connections it came on. */
  readonly connection: number | undefined;
}

/** A listener call under way. */
export interface Running {
  readonly call: number;
  readonly member: MemberRecord;
  readonly offsets: readonly number[];
  readonly at: number;
  readonly stint: Stint | undefined;
  /** Its member has closed without it, after waiting for it. */
  abandoned: boolean;
}

/** One member, as far as the history has been read. */
export class MemberRecord {
  readonly name: string;
  /** How long it trusts a lock, in milliseconds. */
  readonly lease: number;
  /** When it was told to close, has closed, or was killed. */
  closingAt: number | undefined;
  over = false;
  /** By queue: the last lock it was granted and not refused since. */
  readonly grants = new Map<string, Grant>();
  /** By queue: its time with it. */
  readonly stints = new Map<string, Stint>();

  constructor(name: string, lease: number) {
    this.name = name;
    this.lease = lease;
  }

  /** How much of its lease is left, in milliseconds; negative when it has run out, `undefined` without one. */
  leaseLeft(queue: string, at: number): number | undefined {
    const grant = this.grants.get(queue);
    return grant === undefined ? undefined : this.lease - (at - grant.sentAt);
  }
}
