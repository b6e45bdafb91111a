import { expect } from 'chai';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { decodeMessages, encodeBatch, encodeMessage, messageBodyCrc } from '../../../lib/protocol/message.js';
import type { MessageRecord, StoredMessage } from '../../../lib/protocol/message.js';
import { INNER_BATCH_MASK, MessageSysFlag } from '../../../lib/protocol/sys-flag.js';
import { anyRecord, GOLDEN_BYTES, GOLDEN_RECORD, GOLDEN_V6_BYTES, GOLDEN_V6_RECORD } from './records.js';
import { errorOf } from './wire.js';

const source = { brokerName: 'broker-a' };

/** The one message of these bytes. */
function decodeOne(bytes: Buffer): StoredMessage {
  const { messages, error } = decodeMessages(bytes, source);
  expect(error).to.equal(undefined);
  expect(messages).to.have.length(1);
  return messages[0] as StoredMessage;
}

/** Each way to look at a message for the first time. */
const FIRST_LOOKS: Readonly<Record<string, (message: StoredMessage) => unknown>> = {
  body: (message) => message.body,
  'raw body': (message) => message.rawBody,
  properties: (message) => message.properties,
  tags: (message) => message.tags,
  flag: (message) => message.flag,
  bodyCrc: (message) => message.bodyCrc,
  storeSize: (message) => message.storeSize,
  offsetMsgId: (message) => message.offsetMsgId,
  bornTimestamp: (message) => message.bornTimestamp,
  storeTimestamp: (message) => message.storeTimestamp,
  bornHost: (message) => message.bornHost,
  storeHost: (message) => message.storeHost,
  commitLogOffset: (message) => message.commitLogOffset,
  preparedTransactionOffset: (message) => message.preparedTransactionOffset,
};

describe('stored messages in memory that is used again', () => {
  for (const [name, look] of Object.entries(FIRST_LOOKS)) {
    it(`are the same, whatever is looked at first: ${name}`, () => {
      fc.assert(
        fc.property(fc.array(anyRecord(), { minLength: 1, maxLength: 3 }), (records) => {
          const bytes = Buffer.concat(records.map((record) => encodeMessage(record)));
          const lasting = decodeMessages(Buffer.from(bytes), source).messages;
          const { messages } = decodeMessages(bytes, { ...source, volatile: true });
          bytes.fill(0xa5);
          messages.forEach((message, i) => {
            const expected = lasting[i] as StoredMessage;
            expect(look(message)).to.deep.equal(look(expected));
            expect(message.storeSize).to.equal(expected.storeSize);
            expect(message.toRecord()).to.deep.equal(expected.toRecord());
          });
        }),
        { numRuns: 30 },
      );
    });
  }

  it('hold on to themselves alone once they were looked at', () => {
    const bytes = Buffer.concat(Array.from({ length: 32 }, () => GOLDEN_BYTES));
    const { messages } = decodeMessages(bytes, { ...source, volatile: true });
    const message = messages[5] as StoredMessage;
    expect(message.body.toString()).to.equal('hello');
    expect(message.recordBytes.length).to.equal(GOLDEN_BYTES.length);
  });

  it('are the same out of an inner batch', () => {
    const content = encodeBatch([
      { flag: 1, body: Buffer.from('one'), properties: 'TAGS\u0001A' },
      { flag: 2, body: Buffer.from('two'), properties: '' },
    ]);
    const bytes = encodeMessage({ ...GOLDEN_RECORD, sysFlag: INNER_BATCH_MASK, body: content, bodyCrc: undefined });
    const { messages } = decodeMessages(bytes, { ...source, volatile: true });
    const expected = decodeMessages(Buffer.from(bytes), source).messages;
    bytes.fill(0);
    expect(messages.map((message) => message.body.toString())).to.deep.equal(['one', 'two']);
    expect(messages.map((message) => message.toRecord())).to.deep.equal(expected.map((message) => message.toRecord()));
  });
});

describe('stored messages', () => {
  it('are written as the reference writes them', () => {
    expect(encodeMessage(GOLDEN_RECORD).toString('hex')).to.equal(GOLDEN_BYTES.toString('hex'));
    expect(messageBodyCrc(GOLDEN_RECORD.body)).to.equal(GOLDEN_RECORD.bodyCrc);
    expect(encodeMessage(GOLDEN_V6_RECORD).toString('hex')).to.equal(GOLDEN_V6_BYTES.toString('hex'));
  });

  it('are read as the reference wrote them', () => {
    const message = decodeOne(GOLDEN_BYTES);
    expect(message.toRecord()).to.deep.equal(GOLDEN_RECORD);
    expect(message).to.include({
      brokerName: 'broker-a',
      bodyLength: 5,
      storeSize: 156,
      isCompressed: false,
      tags: 'TagA',
      shardingKey: undefined,
      msgId: '0A00000104D218B4AAC20000000000',
      offsetMsgId: '0A00000200002A9F000000000001E240',
      bodyCrc: 907060870,
    });
    expect(message.body.toString()).to.equal('hello');
    expect(message.keys).to.deep.equal(['k1']);
    expect(message.properties).to.deep.equal({
      KEYS: 'k1',
      UNIQ_KEY: '0A00000104D218B4AAC20000000000',
      TAGS: 'TagA',
    });
  });

  it('are read with IPv6 hosts, and have an id of 56 digits without one of the sender', () => {
    const message = decodeOne(GOLDEN_V6_BYTES);
    expect(message.toRecord()).to.deep.equal(GOLDEN_V6_RECORD);
    expect(message.offsetMsgId).to.equal('FE80000000000000000A00000000000100002A9F000000000001E240');
    expect(message.msgId).to.equal(message.offsetMsgId);
  });

  it('survive encoding and decoding, in both versions and several in a row', () => {
    fc.assert(
      fc.property(fc.array(anyRecord(), { maxLength: 4 }), fc.constantFrom(1, 2, undefined), (records, version) => {
        const bytes = Buffer.concat(records.map((record) => encodeMessage(record, version)));
        const { messages, error } = decodeMessages(bytes, source);
        expect(error).to.equal(undefined);
        expect(messages.map((message) => message.toRecord())).to.deep.equal(records);
        expect(Buffer.concat(messages.map((message) => encodeMessage(message.toRecord(), version)))).to.deep.equal(
          bytes,
        );
      }),
    );
  });

  it('have two magics, of which the second takes long topics', () => {
    const short = encodeMessage(GOLDEN_RECORD, 2);
    expect(short.readUInt32BE(4)).to.equal(0xdaa320ab);
    expect(decodeOne(short).toRecord()).to.deep.equal(GOLDEN_RECORD);
    const topic = 't'.repeat(128);
    const long = encodeMessage({ ...GOLDEN_RECORD, topic });
    expect(long.readUInt32BE(4)).to.equal(0xdaa320ab);
    expect(decodeOne(long).topic).to.equal(topic);
    expect(encodeMessage({ ...GOLDEN_RECORD, topic: 't'.repeat(127) }).readUInt32BE(4)).to.equal(0xdaa320a7);
  });

  const unwritable: Record<string, [change: Partial<MessageRecord>, version?: 1 | 2]> = {
    'a topic too long for its version': [{ topic: 't'.repeat(128) }, 1],
    'a topic too long for any version': [{ topic: 't'.repeat(32_768) }],
    'properties that are too long': [{ properties: 'p'.repeat(32_768) }],
    'a host that is no address': [{ storeHost: 'localhost:10911' }],
  };
  for (const [name, [change, version]] of Object.entries(unwritable)) {
    it(`are not written with ${name}`, () => {
      const write = (): Buffer => encodeMessage({ ...GOLDEN_RECORD, ...change }, version);
      expect(errorOf(write).code).to.match(/INVALID_ARGUMENT|FIELD_MALFORMED/);
    });
  }

  it('are written with the check value of their body unless given one', () => {
    const message = decodeOne(encodeMessage({ ...GOLDEN_RECORD, bodyCrc: undefined }));
    expect(message.bodyCrc).to.equal(907060870);
  });

  it('are written with the bits that fit their hosts, whatever the record says', () => {
    const both = MessageSysFlag.BORNHOST_V6 | MessageSysFlag.STOREHOST_V6;
    expect(decodeOne(encodeMessage({ ...GOLDEN_RECORD, sysFlag: both })).sysFlag).to.equal(0);
    expect(decodeOne(encodeMessage({ ...GOLDEN_V6_RECORD, sysFlag: 0 })).sysFlag).to.equal(both);
  });

  describe('are lazy', () => {
    it('and share the buffer they came in', () => {
      const message = decodeOne(GOLDEN_BYTES);
      expect(message.body.buffer).to.equal(GOLDEN_BYTES.buffer);
      expect(message.body).to.equal(message.body);
      expect(message.rawBody).to.deep.equal(message.body);
      expect(message.properties).to.equal(message.properties);
    });

    it('and have the topic right where it changes within a pull', () => {
      const topics = ['T1', 'T1', 'T2', 'T10', 'T1', 'ü', 'T1'];
      const bytes = Buffer.concat(topics.map((topic) => encodeMessage({ ...GOLDEN_RECORD, topic })));
      for (const topic of ['T1', 'T2', undefined]) {
        const { messages } = decodeMessages(bytes, { ...source, topic });
        expect(messages.map((message) => message.topic)).to.deep.equal(topics);
      }
    });
  });

  it('let the SDK replace names, offset and times of delivery', () => {
    const message = decodeOne(GOLDEN_BYTES);
    message.topic = 'ns%T1';
    message.brokerName = 'broker-b';
    message.queueOffset = 7;
    message.reconsumeTimes += 1;
    expect(message).to.include({ topic: 'ns%T1', brokerName: 'broker-b', queueOffset: 7, reconsumeTimes: 1 });
  });

  it('have the offset of the logical queue of a static topic', () => {
    const { messages } = decodeMessages(GOLDEN_BYTES, { ...source, offsetDelta: 1_000 });
    expect(messages[0]?.queueOffset).to.equal(1_042);
  });

  it('read offsets past 32 bits exactly', () => {
    for (const offset of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      const message = decodeOne(encodeMessage({ ...GOLDEN_RECORD, queueOffset: offset, commitLogOffset: offset }));
      expect([message.queueOffset, message.commitLogOffset]).to.deep.equal([offset, offset]);
    }
    expect(decodeOne(encodeMessage({ ...GOLDEN_RECORD, queueOffset: -1 })).queueOffset).to.equal(-1);
  });

  describe('properties', () => {
    const withProperties = (properties: string): StoredMessage =>
      decodeOne(encodeMessage({ ...GOLDEN_RECORD, properties }));

    it('are found one by one', () => {
      const message = withProperties('KEYS\u0001 a  b \u0002__SHARDINGKEY\u0001order-1\u0002');
      expect(message.keys).to.deep.equal(['a', 'b']);
      expect(message.shardingKey).to.equal('order-1');
      expect(message.tags).to.equal(undefined);
      expect(message.getProperty('KEYS')).to.equal(' a  b ');
      expect(message.propertiesText).to.include('__SHARDINGKEY');
    });

    it('hold the sharding key of a Go client under its own name', () => {
      expect(withProperties('SHARDING_KEY\u0001go\u0002').shardingKey).to.equal('go');
    });

    it('may be none', () => {
      const message = withProperties('');
      expect(message.properties).to.deep.equal({});
      expect(message.keys).to.deep.equal([]);
    });
  });

  it('are written with the greatest number of 64 bits where it was read', () => {
    const bytes = Buffer.from(GOLDEN_BYTES);
    // The born timestamp, and the offset of a prepared transaction.
    bytes.writeBigInt64BE(2n ** 63n - 1n, 40);
    bytes.writeBigInt64BE(2n ** 63n - 1n, 76);
    expect(encodeMessage(decodeOne(bytes).toRecord())).to.deep.equal(bytes);
  });

  it('are shown by console.log without their body', () => {
    const text = inspect(decodeOne(GOLDEN_BYTES));
    expect(text).to.include("topic: 'T1'").and.to.include("tags: 'TagA'");
    expect(text).not.to.include('Buffer');
  });

  describe('inner batches', () => {
    const children = [
      { flag: 1, body: Buffer.from('one'), properties: 'TAGS\u0001a\u0002UNIQ_KEY\u0001ID1\u0002' },
      { flag: 2, body: Buffer.from('two'), properties: '' },
      { flag: 3, body: Buffer.alloc(0), properties: 'TAGS\u0001c\u0002' },
    ];
    const record: MessageRecord = {
      ...GOLDEN_RECORD,
      sysFlag: INNER_BATCH_MASK,
      body: encodeBatch(children),
      bodyCrc: undefined,
      reconsumeTimes: 4,
    };
    const bytes = Buffer.concat([encodeMessage(record), encodeMessage({ ...GOLDEN_RECORD, queueOffset: 45 })]);

    it('become messages at consecutive offsets', () => {
      const { messages, error } = decodeMessages(bytes, source);
      expect(error).to.equal(undefined);
      expect(messages.map((message) => message.queueOffset)).to.deep.equal([42, 43, 44, 45]);
      expect(messages.map((message) => message.body.toString())).to.deep.equal(['one', 'two', '', 'hello']);
      expect(messages.map((message) => message.flag)).to.deep.equal([1, 2, 3, 0]);
      expect(messages.map((message) => message.tags)).to.deep.equal(['a', undefined, 'c', 'TagA']);
      expect(messages[0]?.msgId).to.equal('ID1');
      expect(messages[1]).to.include({
        topic: 'T1',
        brokerName: 'broker-a',
        queueId: 1,
        bornHost: '10.0.0.1:1234',
        storeHost: '10.0.0.2:10911',
        bornTimestamp: 1700000000000,
        storeTimestamp: 1700000000001,
        commitLogOffset: 123456,
        offsetMsgId: '0A00000200002A9F000000000001E240',
        reconsumeTimes: 4,
        sysFlag: INNER_BATCH_MASK,
        bodyLength: 3,
        storeSize: 25,
        bodyCrc: 0,
      });
    });

    it('move with the offset of a static topic', () => {
      const { messages } = decodeMessages(bytes, { ...source, offsetDelta: 100 });
      expect(messages.map((message) => message.queueOffset)).to.deep.equal([142, 143, 144, 145]);
    });

    it('stay one record when asked to', () => {
      const { messages } = decodeMessages(bytes, { ...source, expandBatches: false });
      expect(messages.map((message) => message.queueOffset)).to.deep.equal([42, 45]);
      expect(encodeMessage((messages[0] as StoredMessage).toRecord())).to.deep.equal(encodeMessage(record));
    });

    it('need both bits to be one', () => {
      for (const sysFlag of [MessageSysFlag.INNER_BATCH, MessageSysFlag.NEED_UNWRAP]) {
        expect(decodeOne(encodeMessage({ ...record, sysFlag })).body).to.deep.equal(record.body);
      }
    });

    it('are refused when their last message would be past 2^53 - 1', () => {
      const at = (queueOffset: number): Buffer => encodeMessage({ ...record, queueOffset });
      const { messages } = decodeMessages(at(Number.MAX_SAFE_INTEGER - 3), source);
      expect(messages.at(-1)?.queueOffset).to.equal(Number.MAX_SAFE_INTEGER - 1);
      expect(decodeMessages(at(Number.MAX_SAFE_INTEGER - 1), source)).to.deep.include({ messages: [] });
      expect(decodeMessages(at(Number.MAX_SAFE_INTEGER - 1), source).error?.code).to.equal(
        'ERR_ROCKETMQ_MESSAGE_MALFORMED',
      );
    });

    it('that are broken end the reading before them', () => {
      const broken = encodeMessage({ ...record, body: record.body.subarray(0, 30) });
      const { messages, error } = decodeMessages(Buffer.concat([GOLDEN_BYTES, broken, GOLDEN_BYTES]), source);
      expect(messages).to.have.length(1);
      expect(error?.code).to.equal('ERR_ROCKETMQ_MESSAGE_TRUNCATED');
    });
  });
});
