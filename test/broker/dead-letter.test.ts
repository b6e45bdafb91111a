import { expect } from 'chai';
import type { ExhaustedEvent } from '../../lib/index.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { JournalEntry } from '../../mock-broker/index.js';
import { parseProperties } from '../../lib/protocol/properties.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers } from '../support/wire.js';

const T = 'T';
const DLQ = '%DLQ%group';
const RETRY = '%RETRY%group';
const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

describe('dead letters', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  const sends = (): JournalEntry[] => rig.cluster.journal.requests({ code: RequestCode.SEND_MESSAGE_V2 });
  const bodies = (topic: string): string[] => rig.cluster.messages(topic).map((message) => message.body.toString());
  const tries = (c: WatchedConsumer, offset: number): number[] =>
    c.deliveries.filter((delivery) => delivery.offset === offset).map((delivery) => delivery.reconsumeTimes);

  it('takes a message after maxReconsumeTimes + 1 deliveries, with everything it had', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    const { cluster } = rig;
    const produced = cluster.produce(T, {
      queueId: 0,
      body: 'poison',
      tags: 'TagA',
      keys: ['k1', 'k2'],
      shardingKey: 'order-1',
      properties: { custom: 'x' },
      flag: 7,
    });
    rig.produce(T, 0, 1);
    const c = rig.consumer('c1', { maxReconsumeTimes: 2 });
    c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
    expect(c.deliveries.map(({ offset, reconsumeTimes }) => [offset, reconsumeTimes])).to.deep.equal([
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 0],
    ]);

    const [send] = sends();
    expect(send?.ext).to.include({ a: 'CLIENT_INNER_PRODUCER', b: RETRY, j: '3', l: '2', m: 'false', k: 'false' });
    const properties = parseProperties(send?.ext['i'] ?? '');
    expect(properties).to.include({
      ORIGIN_MESSAGE_ID: produced.msgId,
      RETRY_TOPIC: T,
      RECONSUME_TIME: '3',
      MAX_RECONSUME_TIMES: '2',
      DELAY: '5',
      UNIQ_KEY: produced.msgId,
      custom: 'x',
    });

    const [dead, ...others] = cluster.messages(DLQ);
    expect(others).to.deep.equal([]);
    expect(dead?.body.toString()).to.equal('poison');
    expect(dead?.tags).to.equal('TagA');
    expect(dead?.keys).to.deep.equal(['k1', 'k2']);
    expect(dead?.shardingKey).to.equal('order-1');
    expect(dead?.flag).to.equal(7);
    expect(dead?.reconsumeTimes).to.equal(3);
    expect(dead?.msgId).to.equal(produced.msgId);
    expect(dead?.properties['DELAY']).to.equal('-1');
    expect(cluster.messages(RETRY)).to.deep.equal([]);

    const [event] = c.eventsNamed('deadLetter') as (ExhaustedEvent & { target: string })[];
    expect(event?.message.msgId).to.equal(produced.msgId);
    expect(event?.messageQueue).to.deep.equal({ topic: T, brokerName: 'broker-a', queueId: 0 });
    expect(event?.reconsumeTimes).to.equal(2);
    expect(event?.target).to.equal(RETRY);
  });

  it('takes a message before its queue goes on: offset and next message wait for the answer', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 2);
    rig.cluster.faults.add({ code: RequestCode.SEND_MESSAGE_V2, action: { type: 'delay', ms: 2_000 } });
    const c = rig.consumer('c1', { maxReconsumeTimes: 0 });
    c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it was sent', () => sends().length === 1);
    await rig.advance(1_800);
    const committed = (): number | undefined =>
      c.consumer.assignment.find(({ messageQueue }) => messageQueue.topic === T)?.committedOffset;
    expect(committed()).to.equal(0);
    expect(c.offsets(0)).to.deep.equal([0]);
    await rig.advanceUntil('the answer has come', () => c.offsets(0).length === 2, 300);
    expect(committed()).to.equal(2);
  });

  it('takes a message after the first failure with a limit of 0', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 3);
    const c = rig.consumer('c1', { maxReconsumeTimes: 0 });
    c.answer = ({ offset }) => (offset === 1 ? SUSPEND : 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are done', () => c.offsets(0).includes(2));
    expect(c.offsets(0)).to.deep.equal([0, 1, 2]);
    expect(bodies(DLQ)).to.deep.equal(['1']);
    expect(c.deliveries[2]?.at, 'there is no pause').to.equal(c.deliveries[1]?.at);
  });

  it('takes none without a limit', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 2);
    const c = rig.consumer();
    c.answer = (_delivery, context) => {
      context.suspendCurrentQueueTimeMillis = 10;
      return SUSPEND;
    };
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it failed often', () => c.deliveries.length > 50);
    expect(tries(c, 0)).to.deep.equal(numbers(c.deliveries.length));
    expect(sends()).to.deep.equal([]);
  });

  it('goes by a limit that is changed while it runs', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 2);
    const c = rig.consumer();
    c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it failed', () => c.deliveries.length === 3);
    c.consumer.maxReconsumeTimes = 3;
    await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
    expect(tries(c, 0)).to.deep.equal([0, 1, 2, 3]);
  });

  describe('when a message can not be sent', () => {
    const failures: [name: string, breakIt: () => { remove(): void }, code: string][] = [
      [
        'because the broker refuses it',
        () =>
          rig.cluster.faults.add({
            code: RequestCode.SEND_MESSAGE_V2,
            action: { type: 'answer', code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: 'full' },
          }),
        'ERR_ROCKETMQ_BROKER',
      ],
      [
        'because the broker does not answer',
        () => rig.cluster.faults.add({ code: RequestCode.SEND_MESSAGE_V2, action: { type: 'drop' } }),
        'ERR_ROCKETMQ_TIMEOUT',
      ],
      [
        'because the connection breaks',
        () => rig.cluster.faults.add({ code: RequestCode.SEND_MESSAGE_V2, action: { type: 'close', when: 'before' } }),
        'ERR_ROCKETMQ_CONNECTION_LOST',
      ],
    ];
    for (const [name, breakIt, code] of failures) {
      it(`${name}: its queue waits, says so, tries again, and recovers`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 2 } } });
        rig.produce(T, 0, 2);
        const fault = breakIt();
        const c = rig.consumer('c1', { maxReconsumeTimes: 1 });
        c.answer = ({ queueId, offset }) => (queueId === 0 && offset === 0 ? SUSPEND : 'SUCCESS');
        c.consumer.subscribe(T);
        await c.start();
        await rig.advanceUntil('it was tried', () => c.eventsNamed('blocked').length === 3);
        expect(c.offsets(0).filter((offset) => offset !== 0)).to.deep.equal([]);
        expect(rig.committed(T, 0) ?? 0).to.equal(0);
        const failed = c.errors.filter((error) => error.code === 'ERR_ROCKETMQ_SEND_FAILED');
        expect(failed.length).to.equal(3);
        expect((failed[0]?.cause as { code?: string }).code).to.equal(code);
        fault.remove();
        await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
        expect(bodies(DLQ)).to.deep.equal(['0']);
        expect(c.offsets(0).filter((offset) => offset === 1)).to.deep.equal([1]);
        await rig.advance(5_000);
        expect(rig.committed(T, 0)).to.equal(2);
      });
    }

    it('because the retry topic is nowhere: the same', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 2);
      const { cluster } = rig;
      const hidden = cluster.faults.add({
        code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
        topic: RETRY,
        action: { type: 'answer', code: ResponseCode.TOPIC_NOT_EXIST },
      });
      const c = rig.consumer('c1', { maxReconsumeTimes: 0 });
      c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('it was tried', () => c.eventsNamed('blocked').length === 3);
      expect(new Set(c.offsets(0))).to.deep.equal(new Set([0]));
      hidden.remove();
      await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
      expect(bodies(DLQ)).to.deep.equal(['0']);
    });
  });

  it('takes each message of a batch once, and what is below commits as it can', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 6);
    const c = rig.consumer('c1', { maxReconsumeTimes: 2, consumeMessageBatchMaxSize: 4 });
    // The last two of the first batch were delivered once more than the others by an earlier attempt.
    const counts = [0, 0, 1, 1];
    const batches: string[] = [];
    c.consumer.subscribe(T);
    await c.consumer.start((messages) => {
      batches.push(messages.map((message) => `${message.queueOffset}:${message.reconsumeTimes}`).join(' '));
      if (batches.length === 1) {
        for (const [i, message] of messages.entries())
          (message as { reconsumeTimes: number }).reconsumeTimes = counts[i] ?? 0;
      }
      return messages.some((message) => message.queueOffset < 4) ? SUSPEND : 'SUCCESS';
    });
    await rig.advanceUntil('all are done', () => batches.at(-1)?.startsWith('4') === true);
    expect(batches).to.deep.equal(['0:0 1:0 2:0 3:0', '0:1 1:1 2:2 3:2', '0:2 1:2 4:0 5:0', '4:1 5:1']);
    expect(bodies(DLQ)).to.deep.equal(['2', '3', '0', '1']);
    await rig.advance(5_000);
    expect(rig.committed(T, 0)).to.equal(6);
  });

  for (const code of [
    ResponseCode.FLUSH_DISK_TIMEOUT,
    ResponseCode.FLUSH_SLAVE_TIMEOUT,
    ResponseCode.SLAVE_NOT_AVAILABLE,
  ]) {
    it(`counts a message that was stored with code ${code} as stored`, async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 2);
      rig.cluster.faults.add({
        code: RequestCode.SEND_MESSAGE_V2,
        action: { type: 'rewrite', reply: (answer) => ({ ...answer, code }) },
      });
      const c = rig.consumer('c1', { maxReconsumeTimes: 0 });
      c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
      expect(bodies(DLQ)).to.deep.equal(['0']);
      expect(c.eventsNamed('deadLetter').length).to.equal(1);
      expect(c.errors).to.deep.equal([]);
    });
  }

  it('may take a message twice when the broker stored it and its answer was lost', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 2);
    rig.cluster.faults.add({ code: RequestCode.SEND_MESSAGE_V2, times: 1, action: { type: 'dropReply' } });
    const c = rig.consumer('c1', { maxReconsumeTimes: 0 });
    c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
    const dead = rig.cluster.messages(DLQ);
    expect(dead.length).to.equal(2);
    expect(new Set(dead.map((message) => message.msgId)).size, 'under one id, so that they can be told').to.equal(1);
  });

  it('delivers what an operator sends to the retry topic, under its own topic, in order', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    const c = await rig.consume(T);
    await rig.advanceUntil('the retry topic is consumed', () => c.owned(RETRY).length === 1);
    for (let i = 0; i < 5; i++) {
      rig.cluster.produce(RETRY, { queueId: 0, body: String(i), properties: { RETRY_TOPIC: T } });
    }
    rig.cluster.produce(RETRY, { queueId: 0, body: 'without' });
    await rig.until('all are consumed', () => c.deliveries.length === 6);
    expect(c.deliveries.map(({ topic, text }) => `${topic} ${text}`)).to.deep.equal([
      'T 0',
      'T 1',
      'T 2',
      'T 3',
      'T 4',
      '%RETRY%group without',
    ]);
    await rig.advance(5_000);
    expect(rig.committed(RETRY, 0)).to.equal(6);
  });

  it('takes a message of the retry topic, too, and keeps its first id', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    const c = rig.consumer('c1', { maxReconsumeTimes: 0 });
    c.answer = () => SUSPEND;
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('the retry topic is consumed', () => c.owned(RETRY).length === 1);
    rig.cluster.produce(RETRY, {
      queueId: 0,
      body: 'again',
      properties: { RETRY_TOPIC: T, ORIGIN_MESSAGE_ID: 'first' },
    });
    await rig.until('it is dead', () => bodies(DLQ).length === 1);
    const [dead] = rig.cluster.messages(DLQ);
    expect(dead?.properties).to.include({ RETRY_TOPIC: T, ORIGIN_MESSAGE_ID: 'first' });
  });

  describe('what becomes of a message', () => {
    it('with skip: it is passed over, and an event tells', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 2);
      const c = rig.consumer('c1', { maxReconsumeTimes: 1, onExhausted: 'skip' });
      c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
      expect(c.eventsNamed('skipped').length).to.equal(1);
      expect(sends()).to.deep.equal([]);
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.equal(2);
    });

    it('with block: its queue waits, and an event tells at each attempt', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 2);
      const c = rig.consumer('c1', { maxReconsumeTimes: 1, onExhausted: 'block' });
      c.answer = () => SUSPEND;
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('it was tried', () => c.deliveries.length === 6);
      expect(new Set(c.offsets(0))).to.deep.equal(new Set([0]));
      expect((c.eventsNamed('blocked') as ExhaustedEvent[]).length).to.be.within(4, 5);
      expect(sends()).to.deep.equal([]);
      c.answer = () => 'SUCCESS';
      await rig.advanceUntil('both are consumed', () => c.offsets(0).includes(1));
    });

    it('with a function: what that says of each', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const c = rig.consumer('c1', {
        maxReconsumeTimes: 0,
        onExhausted: (message) => Promise.resolve(message.body.toString() === '1' ? 'dlq' : 'skip'),
      });
      c.answer = () => SUSPEND;
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('all are done', () => c.offsets(0).includes(2));
      await rig.until('the last is skipped', () => c.eventsNamed('skipped').length === 2);
      expect(bodies(DLQ)).to.deep.equal(['1']);
    });
  });

  it('is where a message goes at brokers that do not look at locks, too', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } }, version: 407 });
    rig.produce(T, 0, 2);
    const c = rig.consumer('c1', { maxReconsumeTimes: 2 });
    c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
    // They heed the delay level of the dead letter, too: it is seen a minute later.
    await rig.advanceUntil('it is dead', () => bodies(DLQ).length > 0, 61_000);
    expect(bodies(DLQ)).to.deep.equal(['0']);
    expect(rig.cluster.messages(RETRY)).to.deep.equal([]);
    expect(tries(c, 0)).to.deep.equal([0, 1, 2]);
  });

  it('goes to the broker the message came from', async () => {
    rig = await Rig.start({ brokers: 3, topics: { T: { queues: 2 } } });
    for (const brokerName of ['broker-a', 'broker-b', 'broker-c']) {
      for (const queueId of [0, 1]) rig.produce(T, queueId, 1, brokerName);
    }
    const c = rig.consumer('c1', { maxReconsumeTimes: 0 });
    c.answer = () => SUSPEND;
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are dead', () => bodies(DLQ).length === 6);
    for (const name of ['broker-a', 'broker-b', 'broker-c']) {
      expect(rig.cluster.messages(DLQ, { brokerName: name }).length, name).to.equal(2);
    }
  });
});
