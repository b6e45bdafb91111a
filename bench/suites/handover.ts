import { Arrivals, GroupMember } from '../harness/group-member.js';
import { ownProgram, type PeerCommand, type ProgramRun } from '../harness/program.js';
import { pick, runRounds, type Candidate } from '../harness/rounds.js';
import { summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';
import { Traffic } from '../harness/traffic.js';
import type { Target } from '../harness/target.js';

const QUEUES = 8;
/** Each queue gets a message so often, in milliseconds: silences shorter than that can't be seen. */
const EVERY = 10;
/** After a change the queues are watched for so long, in milliseconds, when all of them move again. */
const SETTLED = 2_000;
const OURS = 'rocketmq-ordered';
const SHORT_LEASE = `${OURS}, lease of 5 s, orphans released`;
const DEFAULT_LEASE = `${OURS}, orphans released`;

/** The longest silence of any queue while a member joins, leaves and is killed, in milliseconds. */
interface Silences {
  readonly joins: number;
  readonly leaves: number;
  readonly killed: number;
}

/** How long a queue is silent when it changes hands, under steady traffic. */
export const handover: Suite = {
  name: 'handover',
  async run(context) {
    const { rounds, display } = context;
    const target = await context.target();
    const candidate = (name: string, command: PeerCommand, values: ProgramRun['values'] = {}): Candidate<Silences> => ({
      name,
      run: (said) => measure(target, command, values, said),
    });
    const member = ownProgram('member');
    const peers = context.peerCommands('member').filter(([name]) => name === 'Java');
    const results = await runRounds({
      candidates: [
        candidate(SHORT_LEASE, member, { renewEvery: 1_500, validFor: 5_000, orphans: 'release' }),
        candidate(DEFAULT_LEASE, member, { orphans: 'release' }),
        candidate(OURS, member),
        ...peers.map(([name, command]) => candidate(name, command)),
      ],
      rounds,
      display,
      describe: ({ joins, leaves, killed }) =>
        `joins ${joins.toFixed(0)} ms, leaves ${leaves.toFixed(0)} ms, killed ${(killed / 1_000).toFixed(1)} s`,
    });
    const joins = pick(results, (silences) => silences.joins);
    const leaves = pick(results, (silences) => silences.leaves);
    const killed = pick(results, (silences) => silences.killed / 1_000);
    const median = (values: readonly number[] = []): number => summarize(values).median;
    return {
      suite: 'handover',
      title: 'how long a queue is silent when it changes hands',
      target: target.description,
      rounds,
      settings: { queues: QUEUES, 'ms between two messages of a queue': EVERY, members: 2 },
      measures: [
        { name: 'a member joins', unit: 'ms', digits: 0, values: joins, chart: 'less is better' },
        { name: 'a member leaves', unit: 'ms', digits: 0, values: leaves, chart: 'less is better' },
        { name: 'a member is killed', unit: 's', digits: 1, values: killed, chart: 'less is better' },
      ],
      goals: [
        { name: 'joins', measured: median(joins[OURS]), sense: 'below', bound: 200, unit: 'ms', digits: 0 },
        { name: 'leaves', measured: median(leaves[OURS]), sense: 'below', bound: 100, unit: 'ms', digits: 0 },
        { name: 'killed, lease of 5 s', measured: median(killed[SHORT_LEASE]), sense: 'below', bound: 7, unit: 's', digits: 1 }, // prettier-ignore
        { name: 'killed, default lease', measured: median(killed[DEFAULT_LEASE]), sense: 'below', bound: 33, unit: 's', digits: 1 }, // prettier-ignore
      ],
      notes: ['The longest time in which nothing of a queue reached any listener, over all queues.'],
    };
  },
};

async function measure(
  target: Target,
  command: PeerCommand,
  values: ProgramRun['values'],
  said: (done: number) => void,
): Promise<Silences> {
  const { name: topic, queues } = await target.createTopic('BenchHandover', QUEUES);
  const all = { ...values, namesrv: target.namesrvAddr, topic, group: target.unique('bench') };
  const arrivals = new Arrivals();
  const members: GroupMember[] = [];
  const join = async (): Promise<GroupMember> => {
    const member = await GroupMember.start(command, all, arrivals);
    members.push(member);
    return member;
  };
  const traffic = await Traffic.start(target.namesrvAddr, queues, EVERY);
  let step = 0;
  /** What `change` brings about, until `done` holds and all has been well for a while. */
  const during = async (change: () => Promise<unknown>, done: () => boolean): Promise<number> => {
    said(++step);
    for (const member of members) member.got.clear();
    arrivals.startOver();
    await change();
    while (!done()) await pause(20);
    const doneAt = performance.now();
    while (performance.now() - doneAt < SETTLED) await pause(20);
    return arrivals.longestSilence(performance.now());
  };
  try {
    const first = await join();
    while (first.got.size < QUEUES) await pause(20);
    let second = first;
    const bothHaveHalf = (): boolean => second.got.size >= QUEUES / 2;
    const joins = await during(async () => (second = await join()), bothHaveHalf);
    const leaves = await during(
      () => second.leave(),
      () => first.got.size === QUEUES,
    );
    await during(async () => (second = await join()), bothHaveHalf);
    const killed = await during(
      () => second.kill(),
      () => first.got.size === QUEUES,
    );
    await first.leave();
    return { joins, leaves, killed };
  } finally {
    await Promise.all(members.map((member) => member.kill()));
    await traffic.stop();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
