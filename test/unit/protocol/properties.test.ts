import { expect } from 'chai';
import fc from 'fast-check';
import * as properties from '../../../lib/protocol/properties.js';
import { anyText, errorOf } from './wire.js';

const { decodeProperties, encodeProperties, findProperty, parseProperties, PropertyName } = properties;

/** Text a property can hold. */
const anyPropertyText = (): fc.Arbitrary<string> =>
  anyText({ minLength: 1, maxLength: 12 }).filter((text) => !/[\u0001\u0002]/.test(text));

describe('properties', () => {
  it('have the text form of the reference', () => {
    expect(encodeProperties({ KEYS: 'k', TAGS: 'a', WAIT: 'true' })).to.equal(
      'KEYS\u0001k\u0002TAGS\u0001a\u0002WAIT\u0001true\u0002',
    );
    expect(parseProperties('KEYS\u0001k1\u0002UNIQ_KEY\u0001id\u0002TAGS\u0001TagA\u0002')).to.deep.equal({
      KEYS: 'k1',
      UNIQ_KEY: 'id',
      TAGS: 'TagA',
    });
  });

  it('survive encoding and decoding', () => {
    fc.assert(
      fc.property(fc.dictionary(anyPropertyText(), anyPropertyText(), { noNullPrototype: true }), (record) => {
        const text = encodeProperties(record);
        expect(parseProperties(text)).to.deep.equal(record);
        const bytes = Buffer.from(`xx${text}yy`);
        expect(decodeProperties(bytes, 2, bytes.length - 2)).to.deep.equal(record);
      }),
    );
  });

  it('need no separator at the end', () => {
    expect(parseProperties('a\u0001b')).to.deep.equal({ a: 'b' });
    expect(findProperty('a\u0001b', 'a')).to.equal('b');
  });

  it('are read as tolerantly as the reference reads them', () => {
    const text = 'lonely\u0002\u0001v\u0002n\u0001\u0002\u0002a\u0001b\u0001c\u0002a\u0001last\u0002tail';
    expect(parseProperties(text)).to.deep.equal({ a: 'last' });
    expect(parseProperties('a\u0001b\u0001c\u0002')).to.deep.equal({ a: 'b\u0001c' });
    expect(parseProperties('')).to.deep.equal({});
    expect(parseProperties('\u0002\u0002')).to.deep.equal({});
    expect(parseProperties('\u0001')).to.deep.equal({});
  });

  it('are found one by one as they are found all together', () => {
    // A small alphabet, so that names are parts of values and of each other.
    const unit = fc.constantFrom('a', 'b', '\u0001', '\u0002');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 20 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 }),
        (text, name) => {
          expect(findProperty(text, name)).to.equal(parseProperties(text)[name]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('leave out what is empty', () => {
    expect(encodeProperties({ a: '', '': 'x', b: '1' })).to.equal('b\u00011\u0002');
  });

  for (const separator of ['\u0001', '\u0002']) {
    it(`can't hold ${JSON.stringify(separator)}`, () => {
      expect(errorOf(() => encodeProperties({ a: `x${separator}y` })).code).to.equal('ERR_ROCKETMQ_INVALID_ARGUMENT');
      expect(errorOf(() => encodeProperties({ [`x${separator}`]: 'y' })).code).to.equal(
        'ERR_ROCKETMQ_INVALID_ARGUMENT',
      );
    });
  }

  it('make __proto__ a plain property', () => {
    const record = parseProperties('__proto__\u0001x\u0002');
    expect(Object.entries(record)).to.deep.equal([['__proto__', 'x']]);
    expect(encodeProperties(record)).to.equal('__proto__\u0001x\u0002');
  });

  it('tell reserved names from free ones', () => {
    expect(properties.isReservedProperty(PropertyName.UNIQ_KEY)).to.equal(true);
    expect(properties.isReservedProperty('__SHARDINGKEY')).to.equal(true);
    expect(properties.isReservedProperty('colour')).to.equal(false);
  });

  it('are found behind segments without a separator, and in those before one', () => {
    const none = '\u0002'.repeat(500);
    expect(parseProperties(`${none}x\u0002a\u00011\u0002${none}y\u0002b\u00012${none}`)).to.deep.equal({
      a: '1',
      b: '2',
    });
    expect(parseProperties(`a\u00011\u0002${none}x`)).to.deep.equal({ a: '1' });
  });
});
