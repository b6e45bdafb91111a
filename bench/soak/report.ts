import type { SuiteReport } from '../harness/report.js';
import { liveBytes, type Sample } from './sample.js';
import type { SeriesPanel } from './series-chart.js';
import type { SoakPlan, SoakResult } from './soak.js';
import { handles, judge, timers } from './verdict.js';

/** The run in the form all benchmarks report in, with the verdict as its goals. */
export function soakReport(plan: SoakPlan, target: string, result: SoakResult): SuiteReport {
  const { samples, cycles, resets, sendsFailed, repeated, outcome } = result;
  const calm = samples.filter((sample) => sample.calm);
  const last = samples.at(-1);
  const seconds = last?.seconds ?? 0;
  return {
    suite: 'soak',
    title: 'members come, leave and are killed, connections are cut off, messages never cease',
    target,
    rounds: cycles,
    settings: {
      minutes: (seconds / 60).toFixed(1),
      queues: plan.topic.queues.length,
      'messages consumed': last?.consumed ?? 0,
      'bytes each': plan.messageSize,
      'members that came and left': cycles * 2 - Math.ceil(cycles / 2),
      'members killed': Math.ceil(cycles / 2),
      'connections cut off': resets,
      'sends failed': sendsFailed,
      'messages given twice after a kill': repeated,
      ...Object.fromEntries(Object.entries(result.errors).map(([code, count]) => [`${code} reported`, count])),
    },
    measures: [
      {
        name: 'live memory after collecting garbage, when calm',
        unit: 'MB',
        digits: 2,
        values: { 'this process': calm.map((sample) => liveBytes(sample) / 1e6) },
      },
      {
        name: 'resident memory',
        unit: 'MB',
        digits: 0,
        values: {
          'this process': samples.map(({ rss }) => rss / 1e6),
          ...(last?.mockRss !== undefined && { 'the mock': samples.map(({ mockRss = 0 }) => mockRss / 1e6) }),
        },
      },
      { name: 'connections', unit: '', digits: 0, values: { calm: calm.map(({ sockets }) => sockets) } },
      { name: 'handles', unit: '', digits: 0, values: { calm: calm.map(handles) } },
      { name: 'timers', unit: '', digits: 0, values: { calm: calm.map(timers) } },
      { name: 'messages waiting', unit: '', digits: 0, values: { all: samples.map(({ lag }) => lag) } },
      // One that was broken off at once has seen nothing.
    ].filter(({ values }) => Object.values<number[]>(values).every(({ length }) => length > 0)),
    goals: judge(samples, outcome),
    notes: [
      'Two members stay; in each cycle one more comes and leaves in this process, and one in a process of its own is killed or leaves.',
      'Calm is when the two have all queues again: such moments are compared with each other.',
    ],
  };
}

/** What is drawn. */
export function soakPanels(samples: readonly Sample[]): SeriesPanel[] {
  const calm = samples.filter((sample) => sample.calm);
  const over = (list: readonly Sample[], value: (sample: Sample) => number): (readonly [number, number])[] =>
    list.map((sample) => [sample.seconds, value(sample)] as const);
  const rates = samples.slice(1).flatMap((sample, index) => {
    const before = samples[index] as Sample;
    const seconds = sample.seconds - before.seconds;
    // Two looks in one moment tell nothing.
    return seconds < 1 ? [] : [[sample.seconds, (sample.consumed - before.consumed) / seconds] as const];
  });
  return [
    {
      name: 'live memory',
      unit: 'MB',
      digits: 1,
      series: [
        { name: 'every look', points: over(samples, (sample) => liveBytes(sample) / 1e6) },
        { name: 'when calm (dots)', points: over(calm, (sample) => liveBytes(sample) / 1e6), dots: true },
      ],
    },
    {
      name: 'resident memory',
      unit: 'MB',
      digits: 0,
      series: [
        { name: 'this process', points: over(samples, ({ rss }) => rss / 1e6) },
        ...(samples.some(({ mockRss }) => mockRss !== undefined)
          ? [{ name: 'the mock (orange)', points: over(samples, ({ mockRss = 0 }) => mockRss / 1e6) }]
          : []),
      ],
    },
    {
      name: 'handles',
      unit: '',
      digits: 0,
      series: [
        { name: 'every look', points: over(samples, handles) },
        { name: 'when calm (dots)', points: over(calm, handles), dots: true },
      ],
    },
    { name: 'messages waiting', unit: '', digits: 0, series: [{ name: 'every look', points: over(samples, ({ lag }) => lag) }] }, // prettier-ignore
    { name: 'consumed', unit: 'messages/s', digits: 0, series: [{ name: 'since the look before', points: rates }] },
  ];
}
