import type { ConsumeOrderlyStatus } from '../../../lib/index.js';

/** How a listener answers, by name; what exactly is drawn anew for each call. */
export const MOODS = ['content', 'moody', 'slow', 'by-hand', 'wild', 'blocking', 'hanging'] as const;
export type Mood = (typeof MOODS)[number];

/** What a listener does with one call. */
export interface Plan {
  readonly auto: boolean;
  readonly status: ConsumeOrderlyStatus;
  /** It throws, or its promise rejects, instead of answering SUSPEND. */
  readonly throws: boolean;
  /** `undefined`: it answers synchronously. Otherwise a promise that settles after so many milliseconds. */
  readonly delayMs: number | undefined;
  readonly suspendMs: number;
  /** So long it keeps its process from everything else, in milliseconds. */
  readonly blocksMs: number;
}

const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

/** The longest a slow listener takes, and a hanging one, in milliseconds: longer than a lease, than a broker's lock. */
const LONGEST_CALL = 45_000;
const HANGS = 600_000;

/** @param draw gives another number from 0 to 1 at each call */
export function planAnswer(mood: Mood, draw: () => number): Plan {
  const delay = draw();
  const suspendMs = [-1, 10, 300, 3_000][Math.floor(draw() * 4)] ?? -1;
  const choice = draw();
  const plan: Plan = {
    auto: true,
    status: 'SUCCESS',
    throws: draw() < 0.5,
    delayMs: delay < 0.5 ? undefined : Math.floor(delay * 40),
    suspendMs,
    blocksMs: 0,
  };
  switch (mood) {
    case 'content':
      return plan;
    case 'moody':
      return { ...plan, status: choice < 0.3 ? SUSPEND : 'SUCCESS' };
    case 'slow':
      return { ...plan, status: choice < 0.05 ? SUSPEND : 'SUCCESS', delayMs: delay ** 4 * LONGEST_CALL };
    case 'by-hand':
      return { ...plan, auto: false, status: byHand(choice) };
    case 'wild':
      return {
        ...plan,
        auto: draw() < 0.6,
        status: byHand(choice),
        delayMs: delay < 0.3 ? undefined : delay ** 8 * LONGEST_CALL,
      };
    case 'blocking':
      return {
        ...plan,
        delayMs: undefined,
        blocksMs: choice < 0.03 ? draw() * 80_000 : choice < 0.2 ? draw() * 300 : 0,
      };
    case 'hanging':
      return choice < 0.05 ? { ...plan, delayMs: HANGS } : plan;
  }
}

function byHand(choice: number): ConsumeOrderlyStatus {
  if (choice < 0.55) return 'SUCCESS';
  if (choice < 0.8) return 'COMMIT';
  return choice < 0.9 ? 'ROLLBACK' : SUSPEND;
}
