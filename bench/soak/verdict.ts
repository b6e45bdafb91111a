import type { Goal } from '../harness/report.js';
import { liveBytes, type Sample } from './sample.js';

/** What a run came to besides its samples. */
export interface Outcome {
  /** 1 when it could not go on to its end: something was not well again in time. */
  readonly brokenOff: 0 | 1;
  readonly orderFaults: number;
  /** Messages that were stored for certain and given to nobody. */
  readonly lost: number;
  /** What the mock's watchdogs found; undefined with a real cluster. */
  readonly violations: number | undefined;
  /** What the process held before the first member came and after the last one left, more than before. */
  readonly left: number;
}

/**
 * Bytes by which the live memory may rise over the second half, however long it is: in half an hour of an hour's run that
 * is 3 bytes for each of 400 messages a second, and 20 KB for each member that came and went.
 */
export const MOST_RISE = 2 * 1024 * 1024;

/** How many are set at a calm moment differs by as many, since queues wait and answer at their own times. */
const MOST_TIMERS = 20;

/** Memory is not judged by fewer than two calm moments in the second half: that goal is missed. */
export function judge(samples: readonly Sample[], outcome: Outcome): Goal[] {
  const calm = samples.filter(({ calm: isCalm }) => isCalm);
  const quarter = Math.max(1, Math.floor(calm.length / 4));
  const half = calm.slice(Math.floor(calm.length / 2));
  return [
    {
      name: 'live memory rises over the second half, by its slope',
      measured: half.length < 2 ? Number.NaN : rise(half) / 1e6,
      sense: 'at most',
      bound: MOST_RISE / 1e6,
      unit: 'MB',
      digits: 2,
    },
    // Less there may be: a connection to a name server that was cut off is made again when it is needed.
    count(
      'connections more than at the first calm moment',
      growth(calm, ({ sockets }) => sockets),
    ),
    count('handles more than at the first calm moment', growth(calm, handles)),
    {
      name: 'timers: the least of the last quarter above the most of the first',
      measured: least(calm.slice(-quarter), timers) - most(calm.slice(0, quarter), timers),
      sense: 'at most',
      bound: MOST_TIMERS,
      unit: '',
      digits: 0,
    },
    count('broken off before its end', outcome.brokenOff),
    count('messages out of order, or with two members at once', outcome.orderFaults),
    count('messages lost', outcome.lost),
    ...(outcome.violations === undefined ? [] : [count('what the watchdogs of the mock found', outcome.violations)]),
    count('handles left when all have left', outcome.left),
  ];
}

/** How many are set differs from moment to moment. */
export function timers({ resources }: Pick<Sample, 'resources'>): number {
  return resources['Timeout'] ?? 0;
}

/** All but timers. */
export function handles({ resources }: Pick<Sample, 'resources'>): number {
  return Object.entries(resources).reduce((sum, [kind, count]) => (kind === 'Timeout' ? sum : sum + count), 0);
}

/** The rise from the first of these to the last, by the straight line that fits them best, in bytes. */
export function rise(samples: readonly Sample[]): number {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || first === last) throw new RangeError('it takes two calm moments');
  const meanX = mean(samples.map(({ seconds }) => seconds));
  const meanY = mean(samples.map(liveBytes));
  let [xy, xx] = [0, 0];
  for (const sample of samples) {
    const x = sample.seconds - meanX;
    xy += x * (liveBytes(sample) - meanY);
    xx += x * x;
  }
  return (xy / xx) * (last.seconds - first.seconds);
}

function growth(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const first = samples[0];
  return first === undefined ? Number.NaN : most(samples, of) - of(first);
}

function most(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return Math.max(...samples.map(of));
}

function least(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return Math.min(...samples.map(of));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function count(name: string, measured: number): Goal {
  return { name, measured, sense: 'at most', bound: 0, unit: '', digits: 0 };
}
