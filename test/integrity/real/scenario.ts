import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/until.js';
import { evidence } from './evidence.js';
import { monotonicMicros, type History } from './history.js';
import { countRedeliveries, judge } from './rules.js';
import { TestGroup, type GroupOptions, type Member, type World } from './test-group.js';

/** How long a fault lasts that is to last so long: just that, or in a long run some time around it. */
export type Spread = (ms: number) => number;

export interface Scenario extends GroupOptions {
  readonly name: string;
  /** What happens to the group, until nothing is wrong any more. Traffic goes on all the while. */
  readonly run: (group: TestGroup, spread: Spread) => Promise<void>;
  /** From the end of {@link run} until everything is consumed and committed, in milliseconds at most. Default 45,000. */
  readonly zeroLagMs?: number;
  /** Traffic has ended before the fault, and does not go on. */
  readonly quiet?: boolean;
  /**
   * A broker may keep a member in its list that has left: it takes a heartbeat for good although the connection it came
   * on broke meanwhile, and hears no more of it for two minutes. Then nobody is to take over at once.
   */
  readonly ghosts?: boolean;
  /** How many members of ours it begins with. Default 3. */
  readonly members?: number;
}

export interface Outcome {
  readonly name: string;
  readonly seconds: number;
  readonly calls: number;
  readonly redelivered: number;
  readonly zeroLagMs: number | undefined;
  readonly handoverMs: number | undefined;
  readonly failures: readonly string[];
}

const DEFAULT_ZERO_LAG_MS = 45_000;
/** A queue that was given back is taken at once, not when its lock has run out after 60 s. */
const HANDOVER_MS = 15_000;
/** A queue of which nothing was heard for so long is looked at when a scenario does not come to its end, in microseconds. */
const STUCK_US = 5_000_000;
/** Of one rule the first violations tell; the others mostly follow from them. */
const SHOWN_VIOLATIONS = 3;

export interface Stage {
  readonly world: World;
  /** Of the group and its topic. */
  readonly id: string;
  readonly spread: Spread;
  /** Resolves when faults may begin: what many processes cost at their start must not be among them. */
  readonly ready: () => Promise<void>;
  /** Where the history is to be kept, as JSON. */
  readonly keep: string | undefined;
}

/** Steady traffic, a fault, its end, no lag, everybody leaves; then the whole history is judged. */
export async function play(scenario: Scenario, stage: Stage): Promise<Outcome> {
  const group = new TestGroup(stage.world, stage.id, scenario);
  const begun = performance.now();
  const failures: string[] = [];
  let zeroLagMs: number | undefined;
  let handoverMs: number | undefined;
  try {
    await group.assemble(scenario.members ?? 3).finally(stage.ready);
    await stage.ready();
    await group.begin();
    await scenario.run(group, stage.spread);
    const healedAt = performance.now();
    const patienceMs = scenario.zeroLagMs ?? DEFAULT_ZERO_LAG_MS;
    if (scenario.quiet !== true) await group.untilMoving(patienceMs);
    await group.drain(patienceMs - (performance.now() - healedAt));
    zeroLagMs = Math.round(performance.now() - healedAt);
    handoverMs = await leaveOneByOne(group, scenario.ghosts ?? false);
    await checkWhatIsLeft(group, failures);
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error), ...story(group));
  } finally {
    await group.stop();
  }
  group.update();
  if (stage.keep !== undefined) keepHistory(stage.keep, scenario.name, group.history);
  failures.push(...verdict(group));
  return {
    name: scenario.name,
    seconds: Math.round((performance.now() - begun) / 1_000),
    calls: group.history.calls.length,
    redelivered: countRedeliveries(group.history),
    zeroLagMs,
    handoverMs,
    failures,
  };
}

/**
 * The first to leave is succeeded at once; then all others go. Returns how long no queue of the first one's was without
 * an owner at most.
 */
async function leaveOneByOne(group: TestGroup, ghosts: boolean): Promise<number | undefined> {
  const [first, ...others] = group.running();
  if (first === undefined) return undefined;
  const leavingAt = monotonicMicros();
  await first.process.leave();
  const kept = group.owned(first);
  if (kept.length > 0) throw new Error(`${group.name}: ${first.name} has left and kept ${kept.join(', ')}`);
  // Where others may be the successors, they are not seen to begin.
  const seen = others.length > 0 && group.history.foreign.size === 0;
  const taken = seen && (await isTakenOver(group, first, others, ghosts));
  const handoverMs = taken ? longestHandover(group, first.name, leavingAt) : undefined;
  await Promise.all(others.map(({ process }) => process.leave()));
  return handoverMs;
}

/** @returns false when a broker still has one in its list who is gone, and may */
async function isTakenOver(
  group: TestGroup,
  first: Member,
  others: readonly Member[],
  ghosts: boolean,
): Promise<boolean> {
  const { observer } = group.world;
  const hasGhost = async (): Promise<boolean> => ghosts && (await observer.memberCount(group.name)) > others.length;
  return until(
    `${group.name}: the queues of ${first.name} are taken over at once`,
    async () => {
      const owned = new Set(others.flatMap((member) => group.owned(member)));
      if (owned.size === group.queues.length) return true;
      return (await hasGhost()) ? false : undefined;
    },
    { timeoutMs: HANDOVER_MS, everyMs: 200 },
  );
}

function longestHandover({ history }: TestGroup, member: string, since: number): number {
  const given = history.events.filter((event) => event.kind === 'free' && event.member === member && event.at >= since);
  const gaps = given.map(({ queue, at }) => {
    const next = history.events.find((event) => event.kind === 'own' && event.queue === queue && event.at >= at);
    return next === undefined ? HANDOVER_MS : (next.at - at) / 1_000;
  });
  return Math.round(Math.max(0, ...gaps));
}

/** After all have left: the offsets are stored, the locks are free, no call is open, and nobody left a connection. */
async function checkWhatIsLeft(group: TestGroup, failures: string[]): Promise<void> {
  const { observer } = group.world;
  group.update();
  await observer.look(group.name, group.queues, group.history);
  for (const queue of group.behind()) failures.push(`${group.name}: after all have left the broker has ${queue}`);
  if (group.history.foreign.size === 0) {
    for (const { brokerName, queueId } of await observer.notFree(group.name, group.queues)) {
      failures.push(`${group.name}: the lock of ${brokerName}#${queueId} is still held after all have left`);
    }
  }
  const killed = new Set(group.history.faults.filter(({ what }) => what === 'killed').map(({ whom }) => whom));
  for (const { member, queue, offset, end } of group.history.calls) {
    if (end !== undefined || killed.has(member) || group.history.foreign.has(member)) continue;
    failures.push(`${group.name}: ${member} left while its listener was at ${offset} of ${queue}`);
  }
}

function keepHistory(folder: string, name: string, history: History): void {
  mkdirSync(folder, { recursive: true });
  const json = JSON.stringify(history, (_, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
  writeFileSync(join(folder, `${name.replaceAll(/[^\w]+/g, '-')}.json`), json);
}

function verdict(group: TestGroup): string[] {
  const violations = judge(group.history);
  const rules = new Set(violations.map(({ rule }) => rule));
  return [...rules].flatMap((rule) => {
    const ofRule = violations.filter((violation) => violation.rule === rule);
    const more =
      ofRule.length > SHOWN_VIOLATIONS ? [`... and ${ofRule.length - SHOWN_VIOLATIONS} more of "${rule}"`] : [];
    return [...ofRule.slice(0, SHOWN_VIOLATIONS).map((violation) => evidence(group.history, violation)), ...more];
  });
}

/** Who is where, for a scenario that did not come to its end, and what became of the queues that do not move. */
function story(group: TestGroup): string[] {
  group.update();
  const now = monotonicMicros();
  const last = group.queues.map(({ brokerName, queueId }) => {
    const queue = `${brokerName}#${queueId}`;
    return { queue, call: group.history.calls.findLast((candidate) => candidate.queue === queue) };
  });
  const queues = last.map(({ queue, call }) =>
    call === undefined
      ? `  ${queue}: no call`
      : `  ${queue}: ${call.member} at ${call.offset} ${Math.round((now - call.begin) / 1_000)} ms ago`,
  );
  const members = [...group.members.values()].map(
    (member) =>
      `  ${member.name} ${member.process.running ? 'runs' : 'is gone'}, owns ${group.owned(member).join(' ')}; said\n` +
      [...member.reader.errors.slice(-8), ...member.process.lastWords(12)].map((line) => `    ${line}`).join('\n'), // prettier-ignore
  );
  const stuck = last.filter(({ call }) => call === undefined || now - call.begin > STUCK_US).slice(0, 2);
  return [
    [`where ${group.name} stands:`, ...queues, ...members].join('\n'),
    ...stuck.map(({ queue }) => evidence(group.history, { rule: 'stuck', queue, at: now, text: 'nothing moves' })),
  ];
}
