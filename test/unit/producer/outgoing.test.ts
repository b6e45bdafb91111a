import { expect } from 'chai';
import { MessageFormatError, ValidationError } from '../../../lib/errors.js';
import { OutgoingFactory, type OutgoingOptions } from '../../../lib/producer/outgoing.js';
import type { ProducerMessage } from '../../../lib/producer/producer-message.js';
import { decodeBatch, encodeBatch } from '../../../lib/protocol/message.js';
import { MessageIdGenerator } from '../../../lib/protocol/message-id.js';
import { parseProperties } from '../../../lib/protocol/properties.js';
import { FakeClock } from '../../support/fake-clock.js';

const MAX = 4 * 1024 * 1024;

function factory(options: Partial<OutgoingOptions> = {}): OutgoingFactory {
  return new OutgoingFactory(
    { namespace: undefined, maxMessageSize: MAX, interopShardingKey: false, ...options },
    new MessageIdGenerator('127.0.0.1'),
    new FakeClock(),
  );
}

function properties(message: Partial<ProducerMessage>, options?: Partial<OutgoingOptions>): Record<string, string> {
  return parseProperties(factory(options).message({ topic: 'Orders', body: 'x', ...message }).properties);
}

function errorOf(action: () => unknown): ValidationError {
  try {
    action();
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('outgoing', () => {
  describe('message', () => {
    it('has an id, waits to be stored, and else carries what it was given', () => {
      const message = { topic: 'Orders', body: 'x' };
      const outgoing = factory().message(message);
      expect(outgoing).to.include({
        topic: 'Orders',
        wireTopic: 'Orders',
        flag: 0,
        batch: false,
        shardingKey: undefined,
      });
      expect(outgoing.source).to.equal(message);
      expect(outgoing.body.toString()).to.equal('x');
      expect(outgoing.msgId).to.match(/^7F000001[0-9A-F]{24}$/);
      expect(outgoing.properties).to.equal(`UNIQ_KEY\u0001${outgoing.msgId}\u0002WAIT\u0001true\u0002`);
    });

    it('has an id of its own each time', () => {
      const { message } = { message: factory() };
      const ids = Array.from({ length: 1_000 }, () => message.message({ topic: 'T', body: 'x' }).msgId);
      expect(new Set(ids).size).to.equal(1_000);
    });

    it('takes text as UTF-8, and bytes without copying them', () => {
      const bytes = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
      const body = factory().message({ topic: 'T', body: bytes }).body;
      expect([...body]).to.deep.equal([1, 2]);
      expect(body.buffer).to.equal(bytes.buffer);
      expect(factory().message({ topic: 'T', body: '中' }).body).to.have.length(3);
    });

    it('puts the properties into the order of the reference', () => {
      const { properties: text, msgId } = factory().message({
        topic: 'Orders',
        body: 'x',
        properties: { colour: 'red' },
        tags: 'Paid',
        keys: ['k1', 'k2'],
        shardingKey: 'order-1',
        delayTimeLevel: 3,
        waitStoreMsgOk: false,
      });
      expect(text).to.equal(
        `KEYS\u0001k1 k2\u0002UNIQ_KEY\u0001${msgId}\u0002WAIT\u0001false\u0002TAGS\u0001Paid\u0002` +
          '__SHARDINGKEY\u0001order-1\u0002DELAY\u00013\u0002colour\u0001red\u0002',
      );
    });

    it("has the sharding key under the Go client's name too when that is wished", () => {
      const both = properties({ shardingKey: 'order-1' }, { interopShardingKey: true });
      expect(both).to.include({ __SHARDINGKEY: 'order-1', SHARDING_KEY: 'order-1' });
      expect(properties({ shardingKey: 'order-1' })).not.to.have.property('SHARDING_KEY');
      expect(properties({}, { interopShardingKey: true })).not.to.have.property('SHARDING_KEY');
    });

    it('is delayed by a level, until a time, or for a time', () => {
      expect(properties({ delayTimeLevel: 18 })).to.include({ DELAY: '18' });
      expect(properties({ deliverAt: 1_700_000_000_000 })).to.include({ TIMER_DELIVER_MS: '1700000000000' });
      expect(properties({ deliverAt: new Date(1_700_000_000_000) })).to.include({ TIMER_DELIVER_MS: '1700000000000' });
      expect(properties({ delayMs: 1_500 })).to.include({ TIMER_DELAY_MS: '1500' });
      expect(properties({ delayMs: 0, delayTimeLevel: 0 })).to.have.all.keys('UNIQ_KEY', 'WAIT');
    });

    it('has its namespace before the topic and among the properties', () => {
      const outgoing = factory({ namespace: 'ns' }).message({ topic: 'Orders', body: 'x' });
      expect(outgoing).to.include({ topic: 'Orders', wireTopic: 'ns%Orders' });
      expect(parseProperties(outgoing.properties)).to.include({ INSTANCE_ID: 'ns' });
    });

    it('takes an empty list of keys for none', () => {
      expect(properties({ keys: [] })).not.to.have.property('KEYS');
    });

    describe('is refused', () => {
      const refusals: [what: string, message: unknown, field: string][] = [
        ['that is none', undefined, 'message'],
        ['without topic', { body: 'x' }, 'message.topic'],
        ['with an empty topic', { topic: '', body: 'x' }, 'message.topic'],
        ['with a topic of other characters', { topic: 'a.b', body: 'x' }, 'message.topic'],
        ['with a topic of 128 characters', { topic: 'a'.repeat(128), body: 'x' }, 'message.topic'],
        ['for a topic of the broker', { topic: 'SCHEDULE_TOPIC_XXXX', body: 'x' }, 'message.topic'],
        ['without body', { topic: 'T' }, 'message.body'],
        ['with an empty body', { topic: 'T', body: Buffer.alloc(0) }, 'message.body'],
        ['with an object as body', { topic: 'T', body: {} }, 'message.body'],
        ['with || in its tag', { topic: 'T', body: 'x', tags: 'a||b' }, 'message.tags'],
        ['with white space in a key', { topic: 'T', body: 'x', keys: ['a b'] }, 'message.keys'],
        ['with an empty sharding key', { topic: 'T', body: 'x', shardingKey: '' }, 'message.shardingKey'],
        [
          'with a separator in its sharding key',
          { topic: 'T', body: 'x', shardingKey: 'a\u0001' },
          'message.shardingKey',
        ],
        ['with a reserved property', { topic: 'T', body: 'x', properties: { TAGS: 'a' } }, 'message.properties.TAGS'],
        [
          'with the property of delays',
          { topic: 'T', body: 'x', properties: { DELAY: '1' } },
          'message.properties.DELAY',
        ],
        [
          'with a separator in a property',
          { topic: 'T', body: 'x', properties: { a: 'b\u0002' } },
          'message.properties.a',
        ],
        [
          'with properties of 32 KiB',
          { topic: 'T', body: 'x', properties: { a: 'b'.repeat(32_767) } },
          'message.properties',
        ],
        ['with a flag that is no int32', { topic: 'T', body: 'x', flag: 2 ** 31 }, 'message.flag'],
        [
          'with a waitStoreMsgOk that is no boolean',
          { topic: 'T', body: 'x', waitStoreMsgOk: 1 },
          'message.waitStoreMsgOk',
        ],
        [
          'with a delay level brokers do not have',
          { topic: 'T', body: 'x', delayTimeLevel: 19 },
          'message.delayTimeLevel',
        ],
        ['with a negative delay', { topic: 'T', body: 'x', delayMs: -1 }, 'message.delayMs'],
        ['for a time that is none', { topic: 'T', body: 'x', deliverAt: new Date(Number.NaN) }, 'message.deliverAt'],
        ['with two delays', { topic: 'T', body: 'x', delayMs: 1, delayTimeLevel: 1 }, 'message'],
        ['with an unknown field', { topic: 'T', body: 'x', shardingkey: 'a' }, 'message.shardingkey'],
      ];
      for (const [what, message, field] of refusals) {
        it(what, () => expect(errorOf(() => factory().message(message as ProducerMessage)).field).to.equal(field));
      }

      it('with a hint for the names of other clients', () => {
        const message = { topic: 'T', body: 'x', messageGroup: 'g' } as ProducerMessage;
        expect(errorOf(() => factory().message(message)).message).to.include("the field 'shardingKey'");
      });

      it('with a topic that is too long with its namespace', () => {
        const message = { topic: 'a'.repeat(120), body: 'x' };
        expect(errorOf(() => factory({ namespace: 'namespace' }).message(message)).field).to.equal('message.topic');
        expect(factory({ namespace: 'names' }).message(message).wireTopic).to.have.length(126);
      });

      it('with a body that is too long, as such', () => {
        for (const body of ['中'.repeat(34), Buffer.alloc(101), new Uint8Array(101)]) {
          const send = (): unknown => factory({ maxMessageSize: 100 }).message({ topic: 'T', body });
          expect(send).to.throw(MessageFormatError).with.property('code', 'ERR_ROCKETMQ_BODY_TOO_LARGE');
        }
        expect(factory({ maxMessageSize: 100 }).message({ topic: 'T', body: Buffer.alloc(100) }).body).to.have.length(
          100,
        );
      });
    });
  });

  describe('batch', () => {
    const message = (fields: Partial<ProducerMessage> = {}): ProducerMessage => ({ topic: 'T', body: 'x', ...fields });

    it('is the mini records of its messages', () => {
      const outgoing = factory().batch(
        [message({ tags: 'a', keys: 'k', flag: 7 }), message({ body: 'yy', properties: { own: 'p' } })],
        false,
      );
      const ids = outgoing.msgId.split(',');
      expect(ids).to.have.length(2);
      const records = [
        {
          flag: 7,
          body: Buffer.from('x'),
          properties: `KEYS\u0001k\u0002UNIQ_KEY\u0001${ids[0]}\u0002WAIT\u0001true\u0002TAGS\u0001a\u0002`,
        },
        {
          flag: 0,
          body: Buffer.from('yy'),
          properties: `UNIQ_KEY\u0001${ids[1]}\u0002WAIT\u0001true\u0002own\u0001p\u0002`,
        },
      ];
      expect(outgoing.body.equals(encodeBatch(records))).to.equal(true);
      expect(decodeBatch(outgoing.body)).to.deep.equal(records);
      expect(outgoing).to.include({ batch: true, flag: 0, topic: 'T', wireTopic: 'T' });
    });

    it('is byte by byte what the reference makes of it, but for the id it adds', () => {
      const outgoing = factory().batch([message({ tags: 'a', keys: 'k' })], false);
      // The reference's record of this message before it got its id, which is put between the keys and WAIT.
      const golden = '0000002f000000000000000000000000000000017800184b455953016b025741495401747275650254414753016102';
      const id = Buffer.from(`UNIQ_KEY\u0001${outgoing.msgId}\u0002`);
      const expected = Buffer.concat([
        Buffer.from(golden.slice(0, 23 * 2 + 7 * 2), 'hex'),
        id,
        Buffer.from(golden.slice(23 * 2 + 7 * 2), 'hex'),
      ]);
      expected.writeInt32BE(0x2f + id.length, 0);
      expected.writeInt16BE(0x18 + id.length, 21);
      expect(outgoing.body.toString('hex')).to.equal(expected.toString('hex'));
    });

    it('has properties of its own that are true for each message, as brokers of 4.x give them to each', () => {
      const outgoing = factory({ namespace: 'ns' }).batch([message({ waitStoreMsgOk: false })], false);
      expect(parseProperties(outgoing.properties)).to.deep.equal({ WAIT: 'false', INSTANCE_ID: 'ns' });
      expect(outgoing.wireTopic).to.equal('ns%T');
      expect(parseProperties(decodeBatch(outgoing.body)[0]?.properties ?? '')).to.include({ INSTANCE_ID: 'ns' });
    });

    it('has the sharding key of its messages', () => {
      const keyed = message({ shardingKey: 'a' });
      expect(factory().batch([keyed, keyed], false).shardingKey).to.equal('a');
      expect(factory().batch([message(), message()], false).shardingKey).to.equal(undefined);
    });

    it('may have several sharding keys when its queue is given, and then has none', () => {
      const batch = [message({ shardingKey: 'a' }), message({ shardingKey: 'b' })];
      expect(factory().batch(batch, true).shardingKey).to.equal(undefined);
      expect(errorOf(() => factory().batch(batch, false)).field).to.equal('messages[1].shardingKey');
    });

    describe('is refused', () => {
      const refusals: [what: string, messages: unknown, field: string][] = [
        ['that is none', message(), 'messages'],
        ['without messages', [], 'messages'],
        ['with a message that is none', [message(), null], 'messages[1]'],
        ['of two topics', [message(), message({ topic: 'U' })], 'messages[1].topic'],
        ['for a retry topic', [message({ topic: '%RETRY%g' })], 'messages[0].topic'],
        ['that half waits', [message(), message({ waitStoreMsgOk: false })], 'messages[1].waitStoreMsgOk'],
        ['with a delay level', [message({ delayTimeLevel: 1 })], 'messages[0].delayTimeLevel'],
        ['with a delivery time', [message(), message({ deliverAt: 1 })], 'messages[1].deliverAt'],
        ['with a delay', [message({ delayMs: 1 })], 'messages[0].delayMs'],
        ['with an empty body', [message({ body: '' })], 'messages[0].body'],
        ['with long properties', [message({ properties: { a: 'b'.repeat(32_760) } })], 'messages[0].properties'],
      ];
      for (const [what, messages, field] of refusals) {
        it(what, () => {
          expect(errorOf(() => factory().batch(messages as ProducerMessage[], false)).field).to.equal(field);
        });
      }

      it('when its messages together are too long', () => {
        const half = message({ body: Buffer.alloc(50) });
        const send = (): unknown => factory({ maxMessageSize: 200 }).batch([half, half], false);
        expect(send).to.throw(MessageFormatError, 'the batch has').with.property('code', 'ERR_ROCKETMQ_BODY_TOO_LARGE');
      });
    });
  });
});
