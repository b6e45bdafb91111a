import createDebug from 'debug';
import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { format } from 'node:util';
import type { ConsumeOrderlyStatus, MessageQueue, OrderedConsumerEvents, QueueStatus } from '../../lib/index.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { MockClusterOptions } from '../../mock-broker/index.js';
import { turns } from '../support/fake-clock.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';

const T = 'T';
const QUEUE = { topic: T, brokerName: 'broker-a', queueId: 0 };
const { LOCK_BATCH_MQ, QUERY_CONSUMER_OFFSET, PULL_MESSAGE } = RequestCode;
const FAILS = { type: 'answer', code: ResponseCode.SYSTEM_ERROR, remark: 'out of order' } as const;

type StalledEvent = OrderedConsumerEvents['queueStalled'][0];

/** What keeps a queue from moving. Returns how that is ended. */
type Cause = (rig: Rig, c: WatchedConsumer) => (() => unknown) | Promise<() => unknown>;

interface Case {
  readonly what: string;
  readonly code: StalledEvent['code'];
  readonly reason: RegExp;
  readonly cause: Cause;
  /** It is there before the consumer is. */
  readonly before?: boolean;
  readonly options?: Partial<OrderedConsumerOptions>;
  readonly cluster?: MockClusterOptions;
  readonly queue?: typeof QUEUE;
}

/** A listener that does not answer for a queue until it is let go. */
function hang(c: WatchedConsumer, queueId: number): () => void {
  const before = c.answer;
  let letGo: () => void = () => undefined;
  const answered = new Promise<ConsumeOrderlyStatus>((resolve) => (letGo = () => resolve('SUCCESS')));
  c.answer = (delivery, context, message) =>
    delivery.queueId === queueId ? answered : before(delivery, context, message);
  return () => {
    c.answer = before;
    letGo();
  };
}

const CASES: readonly Case[] = [
  {
    what: 'a broker that refuses the lock',
    code: 'LOCK_REFUSED',
    reason: /^broker-a has refused its lock \d+ times: another member holds it$/,
    before: true,
    cause: ({ cluster }) => {
      cluster.broker('broker-a').stealLock('group', QUEUE, 'somebody');
      return () => cluster.broker('broker-a').clearLocks();
    },
  },
  {
    what: 'a broker that answers lock requests with an error',
    code: 'LOCK_UNANSWERED',
    reason: /broker-a .*out of order/,
    before: true,
    cause: ({ cluster }) => {
      const fault = cluster.faults.add({ code: LOCK_BATCH_MQ, action: FAILS });
      return () => fault.remove();
    },
  },
  {
    what: 'a broker that is down from the beginning',
    code: 'BROKER_UNREACHABLE',
    reason: /can't connect to 127\.0\.0\.1:\d+/,
    before: true,
    cluster: { brokers: 2 },
    queue: { ...QUEUE, brokerName: 'broker-b' },
    cause: async ({ cluster }) => {
      await cluster.broker('broker-b').stop({ keepRoute: true });
      return () => cluster.broker('broker-b').start();
    },
  },
  {
    what: 'a broker that goes down',
    code: 'BROKER_UNREACHABLE',
    reason: /^pulling fails: .*127\.0\.0\.1:\d+/,
    options: { lease: { renewEvery: 10_000, validFor: 55_000 } },
    cause: async ({ cluster }) => {
      await cluster.broker('broker-a').stop({ keepRoute: true });
      return () => cluster.broker('broker-a').start();
    },
  },
  {
    what: 'a broker without a master',
    code: 'BROKER_UNREACHABLE',
    reason: /broker-b has no master/,
    before: true,
    cluster: { brokers: [{ name: 'broker-a' }, { name: 'broker-b', replicas: 1 }] },
    queue: { ...QUEUE, brokerName: 'broker-b' },
    cause: async ({ cluster }) => {
      await cluster.broker('broker-b').stop();
      return () => cluster.broker('broker-b').start();
    },
  },
  {
    what: 'a broker that does not tell the offset to begin with',
    code: 'START_OFFSET_UNKNOWN',
    reason: /^broker-a has not told where to begin$/,
    before: true,
    cause: ({ cluster }) => {
      const fault = cluster.faults.add({ code: QUERY_CONSUMER_OFFSET, action: FAILS });
      return () => fault.remove();
    },
  },
  {
    what: 'a broker that does not tell the offset after a lease that had run out',
    code: 'START_OFFSET_UNKNOWN',
    reason: /held again, but broker-a has not told where to go on$/,
    cause: async (rig) => {
      const { faults } = rig.cluster;
      const offsets = faults.add({ code: QUERY_CONSUMER_OFFSET, action: FAILS });
      const locks = faults.add({ code: LOCK_BATCH_MQ, action: FAILS });
      await rig.advance(40_000);
      locks.remove();
      return () => offsets.remove();
    },
  },
  {
    what: 'a lock that can not be renewed',
    code: 'LEASE_LOST',
    reason: /^its lock could not be renewed: .*out of order/,
    cause: ({ cluster }) => {
      const fault = cluster.faults.add({ code: LOCK_BATCH_MQ, action: FAILS });
      return () => fault.remove();
    },
  },
  {
    what: 'a queue the user suspended',
    code: 'SUSPENDED',
    reason: /^it is suspended$/,
    cause: (_rig, { consumer }) => {
      consumer.suspendQueue(QUEUE);
      return () => consumer.resumeQueue(QUEUE);
    },
  },
  {
    what: 'a consumer the user suspended',
    code: 'SUSPENDED',
    reason: /^the consumer is suspended$/,
    cause: (_rig, { consumer }) => {
      consumer.suspend();
      return () => consumer.resume();
    },
  },
  {
    what: 'a listener that does not answer',
    code: 'LISTENER_RUNNING',
    reason: /^its listener has been running for 3\d s$/,
    cause: (_rig, c) => hang(c, 0),
  },
  {
    what: 'a listener that is busy with another queue',
    code: 'LISTENERS_BUSY',
    reason: /consumeConcurrency/,
    options: { consumeConcurrency: 1 },
    cause: async (rig, c) => {
      const letGo = hang(c, 1);
      rig.produce(T, 1, 1);
      await rig.until('the other queue has the listener', () => c.offsets(1).length === 1);
      return letGo;
    },
  },
  {
    what: 'a listener that fails on one message',
    code: 'RETRYING',
    reason: /^the listener has failed on the message at offset 1 for 3\d s$/,
    cause: (_rig, c) => {
      c.answer = ({ queueId }) => (queueId === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS');
      return () => (c.answer = () => 'SUCCESS');
    },
  },
  {
    what: 'a listener that takes long to fail on one message',
    code: 'RETRYING',
    reason: /^the listener has failed on the message at offset 1 for 3\d s$/,
    cause: (rig, c) => {
      c.answer = ({ queueId }) =>
        queueId !== 0
          ? 'SUCCESS'
          : new Promise((resolve) => {
              rig.clock.setTimeout(() => resolve('SUSPEND_CURRENT_QUEUE_A_MOMENT'), 7_000);
            });
      return () => (c.answer = () => 'SUCCESS');
    },
  },
  {
    what: 'a listener that does not commit',
    code: 'FLOW_CONTROL',
    reason: /^its buffer is full of \d+ messages that are not committed$/,
    options: { pullThresholdForQueue: 2 },
    cause: (rig, c) => {
      let status: ConsumeOrderlyStatus = 'SUCCESS';
      c.answer = ({ queueId }, context) => {
        context.autoCommit = queueId !== 0;
        return queueId === 0 ? status : 'SUCCESS';
      };
      rig.produce(T, 0, 5);
      // What was not committed is only seen again by the next owner of the lock.
      return async () => {
        status = 'COMMIT';
        rig.cluster.broker('broker-a').stealLock('group', QUEUE, 'somebody');
        await rig.advanceUntil('the lock is lost', () => c.eventsNamed('queueLost').length === 1, 25_000);
        rig.cluster.broker('broker-a').clearLocks();
      };
    },
  },
  {
    what: 'a broker that asks to pull less',
    code: 'FLOW_CONTROL',
    reason: /FLOW_CONTROL \(215\): too fast/,
    cause: ({ cluster }) => {
      const action = { type: 'answer', code: ResponseCode.FLOW_CONTROL, remark: 'too fast' } as const;
      const fault = cluster.faults.add({ code: PULL_MESSAGE, action });
      return () => fault.remove();
    },
  },
  {
    what: 'a broker that answers pulls with an error',
    code: 'PULL_FAILING',
    reason: /^pulling fails: .*out of order/,
    cause: ({ cluster }) => {
      const fault = cluster.faults.add({ code: PULL_MESSAGE, action: FAILS });
      return () => fault.remove();
    },
  },
  {
    what: 'a pull that is neither answered nor given up',
    code: 'NOT_PULLED',
    reason: /^it has not been pulled for 6\d s$/,
    options: { consumerPullTimeoutMillis: 1_000_000 },
    cause: ({ cluster }) => {
      const fault = cluster.faults.add({ code: PULL_MESSAGE, action: { type: 'drop' } });
      return () => {
        fault.remove();
        cluster.broker('broker-a').disconnect();
      };
    },
  },
];

/** What a consumer says of one queue, wherever it says something. */
class Witness {
  readonly stalled: StalledEvent[] = [];
  readonly moving: MessageQueue[] = [];
  readonly logged: string[] = [];
  readonly published: unknown[] = [];
  readonly #queue: MessageQueue;
  readonly #log = createDebug.log;
  readonly #enabled = createDebug.disable();

  constructor(c: WatchedConsumer, queue: MessageQueue) {
    this.#queue = queue;
    createDebug.enable('rocketmq:consumer');
    createDebug.log = (...args: unknown[]) => this.logged.push(format(...args));
    c.consumer.on('queueStalled', (event) => {
      if (this.#isIt(event.messageQueue)) this.stalled.push(event);
    });
    c.consumer.on('queueMoving', ({ messageQueue }) => {
      if (this.#isIt(messageQueue)) this.moving.push(messageQueue);
    });
    subscribe('rocketmq:consumer:queueStalled', this.#onPublished);
  }

  stop(): void {
    createDebug.log = this.#log;
    createDebug.enable(this.#enabled);
    unsubscribe('rocketmq:consumer:queueStalled', this.#onPublished);
  }

  #isIt(queue: MessageQueue): boolean {
    const { topic, brokerName, queueId } = this.#queue;
    return queue.topic === topic && queue.brokerName === brokerName && queue.queueId === queueId;
  }

  readonly #onPublished = (message: unknown): void => {
    const { event } = message as { event: StalledEvent };
    if (this.#isIt(event.messageQueue)) this.published.push(event);
  };
}

function statusOf({ consumer }: WatchedConsumer, queue: MessageQueue): QueueStatus | undefined {
  return consumer.status().queues.find(({ messageQueue: q }) => {
    return q.topic === queue.topic && q.brokerName === queue.brokerName && q.queueId === queue.queueId;
  });
}

describe('a queue that does not move', () => {
  let rig: Rig;
  let witness: Witness | undefined;

  afterEach(async () => {
    try {
      await rig.stop();
    } finally {
      witness?.stop();
      witness = undefined;
    }
  });

  /** A consumer that has consumed the first message of the queue, unless what is to go wrong comes first. */
  async function start({
    options,
    cluster,
    queue = QUEUE,
    before,
    cause,
  }: Case): Promise<[WatchedConsumer, () => unknown]> {
    rig = await Rig.start({ topics: { T: { queues: 2 } }, ...cluster });
    const c = rig.consumer('c1', options);
    witness = new Witness(c, queue);
    c.consumer.subscribe(T);
    rig.produce(T, queue.queueId, 1, queue.brokerName);
    if (before === true) {
      const heal = await cause(rig, c);
      await c.start();
      return [c, heal];
    }
    await c.start();
    await rig.advanceUntil('it consumes', () => c.deliveries.length === 1);
    const heal = await cause(rig, c);
    rig.produce(T, queue.queueId, 1, queue.brokerName);
    return [c, heal];
  }

  for (const test of CASES) {
    const { what, code, reason, queue = QUEUE } = test;
    it(`for ${what}: ${code}`, async () => {
      const [c, heal] = await start(test);
      const saw = witness as Witness;
      await rig.advanceUntil('it is told', () => saw.stalled.length > 0, 130_000);
      const [event] = saw.stalled;
      expect(event).to.deep.include({ messageQueue: queue, code });
      expect(event?.reason).to.match(reason);
      expect(event?.forMs).to.be.within(30_000, code === 'NOT_PULLED' ? 66_000 : 36_000);
      expect(saw.published, 'on the diagnostics channel').to.deep.equal([event]);
      const name = `${T}@${queue.brokerName}#${queue.queueId}`;
      expect(saw.logged.join('\n')).to.include(`${name} does not move: ${event?.reason} (${code})`);
      const status = statusOf(c, queue);
      expect(status?.stall).to.include({ code });
      expect(status?.stall?.reason).to.match(reason);
      expect(saw.moving).to.deep.equal([]);

      // It is told once, however long it lasts.
      if (code !== 'BROKER_UNREACHABLE') await rig.advance(20_000);
      expect(saw.stalled.length).to.equal(1);
      const consumed = c.offsets(queue.queueId).length;
      await heal();
      rig.produce(T, queue.queueId, 1, queue.brokerName);
      await rig.advanceUntil('it moves', () => saw.moving.length > 0);
      expect(saw.moving).to.deep.equal([queue]);
      expect(saw.stalled.length).to.equal(1);
      expect(saw.logged.join('\n')).to.include(`${name} moves again`);
      await rig.advanceUntil('it is consumed', () => c.offsets(queue.queueId).length > consumed);
      await rig.advanceUntil('nothing is wrong', () => statusOf(c, queue)?.stall === undefined);
      // Of the other queues each has to be answered a pull, which a broker holds while there is nothing to pull.
      await rig.advanceUntil('nothing is wrong with any', () => c.consumer.health().healthy, 25_000);
      expect(c.consumer.health().reasons).to.deep.equal([]);
    });
  }

  it('for a listener that does not let it go to another member: GIVING_BACK there, LOCK_REFUSED here', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    const first = rig.consumer('c1');
    first.consumer.subscribe(T);
    await first.start();
    await rig.advanceUntil('it owns both', () => first.owned(T).length === 2);
    const queue = { ...QUEUE, queueId: 1 };
    const letGo = hang(first, 1);
    rig.produce(T, 1, 1);
    await rig.until('it is with the listener', () => first.deliveries.length === 1);
    const told: string[] = [];
    const second = rig.consumer('c2');
    for (const c of [first, second]) {
      c.consumer.on('queueStalled', ({ messageQueue: { queueId, topic }, code, reason }) => {
        if (topic === T) told.push(`${c.name} ${queueId} ${code}: ${reason}`);
      });
      c.consumer.on('queueMoving', ({ messageQueue: { queueId } }) => told.push(`${c.name} ${queueId} moves`));
    }
    second.consumer.subscribe(T);
    await second.start();
    await rig.advanceUntil('both have told', () => told.length === 2, 60_000);
    expect(told.sort()[0]).to.match(
      /^c1 1 GIVING_BACK: another member is to have it, and its listener has been running for \d+ s$/,
    );
    expect(told[1]).to.match(/^c2 1 LOCK_REFUSED: broker-a has refused its lock \d+ times/);
    expect([statusOf(first, queue)?.stall?.code, statusOf(second, queue)?.stall?.code]).to.deep.equal(['GIVING_BACK', 'LOCK_REFUSED']); // prettier-ignore
    letGo();
    await rig.advanceUntil('the second has it', () => second.owned(T).length === 1);
    await rig.advanceUntil('it says so', () => told.length === 3, 10_000);
    expect(told[2]).to.equal('c2 1 moves');
    expect(statusOf(first, queue)).to.equal(undefined);
  });

  it('is found without asking anybody, waiting or leaving anything behind', async () => {
    rig = await Rig.start({ topics: { T: { queues: 100 } } });
    const c = rig.consumer('c1');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it owns all', () => c.owned(T).length === 100);
    await rig.advance(1_000);
    const { timerCount } = rig.clock;
    const frames = rig.cluster.journal.entries.length;
    for (let i = 0; i < 100; i++) expect(c.consumer.status().queues.length).to.equal(101);
    expect(rig.clock.timerCount).to.equal(timerCount);
    await turns(20);
    expect(rig.cluster.journal.entries.length).to.equal(frames);
  });

  it('is no queue that waits for messages, or whose listener takes its time with each of many', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    const c = rig.consumer('c1');
    const told: unknown[] = [];
    c.consumer.on('queueStalled', (event) => told.push(event));
    c.answer = () => new Promise((resolve) => rig.clock.setTimeout(() => resolve('SUCCESS'), 9_000));
    c.consumer.subscribe(T);
    await c.start();
    rig.produce(T, 0, 20);
    await rig.advance(200_000);
    expect(c.deliveries.length).to.equal(20);
    expect(told).to.deep.equal([]);
    expect(c.consumer.status().queues.every(({ stall }) => stall === undefined)).to.equal(true);
  });
});
