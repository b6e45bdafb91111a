import type { ConsumeOrderlyStatus } from '../enums.js';

/**
 * What a listener's answer does to the queue and its offset. Decided here alone, and purely: the table below is the
 * rule, its test is the same table, and the consume loop only carries it out.
 */

/** What became of the messages of a batch that the listener suspended. */
export type SuspendedBatch =
  /** At least one has attempts left, or could not be sent to the dead letter queue. */
  | 'some-again'
  /** Every one reached its limit and is safe elsewhere. */
  | 'all-resolved';

export type QueueEffect =
  /** All that is being consumed is finished; its highest offset + 1 is the new offset. */
  | 'commit'
  /** Nothing: the messages stay among those being consumed until a COMMIT or a ROLLBACK. */
  | 'keep'
  /** All that is being consumed goes back, uncommitted. No attempt is counted. */
  | 'rollback'
  /** This batch goes back. An attempt was counted for each of its messages. */
  | 'again';

export interface Outcome {
  readonly effect: QueueEffect;
  /** Whether the slice goes on with the next batch at once, or the queue rests for the suspend time. */
  readonly next: 'continue' | 'suspend';
  /** COMMIT or ROLLBACK in auto-commit mode: taken as SUCCESS, worth a warning. */
  readonly misused?: true;
}

export type CommitMode = 'auto' | 'manual';

/** Commit mode and status, and for a suspended batch what became of its messages. */
export const OUTCOMES: {
  readonly [mode in CommitMode]: {
    readonly SUCCESS: Outcome;
    readonly COMMIT: Outcome;
    readonly ROLLBACK: Outcome;
    readonly SUSPEND_CURRENT_QUEUE_A_MOMENT: { readonly [batch in SuspendedBatch]: Outcome };
  };
} = {
  auto: {
    SUCCESS: { effect: 'commit', next: 'continue' },
    COMMIT: { effect: 'commit', next: 'continue', misused: true },
    ROLLBACK: { effect: 'commit', next: 'continue', misused: true },
    SUSPEND_CURRENT_QUEUE_A_MOMENT: {
      'some-again': { effect: 'again', next: 'suspend' },
      'all-resolved': { effect: 'commit', next: 'continue' },
    },
  },
  manual: {
    SUCCESS: { effect: 'keep', next: 'continue' },
    COMMIT: { effect: 'commit', next: 'continue' },
    ROLLBACK: { effect: 'rollback', next: 'suspend' },
    SUSPEND_CURRENT_QUEUE_A_MOMENT: {
      'some-again': { effect: 'again', next: 'suspend' },
      'all-resolved': { effect: 'keep', next: 'continue' },
    },
  },
};

/** @param batch only looked at for SUSPEND_CURRENT_QUEUE_A_MOMENT */
export function decideOutcome(mode: CommitMode, status: ConsumeOrderlyStatus, batch: SuspendedBatch): Outcome {
  const outcome = OUTCOMES[mode][status];
  return 'effect' in outcome ? outcome : outcome[batch];
}

/** A message is delivered `maxReconsumeTimes` + 1 times; -1 means without limit. */
export function isExhausted(reconsumeTimes: number, maxReconsumeTimes: number): boolean {
  return maxReconsumeTimes !== -1 && reconsumeTimes >= maxReconsumeTimes;
}

/** The reference's bounds of a suspension, in milliseconds. */
const SHORTEST_SUSPEND = 10;
const LONGEST_SUSPEND = 30_000;

/** How long a queue rests: the context's wish, or with -1 the consumer's option; between 10 ms and 30 s. */
export function suspendTime(wished: number, byDefault: number): number {
  const time = Number.isFinite(wished) && wished !== -1 ? wished : byDefault;
  return Math.min(LONGEST_SUSPEND, Math.max(SHORTEST_SUSPEND, time));
}

const STATUSES: ReadonlySet<unknown> = new Set<ConsumeOrderlyStatus>([
  'SUCCESS',
  'COMMIT',
  'ROLLBACK',
  'SUSPEND_CURRENT_QUEUE_A_MOMENT',
]);

export function isStatus(value: unknown): value is ConsumeOrderlyStatus {
  return STATUSES.has(value);
}
