import type { Clock } from '../../lib/clock.js';

/** One step of a message's way from the socket to the listener, ready to be run over and over. */
export interface Step {
  readonly name: string;
  /** What the figures are of. */
  readonly unit: 'message' | 'pull';
  /** How many of that one run handles. */
  readonly count: number;
  /** A run leaves everything as it has to be for the next. */
  readonly run: () => unknown;
  /** `run` returns a promise. Default false: then what it returns is not looked at. */
  readonly isAsync?: true;
}

/** Makes the steps of one area. The clock is for what looks at the time while it works. */
export type StepSource = (clock: Clock) => Step[];
