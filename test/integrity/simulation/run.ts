import { describeQueue } from '../../../lib/protocol/message-queue.js';
import type { QueueLock } from '../../../mock-broker/store/locks.js';
import { check, evidence, type Breach } from './checker/checker.js';
import { inOrder, type HistoryEvent } from './history.js';
import type { Schedule } from './steps.js';
import { Trouble } from './trouble.js';
import { allQueues, GROUP, World } from './world.js';
import { lockName, queueName } from './wire-tap.js';

/** Everything must be consumed and committed so soon after the last trouble, in milliseconds. */
const RECOVERY_TIME = 180_000;
/** How long closing may take: listeners are waited for 30 s, requests time out. */
const CLOSING_TIME = 120_000;

/** What came of a run. */
export interface Outcome {
  readonly breaches: readonly Breach[];
  readonly history: readonly HistoryEvent[];
  /** How much time passed in it, and how many things happened. */
  readonly virtualMs: number;
  readonly happenings: number;
  readonly calls: number;
  /** How long it took to consume everything after the last trouble, in milliseconds. */
  readonly recoveryMs: number;
}

/** Runs a schedule from beginning to end, and judges what happened. */
export async function run(schedule: Schedule): Promise<Outcome> {
  const world = await World.start(schedule);
  const trouble = new Trouble(world);
  const rejected = (reason: unknown): void =>
    world.history.fault('closed', `nobody handled a rejection: ${String(reason)}`);
  process.on('unhandledRejection', rejected);
  try {
    for (const step of schedule.steps) await trouble.take(step);
    const recoveryMs = await recover(world, trouble);
    await close(world);
    return judge(world, recoveryMs);
  } finally {
    process.off('unhandledRejection', rejected);
    world.dispose();
  }
}

/** All trouble ends: now everything must be consumed, in time. */
async function recover(world: World, trouble: Trouble): Promise<number> {
  // Whoever stands still does so until his time is over, and then does what he was told meanwhile.
  await world.timeline.run(Math.max(world.now, ...awake(world)));
  world.history.note('all trouble ends');
  await trouble.end();
  const begin = world.now;
  for (const member of world.members) {
    // What was answered by hand and not committed is committed with the next message.
    member.mood = 'content';
    if (!member.isActive) continue;
    await world.cause(member.process, () => {
      member.endHanging();
      trouble.restore(member);
    });
  }
  await world.produceEverywhere();
  while (behind(world).length > 0 && world.now < begin + RECOVERY_TIME) {
    // Starting may have failed because of the trouble there was.
    if (!world.members.some((member) => member.isActive)) await world.join(0, { batch: 1, places: 20, sameId: false });
    for (const member of world.members)
      if (member.isActive) await world.cause(member.process, () => member.endHanging());
    await world.advance(500);
  }
  for (const what of behind(world))
    world.history.fault('recovery', `${RECOVERY_TIME} ms after the last trouble ${what}`);
  return Math.max(0, world.now - begin);
}

/** When each process stands still no more. */
function awake(world: World): number[] {
  const living = world.members.filter(({ life }) => life !== 'gone').map(({ process }) => process);
  return [world.brokerProcess, ...living].map((process) => process.asleepUntil);
}

function clockWasSet({ gentle, steps }: Schedule): boolean {
  return !gentle && steps.some((step) => step.do === 'setBrokersClock');
}

/** What is not committed to its end. */
function behind(world: World): string[] {
  return allQueues().flatMap((queue) => {
    const end = world.cluster.broker(queue.brokerName).state.store.maxOffset(queue.topic, queue.queueId);
    const committed = world.committed(queue);
    return committed === end ? [] : [`${queueName(queue)} is committed to ${committed} of ${end}`];
  });
}

/** Closes everything, and looks what is left. */
async function close(world: World): Promise<void> {
  const staying = world.members.filter((member) => member.life !== 'gone');
  for (const member of staying) {
    await world.cause(member.process, () => {
      member.endHanging();
      void member.leave();
    });
  }
  const until = world.now + CLOSING_TIME;
  while (staying.some((member) => member.life !== 'gone') && world.now < until) {
    for (const member of staying) await world.cause(member.process, () => member.endHanging());
    await world.advance(500);
  }
  // What a socket has to say in the end.
  await world.advance(2_000);
  for (const member of staying) {
    if (member.life !== 'gone') world.history.fault('closed', `${member.name} can't leave`);
    const sockets = world.network.open(member.process);
    if (sockets > 0) world.history.fault('closed', `${member.name} left ${sockets} sockets behind`);
    const { timerCount } = member.process;
    if (timerCount > 0) world.history.fault('closed', `${member.name} left ${timerCount} timers behind`);
    for (const { clientId, queue } of locksLeft(world)) {
      // Under the id of one that was killed there may be locks its successor has never heard of.
      const shared = world.members.some((other) => other !== member && other.clientId === member.clientId);
      const lock = lockName(clientId, queue);
      const restored = world.tap.lockedForOthers.has(lock);
      const late = world.tap.givenBackUnanswered.has(lock);
      if (clientId === member.clientId && !shared && !restored && !late) {
        world.history.fault('closed', `${member.name} left its lock of ${describeQueue(queue)} behind`);
      }
    }
  }
  for (const what of behind(world)) world.history.fault('hand-over', `after the last has left ${what}`);
  await world.cause(world.brokerProcess, () => world.cluster.stop());
}

/** With its clock set back a broker keeps locks for longer than anybody counts on. */
function locksLeft({ schedule, cluster }: World): QueueLock[] {
  if (clockWasSet(schedule)) return [];
  return cluster.locks(GROUP).filter((lock) => !cluster.broker(lock.queue.brokerName).state.locks.isExpired(lock));
}

function judge(world: World, recoveryMs: number): Outcome {
  const { schedule, history } = world;
  const breaches = [...check(history.events, { closeWait: 30_000, from: schedule.from }), ...history.faults];
  breaches.push(...judgeDeadLetters(world));
  return {
    breaches,
    history: history.events,
    virtualMs: world.now,
    happenings: world.timeline.count,
    calls: history.events.filter(({ type }) => type === 'call').length,
    recoveryMs,
  };
}

/** What a member says it sent there is there, with its properties; and nothing else is, but what it can't know it sent. */
function judgeDeadLetters(world: World): Breach[] {
  const there = world.deadLetters();
  const at = world.now;
  const breaches: Breach[] = [];
  for (const event of inOrder(world.history.events)) {
    if (event.type !== 'deadLettered' || there.has(`${event.queue}:${event.offset}`)) continue;
    const { queue } = event;
    breaches.push({ invariant: 'nothing-lost', at, queue, what: `${event.offset} is not among the dead letters` });
  }
  if (there.has('without its properties')) {
    breaches.push({ invariant: 'nothing-lost', at, queue: undefined, what: 'a dead letter has lost its properties' });
  }
  return breaches;
}

/** What is wrong with a run, for a reader; `undefined` when nothing is. */
export function describeOutcome({ breaches, history }: Outcome): string | undefined {
  const [first] = breaches;
  if (first === undefined) return undefined;
  const list = breaches.slice(0, 10).map(({ invariant, at, queue, what }) => `  ${invariant}, at ${Math.round(at)}, ${queue ?? ''}: ${what}`); // prettier-ignore
  return `${list.join('\n')}\n\nwhat went before:\n${evidence(history, first)}`;
}
