import type { ConsumeOrderlyStatus } from '../../../lib/index.js';

/** How a listener answers, by name; what exactly is drawn anew for each call. */
export const MOODS = ['content', 'moody', 'slow', 'by-hand', 'wild'] as const;
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
}

const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

/** The longest a listener takes, in milliseconds: less than what a member that leaves grants it. */
const LONGEST_CALL = 20_000;

/** @param draw gives another number from 0 to 1 at each call */
export function planAnswer(mood: Mood, draw: () => number): Plan {
  const delay = draw();
  const suspendMs = [-1, 10, 300, 3_000][Math.floor(draw() * 4)] ?? -1;
  const choice = draw();
  const throws = draw() < 0.5;
  const short = delay < 0.5 ? undefined : Math.floor(delay * 40);
  switch (mood) {
    case 'content':
      return { auto: true, status: 'SUCCESS', throws, delayMs: short, suspendMs };
    case 'moody':
      return { auto: true, status: choice < 0.3 ? SUSPEND : 'SUCCESS', throws, delayMs: short, suspendMs };
    case 'slow':
      return { auto: true, status: choice < 0.05 ? SUSPEND : 'SUCCESS', throws, delayMs: delay ** 6 * LONGEST_CALL, suspendMs }; // prettier-ignore
    case 'by-hand':
      return { auto: false, status: byHand(choice), throws, delayMs: short, suspendMs };
    case 'wild':
      return { auto: draw() < 0.6, status: byHand(choice), throws, delayMs: delay < 0.3 ? undefined : delay ** 8 * LONGEST_CALL, suspendMs }; // prettier-ignore
  }
}

function byHand(choice: number): ConsumeOrderlyStatus {
  if (choice < 0.55) return 'SUCCESS';
  if (choice < 0.8) return 'COMMIT';
  return choice < 0.9 ? 'ROLLBACK' : SUSPEND;
}
