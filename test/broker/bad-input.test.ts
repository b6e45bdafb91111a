import { expect } from 'chai';
import { ConnectionError, MessageFormatError, ProtocolError, RocketMQError } from '../../lib/errors.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RequestCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { decodeMessages, encodeMessage } from '../../lib/protocol/message.js';
import type { FaultRule } from '../../mock-broker/index.js';
import { rejection } from '../support/rejection.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, numbers, pulls } from '../support/wire.js';

const T = 'T';

/** Two heartbeats, three lock renewals, and any pause between attempts. */
const A_MINUTE = 60_000;

/** Where things stand in a stored message. */
const MAGIC_AT = 4;
const OFFSET_AT = 20;
const BODY_LENGTH_AT = 84;

/** What fills the end of a file of the broker's log. */
const BLANK_MAGIC = -875_286_124;

describe('bad input', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** Two brokers with one queue each, and five messages in each. */
  async function twoBrokers(): Promise<WatchedConsumer> {
    rig = await Rig.start({ brokers: 2, topics: { T: { queues: 1 } } });
    produce(5);
    return rig.consumer();
  }

  async function start(c: WatchedConsumer): Promise<void> {
    c.consumer.subscribe(T);
    await c.start();
  }

  function produce(count: number): void {
    for (const brokerName of ['broker-a', 'broker-b']) rig.produce(T, 0, count, brokerName);
  }

  function offsets(c: WatchedConsumer, brokerName: string): number[] {
    return c.deliveries.filter((delivery) => delivery.brokerName === brokerName).map(({ offset }) => offset);
  }

  /** The connections on which anything came to a broker since the journal was cleared. */
  function connectionsTo(broker: string): number {
    return new Set(rig.cluster.journal.requests({ broker }).map((request) => request.connection)).size;
  }

  function healthy(c: WatchedConsumer): boolean {
    return c.consumer.health().healthy;
  }

  describe('instead of an answer to a pull', () => {
    // What is wrong, the bytes, and the code of the error it is reported as.
    const cases: [name: string, bytes: Buffer, code: string][] = [
      ['a frame of more than 16 MiB', Buffer.concat([int32(16_777_217), Buffer.alloc(100)]), 'ERR_ROCKETMQ_FRAME_TOO_LARGE'], // prettier-ignore
      ['a frame of 2 GiB', int32(2 ** 31 - 1), 'ERR_ROCKETMQ_FRAME_TOO_LARGE'],
      ['a negative length', Buffer.concat([int32(-20), Buffer.alloc(100)]), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
      ['a length of nothing', Buffer.concat([int32(0), Buffer.alloc(100)]), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
      ['a header longer than its frame', frame(0, Buffer.from('{}'), 1_000), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
      ['a JSON header that is cut', frame(0, Buffer.from('{"code":0,"opaque":')), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
      ['a JSON header that is no object', frame(0, Buffer.from('[1,2]')), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
      ['a JSON header without a code', frame(0, Buffer.from('{"opaque":1}')), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
      ['a binary header that is cut', frame(1, Buffer.from([0, 0, 12, 0])), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
      ['a header of an unknown form', frame(7, Buffer.from('{}')), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
      ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'ERR_ROCKETMQ_FRAME_TOO_LARGE'],
      ['noise', Buffer.from('ffeeddccbbaa99887766554433221100', 'hex'), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
    ];
    for (const [name, bytes, code] of cases) {
      it(`${name} ends that connection, and nothing else`, async () => {
        const c = await twoBrokers();
        const fault = rig.cluster.faults.add({
          code: RequestCode.PULL_MESSAGE,
          broker: 'broker-a',
          topic: T,
          after: 1,
          action: { type: 'raw', bytes },
        });
        await start(c);
        await rig.advanceUntil('it has happened', () => fault.hits > 0 && c.errors.length > 0);
        produce(5);
        await rig.advance(A_MINUTE);
        expect(offsets(c, 'broker-a')).to.deep.equal(numbers(5));
        expect(offsets(c, 'broker-b'), 'the other broker').to.deep.equal(numbers(10));
        expect(rig.committed(T, 0)).to.equal(5);
        expect(rig.committed(T, 0, 'group', 'broker-b')).to.equal(10);
        expect(connectionsTo('broker-b')).to.equal(1);
        expect(fault.hits, 'no hot loop').to.be.within(2, 100);
        const lost = c.errors.find((error) => error instanceof ConnectionError && error.cause instanceof ProtocolError);
        expect(lost?.code).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
        expect((lost as ConnectionError).address).to.equal(rig.cluster.broker('broker-a').address);
        expect((lost?.cause as ProtocolError).code).to.equal(code);
        expect(lost?.message).to.contain('no valid frame');

        fault.remove();
        await rig.advanceUntil('the rest is consumed', () => offsets(c, 'broker-a').length >= 10);
        await rig.advance(10_000);
        expect(offsets(c, 'broker-a')).to.deep.equal(numbers(10));
        expect(rig.committed(T, 0)).to.equal(10);
        // A queue without messages has to be answered a pull, which the broker holds for up to 20 s.
        await rig.advanceUntil('all is well', () => healthy(c), 20_000);
        expect(c.eventsNamed('queueLost')).to.deep.equal([]);
      });
    }
  });

  describe('instead of another answer', () => {
    const others: [name: string, code: number][] = [
      ['a lock', RequestCode.LOCK_BATCH_MQ],
      ['a heartbeat', RequestCode.HEART_BEAT],
      ['a list of members', RequestCode.GET_CONSUMER_LIST_BY_GROUP],
      ['a commit', RequestCode.UPDATE_CONSUMER_OFFSET],
    ];
    for (const [name, code] of others) {
      it(`to ${name}: it is tried again with pauses, and consumption goes on in order when it ends`, async () => {
        const c = await twoBrokers();
        await start(c);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
        const bytes = frame(0, Buffer.from('{"code":0,"opaque":'));
        const fault = rig.cluster.faults.add({ code, broker: 'broker-a', action: { type: 'raw', bytes } });
        // The first heartbeat, list or commit of its own; from then on the others follow from lost connections.
        await rig.advanceUntil('it has happened', () => fault.hits > 0);
        produce(5);
        await rig.advance(A_MINUTE);
        expect(offsets(c, 'broker-b'), 'the other broker').to.deep.equal(numbers(10));
        expect(connectionsTo('broker-b')).to.equal(1);
        expect(fault.hits, 'no hot loop').to.be.at.most(120);
        const reported = codesOf(c.errors);
        if (code !== RequestCode.HEART_BEAT) expect(reported).to.include('ERR_ROCKETMQ_HEADER_MALFORMED');
        const before = rig.committed(T, 0) ?? 0;
        expect(before).to.be.at.most(offsets(c, 'broker-a').length);
        fault.remove();
        await rig.advanceUntil('the rest is consumed', () => offsets(c, 'broker-a').length >= 10);
        await rig.advance(30_000);
        // Without a lock that is certain nothing could be committed, and after 60 s it may have been another's.
        const again = code === RequestCode.LOCK_BATCH_MQ ? numbers(10).slice(before) : [];
        expect(offsets(c, 'broker-a')).to.deep.equal([...numbers(10), ...again]);
        expect(rig.committed(T, 0)).to.equal(10);
        expect(healthy(c)).to.equal(true);
      });
    }
  });

  describe('in an answer to a pull', () => {
    // What is wrong with the message at which offset, and the error it is reported as.
    const cases: [name: string, change: Damage, at: number, code: string][] = [ // prettier-ignore
      ['a message that is cut', (body, at) => body.subarray(0, at + 60), 4, 'ERR_ROCKETMQ_MESSAGE_TRUNCATED'],
      ['a last message that lacks a byte', (body) => body.subarray(0, -1), 4, 'ERR_ROCKETMQ_MESSAGE_TRUNCATED'],
      ['a first message that is cut', (body, at) => body.subarray(0, at + 3), 0, 'ERR_ROCKETMQ_MESSAGE_TRUNCATED'],
      ['no message at all', () => Buffer.alloc(0), 0, 'ERR_ROCKETMQ_MESSAGE_TRUNCATED'],
      ['an unknown magic', int32At(MAGIC_AT, 0x1234), 2, 'ERR_ROCKETMQ_MESSAGE_MAGIC'],
      ['the magic of a blank in the log', int32At(MAGIC_AT, BLANK_MAGIC), 0, 'ERR_ROCKETMQ_MESSAGE_MAGIC'],
      ['a size of nothing', int32At(0, 0), 3, 'ERR_ROCKETMQ_MESSAGE_MALFORMED'],
      ['a negative size', int32At(0, -1), 3, 'ERR_ROCKETMQ_MESSAGE_MALFORMED'],
      ['a size past the end', int32At(0, 2 ** 30), 3, 'ERR_ROCKETMQ_MESSAGE_TRUNCATED'],
      ['a body longer than its message', int32At(BODY_LENGTH_AT, 1_000_000), 1, 'ERR_ROCKETMQ_MESSAGE_MALFORMED'],
      ['an offset past 2^53 - 1', int32At(OFFSET_AT, 0x20_0000), 1, 'ERR_ROCKETMQ_MESSAGE_MALFORMED'],
      ['noise', (body) => Buffer.alloc(body.length, 0xa5), 0, 'ERR_ROCKETMQ_MESSAGE_MALFORMED'],
    ]; // prettier-ignore
    for (const [name, change, at, code] of cases) {
      it(`${name} is never jumped over: what came before is consumed, the queue waits, the others go on`, async () => {
        await neverJumpedOver(damaged(at, change), at, MessageFormatError, code);
      });
    }

    const fields: [name: string, value: string | undefined, code: string][] = [
      ['past 2^53 - 1', '9007199254740992', 'ERR_ROCKETMQ_OFFSET_UNSAFE'],
      ['no whole number', '5.5', 'ERR_ROCKETMQ_FIELD_MALFORMED'],
      ['missing', undefined, 'ERR_ROCKETMQ_FIELD_MISSING'],
    ];
    for (const [name, value, code] of fields) {
      it(`a next offset that is ${name} is not guessed: nothing of that answer is taken`, async () => {
        await neverJumpedOver(ext('nextBeginOffset', value), 0, ProtocolError, code);
      });
    }

    /** Has a broker give such answers for a minute: exactly `read` messages are consumed until they end. */
    async function neverJumpedOver(
      reply: (answer: ResponseCommand) => ResponseCommand,
      read: number,
      errorClass: typeof MessageFormatError | typeof ProtocolError,
      code: string,
    ): Promise<void> {
      const c = await twoBrokers();
      const fault = rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        broker: 'broker-a',
        topic: T,
        action: { type: 'rewrite', reply },
      });
      await start(c);
      await rig.advanceUntil('it has happened', () => fault.hits > 0 && c.errors.length > 0);
      produce(5);
      await rig.advance(A_MINUTE);
      expect(offsets(c, 'broker-a')).to.deep.equal(numbers(read));
      expect(offsets(c, 'broker-b'), 'the other broker').to.deep.equal(numbers(10));
      expect(rig.committed(T, 0) ?? 0).to.equal(read);
      expect(connectionsTo('broker-a'), 'the connection is fine').to.equal(1);
      expect(c.errors[0]).to.be.instanceOf(errorClass);
      expect(new Set(c.errors.map((error) => error.code))).to.deep.equal(new Set([code]));
      expect(fault.hits, 'asked for again at growing intervals').to.be.within(10, 25);

      fault.remove();
      await rig.advanceUntil('the rest is consumed', () => offsets(c, 'broker-a').length >= 10);
      await rig.advance(10_000);
      expect(offsets(c, 'broker-a')).to.deep.equal(numbers(10));
      expect(rig.committed(T, 0)).to.equal(10);
      expect(healthy(c)).to.equal(true);
    }
  });

  describe('in other answers', () => {
    // Cut, no JSON, another kind, fields missing or of another kind: all of it has to fail, and none to be taken for "none".
    const broken: [name: string, body: string, code: string][] = [
      ['cut', '{"consumerIdList":["a","b', 'ERR_ROCKETMQ_JSON_MALFORMED'],
      ['no JSON', '<html>busy</html>', 'ERR_ROCKETMQ_JSON_MALFORMED'],
      ['an array', '[]', 'ERR_ROCKETMQ_FIELD_MALFORMED'],
    ];
    for (const [name, body, code] of broken) {
      it(`a list of members that is ${name} leaves the queues as they are`, async () => {
        const c = await twoBrokers();
        await start(c);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
        const fault = answerWith({ code: RequestCode.GET_CONSUMER_LIST_BY_GROUP }, Buffer.from(body));
        await rig.advanceUntil('it has happened', () => fault.hits > 0 && c.errors.length > 0);
        produce(5);
        await rig.advance(A_MINUTE);
        expect(offsets(c, 'broker-a')).to.deep.equal(numbers(10));
        expect(c.eventsNamed('queueReleased')).to.deep.equal([]);
        expect(c.errors[0]).to.be.instanceOf(ProtocolError);
        expect(codesOf(c.errors)).to.include(code);
        expect(rig.committed(T, 0)).to.equal(10);

        // A member that comes meanwhile gets nothing, and its share as soon as the fault ends.
        const other = await rig.consume(T, 'c2');
        await rig.advance(A_MINUTE);
        expect(other.owned(T)).to.deep.equal([]);
        fault.remove();
        await rig.advanceUntil('they are shared', () => c.owned(T).length === 1 && other.owned(T).length === 1);
        produce(5);
        await rig.advanceUntil('all are consumed', () => rig.deliveries.length >= 30);
        for (const brokerName of ['broker-a', 'broker-b']) {
          const seen = rig.deliveries.filter((delivery) => delivery.brokerName === brokerName);
          expect(seen.map(({ offset }) => offset)).to.deep.equal(numbers(15));
        }
      });

      it(`an answer to a lock that is ${name} is no lock, and no refusal`, async () => {
        const c = await twoBrokers();
        const fault = answerWith({ code: RequestCode.LOCK_BATCH_MQ, broker: 'broker-a' }, Buffer.from(body));
        await start(c);
        await rig.advanceUntil('the other broker is consumed', () => offsets(c, 'broker-b').length === 5);
        await rig.advance(A_MINUTE);
        expect(offsets(c, 'broker-a')).to.deep.equal([]);
        expect(pulls(rig.cluster, T).some((pull) => pull.broker === 'broker-a')).to.equal(false);
        expect(codesOf(c.errors)).to.include(code);
        expect(healthy(c)).to.equal(false);
        fault.remove();
        await rig.advanceUntil('it is consumed', () => offsets(c, 'broker-a').length === 5, 5_000);

        // The same for a renewal: the lease runs out, nothing is consumed, nothing is lost.
        const again = answerWith({ code: RequestCode.LOCK_BATCH_MQ, broker: 'broker-a' }, Buffer.from(body));
        await rig.advance(A_MINUTE);
        produce(5);
        await rig.advance(A_MINUTE);
        expect(offsets(c, 'broker-a')).to.deep.equal(numbers(5));
        expect(offsets(c, 'broker-b')).to.deep.equal(numbers(10));
        expect(c.eventsNamed('queueLost')).to.deep.equal([]);
        again.remove();
        await rig.advanceUntil('the rest is consumed', () => offsets(c, 'broker-a').length >= 10);
        await rig.advance(10_000);
        expect(offsets(c, 'broker-a')).to.deep.equal(numbers(10));
        expect(rig.committed(T, 0)).to.equal(10);
      });

      it(`a route that is ${name} leaves the one that is known`, async () => {
        const c = await twoBrokers();
        await start(c);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
        const fault = answerWith({ code: RequestCode.GET_ROUTEINFO_BY_TOPIC }, Buffer.from(body));
        rig.cluster.updateTopic(T, { queues: 2 });
        await rig.advance(2 * A_MINUTE);
        expect(fault.hits).to.be.greaterThan(2);
        produce(5);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 20);
        expect(c.owned(T)).to.deep.equal([0, 0]);
        expect(c.eventsNamed('queueReleased')).to.deep.equal([]);
        fault.remove();
        await rig.advanceUntil('the new queues are there', () => c.owned(T).length === 4, 2 * A_MINUTE);
      });

      it(`a route that is ${name} fails a start, with the reason`, async () => {
        const c = await twoBrokers();
        const fault = answerWith({ code: RequestCode.GET_ROUTEINFO_BY_TOPIC, topic: T }, Buffer.from(body));
        c.consumer.subscribe(T);
        const error = await rejection(c.start(), RocketMQError);
        expect(codesOf([error])).to.include(code);
        expect(fault.hits).to.be.greaterThan(0);
        expect(rig.clock.timerCount, 'nothing is left running').to.equal(0);
        fault.remove();
        const next = await rig.consume(T, 'c2');
        await rig.advanceUntil('all are consumed', () => next.deliveries.length === 10);
      });
    }

    for (const [name, value, code] of [
      ['past 2^53 - 1', '9223372036854775807', 'ERR_ROCKETMQ_OFFSET_UNSAFE'],
      ['no number', 'NaN', 'ERR_ROCKETMQ_FIELD_MALFORMED'],
      ['missing', undefined, 'ERR_ROCKETMQ_FIELD_MISSING'],
    ] as const) {
      it(`a stored offset that is ${name} is never taken for none`, async () => {
        const c = await twoBrokers();
        const queue = { topic: T, brokerName: 'broker-a', queueId: 0 };
        rig.cluster.setOffset('group', queue, 3);
        const fault = rig.cluster.faults.add({
          code: RequestCode.QUERY_CONSUMER_OFFSET,
          broker: 'broker-a',
          topic: T,
          action: { type: 'rewrite', reply: ext('offset', value) },
        });
        await start(c);
        await rig.advanceUntil('the other broker is consumed', () => offsets(c, 'broker-b').length === 5);
        await rig.advance(A_MINUTE);
        expect(offsets(c, 'broker-a')).to.deep.equal([]);
        expect(rig.committed(T, 0)).to.equal(3);
        expect(commits(rig.cluster, T).filter((commit) => commit.broker === 'broker-a')).to.deep.equal([]);
        expect(c.errors[0]?.code).to.equal('ERR_ROCKETMQ_START_OFFSET');
        expect(codesOf(c.errors)).to.include(code);
        fault.remove();
        await rig.advanceUntil('the rest is consumed', () => offsets(c, 'broker-a').length === 2, 5_000);
        expect(offsets(c, 'broker-a')).to.deep.equal([3, 4]);
      });
    }

    function answerWith(rule: Omit<FaultRule, 'action'>, body: Buffer): ReturnType<Rig['cluster']['faults']['add']> {
      return rig.cluster.faults.add({ ...rule, action: { type: 'rewrite', reply: (answer) => ({ ...answer, body }) } });
    }
  });

  describe('in a request of the broker', () => {
    const unusable: [name: string, request: RequestCommand, words: string][] = [
      ['a reset without a body', reset(Buffer.alloc(0)), 'JSON'],
      ['a reset whose body is cut', reset(Buffer.from('{"offsetTable":{{"brokerName":"broker-a","que')), 'JSON'],
      ['a reset past 2^53 - 1', reset(Buffer.from('{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:9007199254740993}}')), '2^53'], // prettier-ignore
      ['a reset without a topic', { ...reset(Buffer.from('{"offsetTable":{}}')), extFields: { group: 'group' } }, 'topic'], // prettier-ignore
      ['a question without a group', { code: RequestCode.GET_CONSUMER_RUNNING_INFO }, 'consumerGroup'],
      ['a question for a status without a topic', { code: RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, extFields: { group: 'group' } }, 'topic'], // prettier-ignore
      ['a notice without a group', { code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED }, 'consumerGroup'],
    ];
    for (const [name, request, words] of unusable) {
      it(`${name} is refused in words, and changes nothing`, async () => {
        const c = await twoBrokers();
        await start(c);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
        const answer = await rig.cluster.callClient('group', request);
        expect(answer.code).to.equal(ResponseCode.SYSTEM_ERROR);
        expect(answer.remark).to.contain(words);
        rig.cluster.tellClient('group', request);
        await rig.advance(10_000);
        expect(connectionsTo('broker-a')).to.equal(1);
        expect([rig.committed(T, 0), rig.committed(T, 0, 'group', 'broker-b')]).to.deep.equal([5, 5]);
        expect(c.eventsNamed('offsetReset')).to.deep.equal([]);
        produce(5);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 20);
        expect(offsets(c, 'broker-a')).to.deep.equal(numbers(10));
      });
    }

    it('a message for the listener that is cut is answered as a failure, and no listener sees it', async () => {
      const c = await twoBrokers();
      await start(c);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
      const [message] = rig.cluster.messages(T);
      const record = message === undefined ? Buffer.alloc(0) : encodeMessage(message.toRecord());
      const answer = await rig.cluster.callClient('group', {
        code: RequestCode.CONSUME_MESSAGE_DIRECTLY,
        extFields: { consumerGroup: 'group', clientId: c.consumer.clientId, brokerName: 'broker-a', topic: T },
        body: record.subarray(0, -5),
      });
      expect(JSON.parse(answer.body.toString())).to.include({ consumeResult: 'CR_THROW_EXCEPTION' });
      expect(c.deliveries.length).to.equal(10);
    });

    it('an unknown code is answered as such, with the connection kept', async () => {
      const c = await twoBrokers();
      await start(c);
      const answer = await rig.cluster.callClient('group', { code: 4_711, body: Buffer.from('?') });
      expect(answer.code).to.equal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
      expect(connectionsTo('broker-a')).to.equal(1);
    });

    for (const [name, bytes, code] of [
      ['that can not be read', frame(0, Buffer.from('{"code":40')), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
      ['over 16 MiB', int32(16_777_217), 'ERR_ROCKETMQ_FRAME_TOO_LARGE'],
      ['that is noise', Buffer.alloc(64, 0xff), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
    ] as const) {
      it(`a frame ${name} ends the connection; it is made anew at once, with no lock or message lost`, async () => {
        const c = await twoBrokers();
        await start(c);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
        await rig.until('the pull is held', () => rig.cluster.broker('broker-a').heldPulls > 0);
        const [connection] = rig.cluster.journal.requests({ broker: 'broker-a', code: RequestCode.HEART_BEAT });
        const fault = rig.cluster.faults.add({
          code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
          broker: 'broker-a',
          times: 1,
          action: { type: 'raw', bytes },
        });
        rig.cluster.journal.clear();
        rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
        await rig.until('it was sent', () => fault.hits === 1);
        produce(5);
        await rig.advanceUntil('all are consumed', () => c.deliveries.length === 20, 10_000);
        for (const brokerName of ['broker-a', 'broker-b']) expect(offsets(c, brokerName)).to.deep.equal(numbers(10));
        expect(c.errors.some((error) => error instanceof ConnectionError && error.cause instanceof ProtocolError && error.cause.code === code)).to.equal(true); // prettier-ignore
        const beats = rig.cluster.journal.requests({ broker: 'broker-a', code: RequestCode.HEART_BEAT });
        expect(beats[0]?.connection).to.not.equal(connection?.connection);
        expect(connectionsTo('broker-b')).to.equal(1);
        expect(c.eventsNamed('queueLost')).to.deep.equal([]);
      });
    }
  });
});

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** A frame with this header, which may lie about how long it is. */
function frame(headerType: number, header: Buffer, headerLength = header.length): Buffer {
  return Buffer.concat([int32(4 + header.length), int32((headerType << 24) | headerLength), header]);
}

function bodyOf(answer: ResponseCommand): Buffer {
  return answer.body ?? Buffer.alloc(0);
}

function ext(name: string, value: string | undefined): (answer: ResponseCommand) => ResponseCommand {
  return (answer) => ({ ...answer, extFields: { ...answer.extFields, [name]: value } });
}

/** Changes the body of an answer, in which the message to be damaged begins at `at`. */
type Damage = (body: Buffer, at: number) => Buffer;

function int32At(position: number, value: number): Damage {
  return (body, at) => {
    body.writeInt32BE(value, at + position);
    return body;
  };
}

/** Damages the message at an offset, in each answer that carries it, and leaves out those behind the fifth. */
function damaged(offset: number, change: Damage): (answer: ResponseCommand) => ResponseCommand {
  return (answer) => {
    const { messages } = decodeMessages(bodyOf(answer), { brokerName: '' });
    const records = messages.map((message) => encodeMessage(message.toRecord()));
    const index = messages.findIndex((message) => message.queueOffset === offset);
    if (index === -1) return answer;
    const first = messages[0]?.queueOffset ?? 0;
    const body = Buffer.concat(records.slice(0, 5 - first));
    return { ...answer, body: change(body, Buffer.concat(records.slice(0, index)).length) };
  };
}

function reset(body: Buffer): RequestCommand {
  return {
    code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
    extFields: { topic: T, group: 'group', timestamp: '-1', isForce: 'true' },
    body,
  };
}

/** The codes of errors and of everything that caused them. */
function codesOf(errors: readonly unknown[]): string[] {
  const codes: string[] = [];
  for (let error of errors) {
    while (error instanceof RocketMQError) {
      codes.push(error.code);
      error = error.cause;
    }
  }
  return codes;
}
