import { expect } from 'chai';
import fc from 'fast-check';
import type { ListenerAnswer } from '../../../lib/consumer/listener.js';
import { turns } from '../../support/fake-clock.js';
import { setUpLoop } from '../../support/loop-rig.js';
import { storedMessage } from '../../support/stored-message.js';

/**
 * The consume loop against a small model of the rules: random answers, commit modes, dead letter failures and losses of
 * the queue. The model knows lists and sets only; it shares no code with what it checks.
 */

type Status = 'SUCCESS' | 'COMMIT' | 'ROLLBACK' | 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

/** What one listener call does and what happens during it. */
interface Step {
  readonly auto: boolean;
  readonly answer: Status | 'throw' | 'nonsense' | 'nothing';
  readonly asynchronous: boolean;
  /** `lost`: the answer counts no more. `moved`: it counts, and the queue then begins anew with its next owner. */
  readonly queue: 'stays' | 'lost' | 'moved';
  /** More messages that arrive during the call. */
  readonly arriving: number;
}

/** How one attempt to send to the dead letter queue ends; `unknown` is stored, but looks failed. */
type Send = 'stored' | 'failed' | 'unknown';

interface Script {
  readonly steps: readonly Step[];
  readonly sends: readonly Send[];
  readonly batchSize: number;
  readonly maxReconsumeTimes: number;
  readonly messages: number;
}

/** A listener call, as both sides write it down. */
interface Call {
  readonly owner: number;
  readonly offsets: readonly number[];
  readonly times: readonly number[];
  readonly committedBefore: number;
}

interface Trace {
  readonly calls: Call[];
  readonly commits: { owner: number; offset: number }[];
  readonly dead: { owner: number; offset: number }[];
}

const AFTER_SCRIPT: Step = { auto: true, answer: 'SUCCESS', asynchronous: false, queue: 'stays', arriving: 100 };

const status = (answer: Step['answer']): Status =>
  answer === 'throw' || answer === 'nonsense'
    ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT'
    : answer === 'nothing'
      ? 'SUCCESS'
      : answer;

/** The rules, by lists and sets. */
function model(script: Script): Trace {
  const trace: Trace = { calls: [], commits: [], dead: [] };
  const sends = [...script.sends];
  let arrived = Math.min(1, script.messages);
  let committed = 0;
  let owner = 0;
  let pending: { offset: number; times: number }[] = [];
  let uncommitted: { offset: number; times: number }[] = [];
  let finished = new Set<number>();

  const beginAnew = (): void => {
    owner++;
    pending = [];
    for (let offset = committed; offset < arrived; offset++) pending.push({ offset, times: 0 });
    uncommitted = [];
    finished = new Set();
  };
  /** Up to the first offset that isn't finished. */
  const commitPrefix = (): void => {
    let next = committed;
    while (finished.has(next)) next++;
    if (next === committed) return;
    committed = next;
    trace.commits.push({ owner, offset: next });
  };
  const putBack = (messages: typeof pending): void => {
    pending = [...pending, ...messages].sort((a, b) => a.offset - b.offset);
    uncommitted = uncommitted.filter((message) => !messages.includes(message));
  };

  beginAnew();
  while (pending.length > 0) {
    const step = script.steps[trace.calls.length] ?? AFTER_SCRIPT;
    const batch = pending.splice(0, script.batchSize);
    uncommitted.push(...batch);
    trace.calls.push({
      owner,
      offsets: batch.map(({ offset }) => offset),
      times: batch.map(({ times }) => times),
      committedBefore: committed,
    });
    for (let i = 0; i < step.arriving && arrived < script.messages; i++) pending.push({ offset: arrived++, times: 0 });
    if (step.queue === 'lost') {
      beginAnew();
      continue;
    }
    const result = status(step.answer);
    const finishAll = (): void => {
      for (const { offset } of uncommitted) finished.add(offset);
      uncommitted = [];
      commitPrefix();
    };
    if (result === 'SUSPEND_CURRENT_QUEUE_A_MOMENT') {
      const again: typeof batch = [];
      for (const message of batch) {
        const last = script.maxReconsumeTimes !== -1 && message.times >= script.maxReconsumeTimes;
        const sent = last ? (sends.shift() ?? 'stored') : undefined;
        if (sent === 'stored' || sent === 'unknown') trace.dead.push({ owner, offset: message.offset });
        if (sent === 'stored') {
          uncommitted = uncommitted.filter((other) => other !== message);
          finished.add(message.offset);
          // What lies below it and is not finished keeps the offset, also before what a manual call sent away earlier.
          if (step.auto && [...pending, ...uncommitted].every(({ offset }) => offset > message.offset)) commitPrefix();
        } else {
          message.times++;
          again.push(message);
        }
      }
      if (again.length > 0) putBack(again);
      else if (step.auto) finishAll();
    } else if (step.auto || result === 'COMMIT') finishAll();
    else if (result === 'ROLLBACK') putBack(uncommitted);
    if (step.queue === 'moved') beginAnew();
  }
  return trace;
}

/** The same by the real loop. */
async function run(script: Script): Promise<Trace> {
  const trace: Trace = { calls: [], commits: [], dead: [] };
  const sends = [...script.sends];
  let arrived = Math.min(1, script.messages);
  let owner = 0;
  let moved = false;
  const fresh = (offset: number) => storedMessage({ queueOffset: offset });
  const t = setUpLoop({
    options: {
      consumeMessageBatchMaxSize: script.batchSize,
      suspendCurrentQueueTimeMillis: 10,
      lockLeaseTime: Number.MAX_SAFE_INTEGER,
    },
    maxReconsumeTimes: script.maxReconsumeTimes,
    sendBack: async (message) => {
      const send = sends.shift() ?? 'stored';
      if (send !== 'failed') trace.dead.push({ owner, offset: message.queueOffset });
      await Promise.resolve();
      if (send !== 'stored') throw new Error('no answer');
      return '%RETRY%g';
    },
    listener: (messages, context) => {
      const step = script.steps[trace.calls.length] ?? AFTER_SCRIPT;
      trace.calls.push({
        owner,
        offsets: messages.map((message) => message.queueOffset),
        times: messages.map((message) => message.reconsumeTimes),
        committedBefore: committed(),
      });
      const added: number[] = [];
      for (let i = 0; i < step.arriving && arrived < script.messages; i++) added.push(arrived++);
      queue.buffer.put(added.map(fresh));
      if (step.queue === 'lost') beginAnew();
      if (step.queue === 'moved') {
        moved = true;
        queue.state = 'draining';
      }
      context.autoCommit = step.auto;
      if (step.answer === 'throw') {
        if (step.asynchronous) return Promise.reject(new Error('no'));
        throw new Error('no');
      }
      const answer = (
        step.answer === 'nonsense' ? 'WHAT' : step.answer === 'nothing' ? undefined : step.answer
      ) as ListenerAnswer;
      return step.asynchronous ? turns(1).then(() => answer) : answer;
    },
  });
  const queue = t.queue();
  queue.buffer.put([fresh(0)].slice(0, arrived));
  const committed = (): number => t.offsets.get(queue.messageQueue) ?? 0;
  const { update } = t.offsets;
  t.offsets.update = (...args) => {
    update.apply(t.offsets, args);
    trace.commits.push({ owner, offset: args[1] });
  };
  const beginAnew = (): void => {
    owner++;
    queue.cancelRest(t.clock);
    queue.renewGeneration(new Error('lost'));
    queue.buffer.reset(committed());
    const messages = [];
    for (let offset = committed(); offset < arrived; offset++) messages.push(fresh(offset));
    queue.buffer.put(messages);
  };
  owner = 1;
  t.loop.notify(queue);
  for (;;) {
    await turns(2);
    if (queue.runner === 'scheduled') continue;
    if (moved) {
      moved = false;
      queue.state = 'owned';
      beginAnew();
      t.loop.notify(queue);
    } else if (t.clock.timerCount > 0) await t.clock.advance(10);
    else return trace;
  }
}

/** What must hold whatever the rules in detail: looked at in the trace of the real loop alone. */
function checkInvariants(script: Script, trace: Trace): void {
  const { calls, commits, dead } = trace;
  const owners = new Set(calls.map((call) => call.owner));
  for (const owner of owners) {
    const own = calls.filter((call) => call.owner === owner);
    const first = own[0]?.offsets[0] ?? 0;
    let next = first;
    const failures = new Map<number, number>();
    for (const [i, { offsets }] of own.entries()) {
      expect(offsets, 'in order within a batch').to.deep.equal([...offsets].sort((a, b) => a - b));
      for (const offset of offsets) {
        expect(offset, 'no gap').to.be.at.most(next);
        if (offset === next) next++;
      }
      const step = script.steps[calls.indexOf(own[i] as Call)] ?? AFTER_SCRIPT;
      if (step.queue === 'lost' || status(step.answer) !== 'SUSPEND_CURRENT_QUEUE_A_MOMENT') continue;
      for (const offset of offsets) failures.set(offset, (failures.get(offset) ?? 0) + 1);
      const isDead = (offset: number): boolean => dead.some((d) => d.owner === owner && d.offset === offset);
      const following = own[i + 1];
      const again = offsets.filter((offset) => !isDead(offset));
      if (following !== undefined && again.length > 0) {
        expect(following.offsets[0], 'what failed comes before what follows').to.be.at.most(again[0] as number);
      }
    }
    if (script.maxReconsumeTimes !== -1 && !script.sends.some((send) => send !== 'stored')) {
      for (const [offset, count] of failures)
        expect(count, `failures of ${offset}`).to.be.at.most(script.maxReconsumeTimes + 1);
    }
    if (!script.sends.includes('unknown')) {
      const offsets = dead.filter((d) => d.owner === owner).map((d) => d.offset);
      expect(new Set(offsets).size, 'at most once a dead letter').to.equal(offsets.length);
    }
    const committed = commits.filter((commit) => commit.owner === owner).map((commit) => commit.offset);
    expect(committed, 'commits only grow').to.deep.equal([...committed].sort((a, b) => a - b));
  }
  for (const { offsets, committedBefore } of calls) {
    expect(committedBefore, 'never past what is handed out').to.be.at.most(offsets[0] as number);
  }
  if (calls.length > script.steps.length) {
    expect(commits.at(-1)?.offset, 'an automatic success at the end commits everything').to.equal(script.messages);
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  auto: fc.boolean(),
  answer: fc.oneof(
    { weight: 4, arbitrary: fc.constant<Step['answer']>('SUSPEND_CURRENT_QUEUE_A_MOMENT') },
    { weight: 6, arbitrary: fc.constantFrom<Step['answer']>('SUCCESS', 'COMMIT', 'ROLLBACK') },
    { weight: 1, arbitrary: fc.constantFrom<Step['answer']>('throw', 'nonsense', 'nothing') },
  ),
  asynchronous: fc.boolean(),
  queue: fc.oneof(
    { weight: 12, arbitrary: fc.constant<Step['queue']>('stays') },
    { weight: 1, arbitrary: fc.constantFrom<Step['queue']>('lost', 'moved') },
  ),
  arriving: fc.nat({ max: 5 }),
});

const script: fc.Arbitrary<Script> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
  sends: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<Send>('stored') },
      { weight: 1, arbitrary: fc.constantFrom<Send>('failed', 'unknown') },
    ),
    { maxLength: 20 },
  ),
  batchSize: fc.integer({ min: 1, max: 8 }),
  maxReconsumeTimes: fc.integer({ min: -1, max: 3 }),
  messages: fc.integer({ min: 1, max: 25 }),
});

describe('the consume loop and a model of the rules', () => {
  it('call the listener alike, commit alike, and send the same messages away', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(script, async (given) => {
        const actual = await run(given);
        checkInvariants(given, actual);
        const expected = model(given);
        expect(actual.calls).to.deep.equal(expected.calls);
        expect(actual.dead).to.deep.equal(expected.dead);
        expect(distinct(actual.commits)).to.deep.equal(expected.commits);
      }),
      { numRuns: 200, seed: 20_250_919 },
    );
  });
});

/** Without those that commit what was committed before. */
function distinct(commits: Trace['commits']): Trace['commits'] {
  return commits.filter(({ owner, offset }, i) => commits[i - 1]?.owner !== owner || commits[i - 1]?.offset !== offset);
}
