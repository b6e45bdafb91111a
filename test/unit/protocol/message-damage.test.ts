import { expect } from 'chai';
import fc from 'fast-check';
import { decodeMessages, encodeBatch, encodeMessage } from '../../../lib/protocol/message.js';
import type { DecodedMessages, StoredMessage } from '../../../lib/protocol/message.js';
import { INNER_BATCH_MASK } from '../../../lib/protocol/sys-flag.js';
import { anyRecord, GOLDEN_BYTES, GOLDEN_RECORD, GOLDEN_V6_BYTES, GOLDEN_V6_RECORD } from './records.js';
import { anyBuffer } from './wire.js';

const source = { brokerName: 'broker-a', topic: 'T1' };

/** Looks at everything a message has, so that a read past the end shows. */
function lookAtAll(message: StoredMessage): void {
  const { msgId, offsetMsgId, bornHost, storeHost, properties, keys, tags, shardingKey } = message;
  expect([msgId, offsetMsgId, bornHost, storeHost, properties, keys].includes(undefined as never)).to.equal(false);
  expect([tags, shardingKey].every((text) => text === undefined || typeof text === 'string')).to.equal(true);
  expect(() => encodeMessage(message.toRecord())).not.to.throw(RangeError);
}

function decodeAndLook(bytes: Buffer): DecodedMessages {
  const decoded = decodeMessages(bytes, source);
  for (const message of decoded.messages) lookAtAll(message);
  return decoded;
}

describe('damaged stored messages', () => {
  const batch = encodeMessage({
    ...GOLDEN_RECORD,
    sysFlag: INNER_BATCH_MASK,
    body: encodeBatch([{ flag: 0, body: Buffer.from('x'), properties: 'a\u0001b\u0002' }]),
  });
  const samples = {
    'version 1': GOLDEN_BYTES,
    'version 2': encodeMessage(GOLDEN_RECORD, 2),
    'IPv6 hosts': GOLDEN_V6_BYTES,
    'an inner batch': batch,
  };

  for (const [name, bytes] of Object.entries(samples)) {
    it(`cut short at any length yield what came before and an error: ${name}`, () => {
      for (let length = 1; length < bytes.length; length++) {
        const { messages, error } = decodeAndLook(Buffer.concat([GOLDEN_BYTES, bytes.subarray(0, length)]));
        expect(messages, `${length}`).to.have.length(1);
        expect(error?.code, `${length}`).to.equal('ERR_ROCKETMQ_MESSAGE_TRUNCATED');
        expect(error?.context).to.deep.equal({ at: GOLDEN_BYTES.length, length: GOLDEN_BYTES.length + length });
      }
    });

    it(`cut short with a size that admits to it yield an error or a message, never anything else: ${name}`, () => {
      for (let length = 4; length < bytes.length; length++) {
        const cut = Buffer.from(bytes.subarray(0, length));
        cut.writeInt32BE(length, 0);
        const { messages, error } = decodeAndLook(cut);
        expect(messages, `${length}`).to.have.length(0);
        expect(error?.code, `${length}`).to.match(/MESSAGE_TRUNCATED|MESSAGE_MALFORMED/);
      }
    });

    it(`with one byte changed anywhere yield messages or an error, never anything else: ${name}`, () => {
      for (let at = 0; at < bytes.length; at++) {
        for (const value of [0x00, 0x7f, 0x80, 0xff]) {
          const changed = Buffer.from(bytes);
          changed.writeUInt8(value, at);
          const { error } = decodeAndLook(changed);
          expect(error === undefined || error.name === 'MessageFormatError', `byte ${at}`).to.equal(true);
        }
      }
    });
  }

  it('of random bytes behind a plausible head yield messages or an error', () => {
    fc.assert(
      fc.property(anyBuffer(200), fc.constantFrom(0xa7, 0xab), (noise, magic) => {
        const bytes = Buffer.concat([Buffer.from([0, 0, 0, 8 + noise.length, 0xda, 0xa3, 0x20, magic]), noise]);
        const { messages, error } = decodeAndLook(bytes);
        expect(messages.length > 0 || error !== undefined).to.equal(true);
      }),
      { numRuns: 300 },
    );
  });

  it('end the reading at an unknown magic', () => {
    for (const magic of [0, 0xdaa320a8, 0xcbd43194]) {
      const unknown = Buffer.from(GOLDEN_BYTES);
      unknown.writeUInt32BE(magic, 4);
      const { messages, error } = decodeMessages(Buffer.concat([GOLDEN_BYTES, unknown, GOLDEN_BYTES]), source);
      expect(messages).to.have.length(1);
      expect(error?.code).to.equal('ERR_ROCKETMQ_MESSAGE_MAGIC');
      expect(error?.context).to.deep.equal({ at: GOLDEN_BYTES.length, magic: magic.toString(16) });
    }
  });

  const at = { size: 0, bodyLength: 84, topicLength: 93, propertiesLength: 96 };
  const damages: Record<string, (bytes: Buffer) => unknown> = {
    'a size of 0': (bytes) => bytes.writeInt32BE(0, at.size),
    'a negative size': (bytes) => bytes.writeInt32BE(-1, at.size),
    'a size too small for any message': (bytes) => bytes.writeInt32BE(90, at.size),
    'a negative body length': (bytes) => bytes.writeInt32BE(-1, at.bodyLength),
    'a body that reaches past the record': (bytes) => bytes.writeInt32BE(68, at.bodyLength),
    'a body of 2 GiB': (bytes) => bytes.writeInt32BE(0x7fffffff, at.bodyLength),
    'a topic that reaches past the record': (bytes) => bytes.writeUInt8(255, at.topicLength),
    'properties that reach past the record': (bytes) => bytes.writeInt16BE(59, at.propertiesLength),
    'properties of a negative length': (bytes) => bytes.writeInt16BE(-1, at.propertiesLength),
    'a queue offset past 2^53 - 1': (bytes) => bytes.writeBigInt64BE(2n ** 53n, 20),
    'a commit log offset past 2^53 - 1': (bytes) => bytes.writeBigInt64BE(2n ** 63n - 1n, 28),
  };
  for (const [name, damage] of Object.entries(damages)) {
    it(`are refused with ${name}`, () => {
      const bytes = Buffer.from(GOLDEN_BYTES);
      damage(bytes);
      const { messages, error } = decodeMessages(bytes, source);
      expect(messages).to.have.length(0);
      expect(error?.code).to.equal('ERR_ROCKETMQ_MESSAGE_MALFORMED');
    });
  }

  it('are refused when IPv6 hosts do not fit a record of the least size', () => {
    const bytes = encodeMessage({ ...GOLDEN_V6_RECORD, body: Buffer.alloc(0), topic: '', properties: '' }).subarray(
      0,
      91,
    );
    bytes.writeInt32BE(91, 0);
    expect(decodeMessages(bytes, source).error?.message).to.include('its hosts do not fit');
  });

  it('do not end the reading when a record is longer than its fields', () => {
    // A later version may append fields; the size says where the next record begins.
    const longer = Buffer.concat([GOLDEN_BYTES, Buffer.from([1, 2, 3])]);
    longer.writeInt32BE(longer.length, 0);
    const { messages, error } = decodeMessages(Buffer.concat([longer, GOLDEN_BYTES]), source);
    expect(error).to.equal(undefined);
    expect(messages.map((message) => message.storeSize)).to.deep.equal([159, 156]);
  });

  it('never hide what came before them', () => {
    fc.assert(
      fc.property(fc.array(anyRecord(), { maxLength: 3 }), anyBuffer(90), (records, tail) => {
        fc.pre(tail.length > 0);
        const good = Buffer.concat(records.map((record) => encodeMessage(record)));
        const { messages, error } = decodeMessages(Buffer.concat([good, tail]), source);
        expect(messages.map((message) => message.toRecord())).to.deep.equal(records);
        expect(error?.code).to.equal('ERR_ROCKETMQ_MESSAGE_TRUNCATED');
      }),
    );
  });

  it('are none where there are no bytes', () => {
    expect(decodeMessages(Buffer.alloc(0), source)).to.deep.equal({ messages: [] });
  });
});
