import { expect } from 'chai';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { decodeTopicRoute, encodeTopicRoute } from '../../lib/protocol/topic-route.js';
import type { MessageExt } from '../../lib/index.js';
import { Rig } from '../support/rig.js';
import { numbers, pulls } from '../support/wire.js';

const T = 'T';

describe('forms on the wire', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  it('answers that come byte by byte', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 4);
    rig.cluster.faults.add({ code: RequestCode.PULL_MESSAGE, action: { type: 'chunk', size: 1 } });
    rig.cluster.faults.add({ action: { type: 'chunk', size: 7 } });
    const c = rig.consumer();
    c.consumer.subscribe(T);
    await c.start();
    await rig.advance(1);
    // No time may pass: thousands of turns take longer than any timeout.
    await rig.until('its queue is owned', () => c.owned(T).length === 1);
    await rig.until('all are consumed', () => c.deliveries.length === 4);
    expect(c.offsets(0)).to.deep.equal(numbers(4));
    expect(c.eventsNamed('disconnected')).to.deep.equal([]);
  });

  it('ten answers in one piece', async () => {
    rig = await Rig.start({ topics: { T: { queues: 10 } } });
    for (let queueId = 0; queueId < 10; queueId++) rig.produce(T, queueId, 3);
    const fault = rig.cluster.faults.add({
      code: RequestCode.PULL_MESSAGE,
      topic: T,
      times: 10,
      action: { type: 'coalesce', frames: 10 },
    });
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 30);
    expect(fault.hits).to.equal(10);
    for (let queueId = 0; queueId < 10; queueId++) expect(c.offsets(queueId)).to.deep.equal([0, 1, 2]);
  });

  it('answers that come twice', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    for (const queueId of [0, 1]) rig.produce(T, queueId, 40);
    rig.cluster.faults.add({ action: { type: 'duplicate' } });
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length >= 80);
    rig.produce(T, 0, 1);
    await rig.until('one more', () => c.deliveries.length >= 81);
    expect(c.offsets(0)).to.deep.equal(numbers(41));
    expect(c.offsets(1)).to.deep.equal(numbers(40));
  });

  for (const serializeType of ['ROCKETMQ', 'echo'] as const) {
    it(`headers in the form ${serializeType}`, async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } }, serializeType });
      rig.produce(T, 0, 5);
      const c = await rig.consume(T);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 5);
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.equal(5);
    });
  }

  it('JSON as brokers write it: bare keys, fields nobody knows, nulls', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    rig.cluster.faults.add({
      code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
      action: {
        type: 'rewrite',
        reply: (answer) => {
          if (answer.code !== ResponseCode.SUCCESS || answer.body === undefined) return answer;
          const text = encodeTopicRoute(decodeTopicRoute(answer.body), { unquotedKeys: true }).toString();
          expect(text).to.include('{0:');
          return { ...answer, body: Buffer.from(`{"new":{"a":[1,{}]},"orderTopicConf":null,${text.slice(1)}`) };
        },
      },
    });
    for (const code of [RequestCode.LOCK_BATCH_MQ, RequestCode.GET_CONSUMER_LIST_BY_GROUP]) {
      rig.cluster.faults.add({
        code,
        action: {
          type: 'rewrite',
          reply: (answer) =>
            answer.body === undefined
              ? answer
              : {
                  ...answer,
                  body: Buffer.from(answer.body.toString().replace(/^\{/, '{"new":{},"big":12345678901234567890,')),
                },
        },
      });
    }
    for (const queueId of [0, 1]) rig.produce(T, queueId, 3);
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 6);
    expect(c.errors).to.deep.equal([]);
  });

  it('messages of the second form, with IPv6 hosts', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } }, messageVersion: 2, ipv6Hosts: true });
    const produced = rig.cluster.produce(T, { queueId: 0, body: 'hello', keys: 'k1', tags: 'a' });
    const c = rig.consumer();
    let seen: MessageExt | undefined;
    c.answer = (_delivery, _context, message) => {
      seen = message;
      return 'SUCCESS';
    };
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it is consumed', () => seen !== undefined);
    expect(seen?.body.toString()).to.equal('hello');
    expect(seen?.bornHost).to.match(/^\[::1\]:\d+$/);
    expect(seen?.storeHost).to.match(/^\[::1\]:\d+$/);
    expect(seen?.offsetMsgId).to.equal(produced.offsetMsgId);
    expect(seen?.offsetMsgId.length).to.equal(56);
    expect(seen?.keys).to.deep.equal(['k1']);
  });

  it('brokers of version 4.9', async () => {
    rig = await Rig.start({ brokers: 2, topics: { T: { queues: 2 } }, version: 407 });
    for (const name of ['broker-a', 'broker-b']) for (const queueId of [0, 1]) rig.produce(T, queueId, 5, name);
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 20);
    await c.consumer.close();
    for (const name of ['broker-a', 'broker-b']) {
      for (const queueId of [0, 1]) expect(rig.committed(T, queueId, 'group', name)).to.equal(5);
    }
  });

  describe('a broker that shuts down and asks to leave', () => {
    it('once: the request is sent again on a new connection, behind a heartbeat', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const fault = rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        topic: T,
        after: 1,
        times: 1,
        action: { type: 'answer', code: ResponseCode.GO_AWAY },
      });
      const c = await rig.consume(T);
      await rig.advanceUntil('it was asked', () => fault.hits === 1);
      rig.produce(T, 0, 3);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 6, 5_000);
      expect(c.offsets(0)).to.deep.equal(numbers(6));
      expect(c.errors).to.deep.equal([]);
      const connections = [...new Set(pulls(rig.cluster, T).map((pull) => pull.connection))];
      expect(connections.length).to.equal(2);
      const [first] = rig.cluster.journal.requests({ connection: connections[1] as number });
      expect(first?.code).to.equal(RequestCode.HEART_BEAT);
      const [, asked, again] = pulls(rig.cluster, T);
      expect(again?.opaque).to.not.equal(asked?.opaque);
      expect(again?.ext).to.deep.equal(asked?.ext);
    });

    it('again and again: that is a failure like any other, and it recovers', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const fault = rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        topic: T,
        times: 8,
        action: { type: 'answer', code: ResponseCode.GO_AWAY },
      });
      const c = await rig.consume(T);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 3, 60_000);
      expect(fault.hits).to.equal(8);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2]);
      expect(c.errors.map((error) => error.code)).to.include('ERR_ROCKETMQ_BROKER');
    });
  });

  it('a lock that is not answered in time costs the connection, and is asked for again', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 1);
    rig.cluster.faults.add({ code: RequestCode.LOCK_BATCH_MQ, times: 1, action: { type: 'drop' } });
    const c = await rig.consume(T);
    await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1, 10_000);
    const locks = rig.cluster.journal.requests({ code: RequestCode.LOCK_BATCH_MQ });
    expect(locks[1]?.connection).to.not.equal(locks[0]?.connection);
    expect(c.eventsNamed('disconnected').length).to.equal(1);
  });
});
