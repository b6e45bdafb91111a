import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_PROPERTIES_LENGTH } from '../../../lib/protocol/message-batch.js';
import { decodeBatch, encodeBatch } from '../../../lib/protocol/message.js';
import { anyBuffer, anyInt32, anyText, errorOf } from './wire.js';

const golden = '0000002f000000000000000000000000000000017800184b455953016b025741495401747275650254414753016102';
const message = {
  flag: 0,
  body: Buffer.from('x'),
  properties: 'KEYS\u0001k\u0002WAIT\u0001true\u0002TAGS\u0001a\u0002',
};

describe('message batch', () => {
  it('is the one of the reference', () => {
    expect(encodeBatch([message]).toString('hex')).to.equal(golden);
    expect(decodeBatch(Buffer.from(golden, 'hex'))).to.deep.equal([message]);
  });

  it('survives encoding and decoding', () => {
    const anyMessage = fc.record({ flag: anyInt32(), body: anyBuffer(), properties: anyText() });
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 5 }), (messages) => {
        expect(decodeBatch(encodeBatch(messages))).to.deep.equal(messages);
      }),
    );
  });

  it('is refused when it is cut short, except between two messages', () => {
    const bytes = encodeBatch([message, message]);
    for (let length = 1; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      if (length === bytes.length / 2) expect(decodeBatch(cut)).to.deep.equal([message]);
      else expect(errorOf(() => decodeBatch(cut)).code, `${length}`).to.equal('ERR_ROCKETMQ_MESSAGE_TRUNCATED');
    }
  });

  const broken: Record<string, (bytes: Buffer) => unknown> = {
    'a size of 0': (bytes) => bytes.writeInt32BE(0, 0),
    'a negative size': (bytes) => bytes.writeInt32BE(-47, 0),
    'a body that is too long': (bytes) => bytes.writeInt32BE(26, 16),
    'a body of a negative length': (bytes) => bytes.writeInt32BE(-1, 16),
    'properties that are too long': (bytes) => bytes.writeInt16BE(25, 21),
  };
  for (const [name, damage] of Object.entries(broken)) {
    it(`is refused with ${name}`, () => {
      const bytes = Buffer.from(golden, 'hex');
      damage(bytes);
      expect(errorOf(() => decodeBatch(bytes)).code).to.equal('ERR_ROCKETMQ_MESSAGE_MALFORMED');
    });
  }

  it('answers any bytes with messages or a MessageFormatError', () => {
    fc.assert(
      fc.property(anyBuffer(100), fc.nat({ max: 60 }), (noise, size) => {
        const bytes = Buffer.concat([Buffer.from([0, 0, 0, size]), noise]);
        try {
          expect(decodeBatch(bytes)).to.be.an('array');
        } catch (error) {
          expect(error).to.have.property('name', 'MessageFormatError');
        }
      }),
    );
  });

  it('takes properties as long as a Java short can tell', () => {
    const properties = 'p'.repeat(MAX_PROPERTIES_LENGTH);
    expect(decodeBatch(encodeBatch([{ ...message, properties }]))[0]?.properties).to.equal(properties);
    const error = errorOf(() => encodeBatch([{ ...message, properties: `${properties}p` }]));
    expect(error.code).to.equal('ERR_ROCKETMQ_INVALID_ARGUMENT');
  });
});
