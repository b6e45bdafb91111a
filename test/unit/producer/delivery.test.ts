import { expect } from 'chai';
import {
  BrokerError,
  ConnectionError,
  ProtocolError,
  RouteError,
  SendError,
  TimeoutError,
} from '../../../lib/errors.js';
import { decompress } from '../../../lib/protocol/compression.js';
import { parseProperties } from '../../../lib/protocol/properties.js';
import type { FakeClock } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';
import { broker, queues, route } from '../routing/route-data.js';
import { connectFailed, connectionLost, oneBroker, queue, SenderRig, twoBrokers } from './fake-producer-client.js';

const message = { topic: 'Orders', body: 'hello' };
const keyed = { ...message, shardingKey: 'TagA' };

/** A rig whose topic Orders has four queues on each of two brokers. */
function rigOf(options: ConstructorParameters<typeof SenderRig>[0] = {}): SenderRig {
  const rig = new SenderRig(options);
  rig.client.topics.set('Orders', twoBrokers(4));
  return rig;
}

/** Answers the first requests with these codes or errors, and all others with success. */
function answers(rig: SenderRig, ...first: (number | Error)[]): void {
  rig.client.answer = () => {
    const next = first.shift();
    if (next instanceof Error) throw next;
    return next === undefined ? undefined : { code: next, remark: 'busy' };
  };
}

/** Lets the time pass that retries wait, until the send is done. */
async function settle<T>(rig: SenderRig, send: Promise<T>): Promise<T> {
  let done = false;
  const watched = send.finally(() => (done = true));
  watched.catch(() => undefined);
  for (let i = 0; i < 100 && !done; i++) await rig.clock.advance(10);
  return watched;
}

describe('delivery', () => {
  describe('of a message', () => {
    it('is one request with all its fields', async () => {
      const rig = rigOf({ producerGroup: 'pg', defaultTopicQueueNums: 6 });
      const result = await rig.send({ ...keyed, flag: 5 });
      const [request] = rig.client.requests;
      expect(request?.command.extFields).to.deep.equal({
        a: 'pg',
        b: 'Orders',
        c: 'TBW102',
        d: '6',
        e: '3',
        f: '0',
        g: '1700000000000',
        h: '5',
        i: `UNIQ_KEY\u0001${result.msgId}\u0002WAIT\u0001true\u0002__SHARDINGKEY\u0001TagA\u0002`,
        j: '0',
        k: 'false',
        l: undefined,
        m: 'false',
        n: 'broker-b',
      });
      expect(request).to.include({ code: 310, address: '10.0.0.2:10911', oneway: false });
      expect(request?.body.toString()).to.equal('hello');
    });

    it('resolves with what the broker says', async () => {
      const rig = rigOf();
      await rig.send(keyed);
      const result = await rig.send(keyed);
      expect(result).to.deep.equal({
        status: 'SEND_OK',
        msgId: result.msgId,
        offsetMsgId: '7F00000100002A9F0000000000000001',
        messageQueue: { topic: 'Orders', brokerName: 'broker-b', queueId: 3 },
        queueOffset: 1,
        regionId: 'DefaultRegion',
        traceOn: true,
      });
    });

    it('goes under its namespace, and comes back without', async () => {
      const rig = new SenderRig({ namespace: 'ns', producerGroup: 'pg' });
      rig.client.topics.set('ns%Orders', oneBroker(1));
      const result = await rig.send(message);
      expect(rig.client.requests[0]).to.include({ topic: 'ns%Orders', producerGroup: 'ns%pg' });
      expect(parseProperties(rig.client.requests[0]?.properties ?? '')).to.include({ INSTANCE_ID: 'ns' });
      expect(result.messageQueue).to.deep.equal(queue(0));
    });

    for (const [code, status] of [
      [10, 'FLUSH_DISK_TIMEOUT'],
      [11, 'SLAVE_NOT_AVAILABLE'],
      [12, 'FLUSH_SLAVE_TIMEOUT'],
    ] as const) {
      it(`is a success with status ${status}`, async () => {
        const rig = rigOf();
        answers(rig, code);
        expect((await rig.send(message)).status).to.equal(status);
        expect(rig.client.requests).to.have.length(1);
      });
    }
  });

  it('of a batch is one request of its own kind, without compression', async () => {
    const rig = rigOf();
    const body = 'a'.repeat(5_000);
    const result = await rig.batch([keyed, { ...keyed, body }]);
    expect(rig.client.requests[0]).to.include({
      code: 320,
      batch: true,
      sysFlag: 0,
      queueId: 3,
      brokerName: 'broker-b',
    });
    expect(rig.client.requests[0]?.body).to.have.length.above(5_000);
    expect(result.msgId.split(',')).to.have.length(2);
  });

  describe('one way', () => {
    it('is one request without an answer', async () => {
      const rig = rigOf();
      await rig.oneway(keyed);
      expect(rig.client.requests[0]).to.include({ code: 310, oneway: true, queueId: 3, timeoutMs: 3_000 });
    });

    it('is not tried again', async () => {
      const rig = rigOf();
      answers(rig, connectFailed());
      const error = await rejection(rig.oneway(message), SendError);
      expect(error.context).to.include({ attempts: 1, outcome: 'not-stored' });
    });

    it('fails without a broker', async () => {
      const rig = rigOf();
      const target = { by: 'queue', queue: queue(0, 'broker-x') } as const;
      const error = await rejection(rig.oneway(message, target), SendError);
      expect(error.cause).to.be.instanceOf(RouteError).with.property('code', 'ERR_ROCKETMQ_NO_BROKER');
      expect(error.context).to.include({ attempts: 0 });
    });
  });

  describe('compresses', () => {
    const long = 'order '.repeat(1_000);

    for (const [compressType, sysFlag] of [
      ['ZLIB', 0x301],
      ['LZ4', 0x101],
    ] as const) {
      it(`a long body by ${compressType} and says so`, async () => {
        const rig = rigOf({ compressType });
        await rig.send({ ...message, body: long });
        const [request] = rig.client.requests;
        expect(request?.sysFlag).to.equal(sysFlag);
        expect(request?.body).to.have.length.below(500);
        expect(decompress(sysFlag >> 8, request?.body ?? Buffer.alloc(0), 10_000).toString()).to.equal(long);
      });
    }

    it('from 4096 bytes on, unless told otherwise', async () => {
      for (const [over, length, sysFlag] of [
        [undefined, 4_095, 0],
        [undefined, 4_096, 0x301],
        [100, 100, 0x301],
        [10_000, 9_999, 0],
      ] as const) {
        const rig = rigOf({ compressMsgBodyOverHowmuch: over });
        await rig.send({ ...message, body: 'a'.repeat(length) });
        expect(rig.client.requests[0]?.sysFlag, `${over} ${length}`).to.equal(sysFlag);
      }
    });

    it('a body of some size off the event loop', async () => {
      const rig = rigOf();
      await rig.send({ ...message, body: 'a'.repeat(100_000) });
      expect(rig.client.requests[0]?.sysFlag).to.equal(0x301);
    });

    it('not when that makes it longer', async () => {
      const rig = rigOf({ compressMsgBodyOverHowmuch: 0 });
      await rig.send(message);
      expect(rig.client.requests[0]).to.include({ sysFlag: 0 });
      expect(rig.bodies).to.deep.equal(['hello']);
    });

    it('once for all attempts', async () => {
      const rig = rigOf();
      answers(rig, 2);
      await settle(rig, rig.send({ ...message, body: long }));
      const [first, second] = rig.client.requests;
      expect(second?.body).to.equal(first?.body);
    });
  });

  describe('is tried again', () => {
    for (const code of [1, 2, 14, 16, 17, 204, 205, 1500]) {
      it(`after the answer ${code}`, async () => {
        const rig = rigOf();
        answers(rig, code);
        expect((await settle(rig, rig.send(message))).status).to.equal('SEND_OK');
        expect(rig.client.requests).to.have.length(2);
      });
    }

    it('after a broken connection, and one that could not be made', async () => {
      const rig = rigOf();
      answers(rig, connectionLost(), connectFailed());
      await settle(rig, rig.send(message));
      expect(rig.client.requests).to.have.length(3);
      expect(rig.retries.map(({ error }) => (error as ConnectionError).code)).to.deep.equal([
        'ERR_ROCKETMQ_CONNECTION_LOST',
        'ERR_ROCKETMQ_CONNECT_FAILED',
      ]);
    });

    it('at another broker, at once, with the time that is left', async () => {
      const rig = rigOf({ sendMsgTimeout: 1_000 });
      rig.client.answer = async () => {
        if (rig.client.requests.length > 1) return;
        (rig.client.clock as FakeClock).jump(300);
        return { code: 2 };
      };
      await rig.send(message);
      const [first, second] = rig.client.requests;
      expect(first?.brokerName).not.to.equal(second?.brokerName);
      expect([first?.timeoutMs, second?.timeoutMs]).to.deep.equal([1_000, 700]);
    });

    it('at the same queue when it is ordered, after a growing pause', async () => {
      const rig = rigOf();
      answers(rig, 2, 2);
      const send = rig.send(keyed);
      await rig.clock.advance(49);
      expect(rig.client.requests).to.have.length(1);
      await rig.clock.advance(1);
      expect(rig.client.requests).to.have.length(2);
      await rig.clock.advance(99);
      expect(rig.client.requests).to.have.length(2);
      await rig.clock.advance(1);
      await send;
      expect(rig.client.requests.map(({ brokerName, queueId }) => `${brokerName} ${queueId}`)).to.deep.equal([
        'broker-b 3',
        'broker-b 3',
        'broker-b 3',
      ]);
      expect(rig.clock.timerCount).to.equal(0);
    });

    it('at the same queue even when its key belongs to another one by then', async () => {
      const rig = rigOf();
      rig.client.answer = () => {
        if (rig.client.requests.length > 1) return;
        rig.client.topics.set('Orders', twoBrokers(5));
        throw connectionLost();
      };
      await settle(rig, rig.send(keyed));
      await rig.send(keyed);
      expect(rig.client.requests.map(({ brokerName, queueId }) => `${brokerName} ${queueId}`)).to.deep.equal([
        'broker-b 3',
        'broker-b 3',
        'broker-b 4',
      ]);
    });

    it('at the only broker there is, after a pause too', async () => {
      const rig = new SenderRig();
      rig.client.topics.set('Orders', oneBroker(2));
      answers(rig, 2);
      const send = rig.send(message);
      await rig.clock.advance(49);
      expect(rig.client.requests).to.have.length(1);
      await rig.clock.advance(1);
      await send;
      const [first, second] = rig.client.requests;
      expect(first?.queueId).not.to.equal(second?.queueId);
    });

    it('with the same id and the same properties', async () => {
      const rig = rigOf();
      answers(rig, 1);
      const { msgId } = await settle(rig, rig.send(message));
      const [first, second] = rig.client.requests;
      expect(second?.properties).to.equal(first?.properties).and.to.include(msgId);
    });

    it('as often as wished', async () => {
      for (const retryTimesWhenSendFailed of [0, 5]) {
        const rig = rigOf({ retryTimesWhenSendFailed });
        rig.client.answer = () => ({ code: 2, remark: 'too busy' });
        const error = await rejection(settle(rig, rig.send(message)), SendError);
        expect(error.context).to.include({ attempts: retryTimesWhenSendFailed + 1, outcome: 'not-stored' });
        expect(rig.client.requests).to.have.length(retryTimesWhenSendFailed + 1);
      }
    });

    it('only after the answers that were named', async () => {
      const rig = rigOf({ retryResponseCodes: [13] });
      answers(rig, 13, 2);
      const error = await rejection(settle(rig, rig.send(message)), SendError);
      expect((error.cause as BrokerError).responseCode).to.equal(2);
      expect(rig.client.requests).to.have.length(2);
    });

    it('not when the time is over', async () => {
      const rig = rigOf({ sendMsgTimeout: 120 });
      rig.client.answer = () => ({ code: 2 });
      // At 0 and 50 ms; the next would be at 150.
      const error = await rejection(settle(rig, rig.send(keyed)), SendError);
      expect(error.context).to.include({ attempts: 2, elapsedMs: 50 });
    });

    it('at the master a broker has by then', async () => {
      const rig = new SenderRig();
      rig.client.topics.set('Orders', oneBroker(1));
      rig.client.answer = () => {
        if (rig.client.requests.length > 1) return;
        rig.client.topics.set('Orders', {
          ...oneBroker(1),
          brokerDatas: [broker('broker-a', '10.0.0.9:10911')],
        });
        throw connectFailed();
      };
      await settle(rig, rig.send(keyed));
      expect(rig.client.requests.map(({ address }) => address)).to.deep.equal(['10.0.0.1:10911', '10.0.0.9:10911']);
      expect(rig.client.lookups).to.deep.equal(['Orders', 'Orders']);
    });

    it('when no route names a master of its broker, as that may come back', async () => {
      const rig = rigOf();
      const conf = { ...route({ orderTopicConf: 'broker-x:1', queueDatas: [queues('broker-x')] }) };
      rig.client.topics.set('Orders', conf);
      const send = rig.send(keyed);
      await rig.clock.advance(10);
      expect(rig.client.requests).to.have.length(0);
      rig.client.topics.set('Orders', { ...conf, brokerDatas: [broker('broker-x', '10.0.0.8:10911')] });
      await settle(rig, send);
      // Found out by the lookup before the second retry.
      expect(rig.client.requests.map(({ address }) => address)).to.deep.equal(['10.0.0.8:10911']);
    });
  });

  describe('is not tried again', () => {
    it('after an answer that no further attempt would change', async () => {
      const rig = rigOf();
      answers(rig, 13);
      const error = await rejection(rig.send(message), SendError);
      expect(error).to.include({ code: 'ERR_ROCKETMQ_SEND_FAILED', retryable: false });
      expect(error.cause).to.be.instanceOf(BrokerError).with.property('responseCode', 13);
      expect(error.message).to.match(/^a message for Orders@broker-[ab]#\d could not be sent after 1 attempt: .*busy; it is not stored$/); // prettier-ignore
    });

    it('after an answer that can not be read', async () => {
      const rig = rigOf();
      answers(rig, new ProtocolError('ERR_ROCKETMQ_FIELD_MISSING', 'no msgId'));
      const error = await rejection(rig.send(message), SendError);
      expect(error.context).to.include({ outcome: 'unknown' });
      expect(rig.client.requests).to.have.length(1);
    });

    it('after what is no failure of sending', async () => {
      const rig = rigOf();
      const bug = new TypeError('a bug');
      answers(rig, bug);
      expect(await rejection(rig.send(message), TypeError)).to.equal(bug);
    });

    it('by a client that was closed', async () => {
      const rig = rigOf();
      answers(rig, new ConnectionError('ERR_ROCKETMQ_CLOSED', 'a:1', 'closed'));
      await rejection(rig.send(message), SendError);
      expect(rig.client.requests).to.have.length(1);
    });
  });

  describe('says whether the message may be stored', () => {
    const timeout = (phase: string): TimeoutError => new TimeoutError('no answer', { phase });
    for (const [what, failure, outcome] of [
      ['an answer', 2, 'not-stored'],
      ['no connection', connectFailed(), 'not-stored'],
      ['a connection that took too long', timeout('connect'), 'not-stored'],
      ['no answer', timeout('answer'), 'unknown'],
      ['a request that was not read', timeout('write'), 'unknown'],
      ['a lost connection', connectionLost(), 'unknown'],
    ] as const) {
      it(`${outcome} after ${what}`, async () => {
        const rig = rigOf({ retryTimesWhenSendFailed: 0 });
        answers(rig, failure);
        const error = await rejection(rig.send(keyed), SendError);
        expect(error.context).to.include({ outcome, attempts: 1, topic: 'Orders', shardingKey: 'TagA', queueId: 3 });
        expect(error.message).to.include(outcome === 'unknown' ? 'is unknown' : 'it is not stored');
      });
    }

    it('unknown as soon as one attempt left it open', async () => {
      const rig = rigOf();
      answers(rig, connectionLost(), 2, 2);
      const error = await rejection(settle(rig, rig.send(keyed)), SendError);
      expect(error.context).to.include({ outcome: 'unknown', attempts: 3 });
      expect(error.retryable).to.equal(true);
    });
  });

  describe('with retryAnotherBrokerWhenNotStoreOK', () => {
    it('goes on to another broker until it is stored safely', async () => {
      const rig = rigOf({ retryAnotherBrokerWhenNotStoreOK: true });
      answers(rig, 11);
      expect((await rig.send(message)).status).to.equal('SEND_OK');
      expect(new Set(rig.client.requests.map((request) => request.brokerName)).size).to.equal(2);
      expect(rig.retries).to.have.length(1);
      expect(rig.retries[0]?.error).to.equal(undefined);
    });

    it('is content with less when nothing better comes', async () => {
      for (const last of [10, 13, connectionLost()]) {
        const rig = rigOf({ retryAnotherBrokerWhenNotStoreOK: true, retryTimesWhenSendFailed: 1 });
        answers(rig, 11, last);
        expect((await settle(rig, rig.send(message))).status).to.equal(last === 10 ? 'FLUSH_DISK_TIMEOUT' : 'SLAVE_NOT_AVAILABLE'); // prettier-ignore
      }
    });

    it('leaves ordered messages where they are stored', async () => {
      const rig = rigOf({ retryAnotherBrokerWhenNotStoreOK: true });
      answers(rig, 11);
      expect((await rig.send(keyed)).status).to.equal('SLAVE_NOT_AVAILABLE');
      expect(rig.client.requests).to.have.length(1);
    });
  });

  describe('of a topic', () => {
    it('that does not exist goes by a borrowed route', async () => {
      const rig = new SenderRig();
      const result = await rig.send({ topic: 'New', body: 'x', shardingKey: 'TagB' });
      expect(rig.client.requests[0]).to.include({ topic: 'New', defaultTopic: 'TBW102', defaultTopicQueueNums: 4 });
      expect(result.messageQueue).to.deep.equal(queue(0, 'broker-a', 'New'));
    });

    it('nobody knows fails, and so does one without queues', async () => {
      const rig = new SenderRig();
      rig.client.topics.delete('TBW102');
      const error = await rejection(rig.send(message), SendError);
      expect(error.cause).to.have.property('code', 'ERR_ROCKETMQ_TOPIC_NOT_FOUND');
      expect(error.message).to.equal('a message for Orders could not be sent: topic Orders does not exist; it is not stored'); // prettier-ignore
      expect(error.context).to.include({ attempts: 0, outcome: 'not-stored' });
    });

    it('whose route takes too long fails in time', async () => {
      const rig = rigOf({ sendMsgTimeout: 500 });
      rig.client.gate = new Promise(() => undefined);
      const failed = rejection(rig.send(message), SendError);
      await rig.clock.advance(500);
      expect((await failed).cause).to.be.instanceOf(TimeoutError);
      expect((await failed).context).to.include({ outcome: 'not-stored', elapsedMs: 500 });
      expect(rig.clock.timerCount).to.equal(0);
    });

    it('leaves the rest of the time to the request', async () => {
      const rig = rigOf({ sendMsgTimeout: 500 });
      let open: (value: unknown) => void = () => undefined;
      rig.client.gate = new Promise((resolve) => (open = resolve));
      const send = rig.send(message);
      await rig.clock.advance(200);
      open(undefined);
      await send;
      expect(rig.client.requests[0]?.timeoutMs).to.equal(300);
    });
  });
});
