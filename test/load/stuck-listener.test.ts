import { expect } from 'chai';
import type { MessageQueue, OrderedConsumerEvents, OrderedConsumerOptions } from '../../lib/index.js';
import { describeQueue } from '../../lib/protocol/message-queue.js';
import { Crowd, TOPIC, type CrowdMember } from './support/crowd.js';
import { figure } from './support/figures.js';
import { expectNothingAtBrokers } from './support/leftovers.js';

const BROKERS = 2;
const QUEUES_PER_BROKER = 8;
const OTHERS = BROKERS * QUEUES_PER_BROKER - 1;
const MESSAGES_PER_QUEUE = 100;
/** How long a call takes, in milliseconds of the clock. */
const CALL = 5;
const STUCK_AT = 3;

const STUCK_QUEUE = describeQueue({ topic: TOPIC, brokerName: 'broker-a', queueId: 0 });

function isStuck(queue: MessageQueue): boolean {
  return describeQueue(queue) === STUCK_QUEUE;
}

describe('a listener that never returns on one queue', () => {
  let crowd: Crowd;
  let member: CrowdMember;
  let stalled: OrderedConsumerEvents['queueStalled'][0][];
  /** Calls for other queues. */
  let handled: number;
  /** By queue, when its first call began and when its last was over. */
  let times: Map<string, { readonly from: number; to: number }>;
  /** Lets the listener go that never returns: mocha is to end. */
  let release: () => void;

  beforeEach(async () => {
    crowd = await Crowd.start(BROKERS, QUEUES_PER_BROKER, 2 * (OTHERS + 1));
    for (let i = 0; i < MESSAGES_PER_QUEUE; i++) crowd.produce();
    handled = 0;
    times = new Map();
    stalled = [];
    release = () => undefined;
  });

  afterEach(async () => {
    release();
    await crowd.dispose();
  });

  function consume(sticks: boolean, options: Partial<OrderedConsumerOptions> = {}): void {
    member = crowd.join((messages, { messageQueue }) => {
      if (sticks && isStuck(messageQueue) && messages[0]?.queueOffset === STUCK_AT) {
        return new Promise((resolve) => (release = () => resolve(undefined)));
      }
      const key = describeQueue(messageQueue);
      const time = times.get(key) ?? { from: crowd.clock.now(), to: 0 };
      times.set(key, time);
      return new Promise((resolve) => {
        member.clock.setTimeout(() => {
          if (!isStuck(messageQueue)) handled++;
          time.to = crowd.clock.now();
          resolve(undefined);
        }, CALL);
      });
    }, options);
    member.consumer.on('queueStalled', (event) => stalled.push(event));
  }

  /** Milliseconds of the clock that each other queue takes for all its messages, the longest. */
  async function othersTake(sticks: boolean): Promise<number> {
    handled = 0;
    times = new Map();
    consume(sticks);
    await crowd.advanceUntil('the others are consumed', () => handled === OTHERS * MESSAGES_PER_QUEUE);
    const others = [...times].filter(([key]) => key !== STUCK_QUEUE);
    expect(others).to.have.lengthOf(OTHERS);
    return Math.max(...others.map(([, { from, to }]) => to - from));
  }

  function committed(): Map<string, number> {
    const offsets = crowd.cluster.offsets('group').filter(({ topic }) => topic === TOPIC);
    return new Map(offsets.map(({ brokerName, queueId, offset }) => [`${brokerName}#${queueId}`, offset]));
  }

  it('does not slow the others, is told of, and is left where it is when the consumer is closed', async () => {
    const without = await othersTake(false);
    await crowd.advanceUntil('so is this one', () => crowd.judge.calls === (OTHERS + 1) * MESSAGES_PER_QUEUE);
    await crowd.stop();
    crowd = await Crowd.start(BROKERS, QUEUES_PER_BROKER, 2 * (OTHERS + 1));
    for (let i = 0; i < MESSAGES_PER_QUEUE; i++) crowd.produce();
    const withIt = await othersTake(true);
    expect(withIt, 'milliseconds with it').to.equal(without);
    figure(`15 other queues beside a listener that never returns: ${withIt} ms of the clock, ${without} ms without it`);

    // A stall is told after 30 s, and looked for every 5 s.
    await crowd.advance(36_000);
    const { queues } = member.consumer.status();
    const stalls = queues.filter(({ stall }) => stall !== undefined);
    expect(stalls.map(({ messageQueue, stall }) => [isStuck(messageQueue), stall?.code])).to.deep.equal([
      [true, 'LISTENER_RUNNING'],
    ]);
    expect(stalled.map(({ messageQueue, code }) => [isStuck(messageQueue), code])).to.deep.equal([
      [true, 'LISTENER_RUNNING'],
    ]);

    // Closing waits for it 30 s, by default, and then goes without.
    let closed = false;
    const closing = member.consumer.close().then(() => (closed = true));
    const took = await crowd.advanceUntil('it is closed', () => closed);
    await closing;
    expect(took).to.be.within(30_000, 31_000);
    for (const [queue, offset] of committed()) {
      expect(offset, queue).to.equal(queue === 'broker-a#0' ? STUCK_AT : MESSAGES_PER_QUEUE);
    }
    await expectNothingAtBrokers(crowd.cluster, 'group');
    expect(member.clock.timerCount, 'timers').to.equal(0);
    expect(crowd.judge.faults).to.deep.equal([]);
    expect(crowd.caches.faults).to.deep.equal([]);
  });

  it('holds the only place when there is but one: nothing else is consumed, and that is told', async () => {
    consume(true, { consumeConcurrency: 1 });
    const isRunning = (): boolean =>
      member.consumer.status().queues.some(({ stall, listenerMs = 0 }) => stall !== undefined && listenerMs > 1_000);
    await crowd.advanceUntil('it sticks', isRunning);
    const before = handled;
    await crowd.advance(60_000);
    expect(handled, 'calls for other queues meanwhile').to.equal(before);
    const codeOf = (queue: MessageQueue): string => (isStuck(queue) ? 'LISTENER_RUNNING' : 'LISTENERS_BUSY');
    const { queues } = member.consumer.status();
    const ofTopic = queues.filter(({ messageQueue }) => messageQueue.topic === TOPIC);
    expect(ofTopic).to.have.lengthOf(OTHERS + 1);
    for (const { messageQueue, stall } of ofTopic) expect(stall?.code).to.equal(codeOf(messageQueue));
    expect(stalled).to.have.lengthOf(OTHERS + 1);
    for (const { messageQueue, code } of stalled) expect(code).to.equal(codeOf(messageQueue));
    expect(crowd.judge.faults).to.deep.equal([]);
    expect(crowd.caches.faults).to.deep.equal([]);

    release();
    await crowd.advanceUntil('all goes on', () => crowd.judge.calls === (OTHERS + 1) * MESSAGES_PER_QUEUE);
    await crowd.stop();
  });
});
