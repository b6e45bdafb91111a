import { expect } from 'chai';
import fc from 'fast-check';
import { fnv1a32, fnvKeyHash, javaKeyHash } from '../../../lib/producer/key-hash.js';

/** A string whose Java hash is -2^31, which has no positive counterpart in an int. */
const MIN_VALUE = 'polygenelubricants';

describe('key hash', () => {
  describe('of the reference', () => {
    // The hash of each is what Java's String.hashCode answers.
    for (const [key, hash] of [
      ['TagA', 2_598_919],
      ['TagB', 2_598_920],
      ['中文', 646_394],
    ] as const) {
      it(`puts ${key} where its hash ${hash} does`, () => {
        for (const count of [1, 3, 8, 24]) expect(javaKeyHash(key, count)).to.equal(hash % count);
      });
    }

    it('takes the absolute value of the remainder of a negative hash', () => {
      // Java's hash is -1207111310 for the one and -1772111057 for the other.
      expect([3, 4, 8, 24].map((count) => javaKeyHash('order-1', count))).to.deep.equal([2, 2, 6, 14]);
      expect([3, 4, 8, 24].map((count) => javaKeyHash('customer-77', count))).to.deep.equal([2, 1, 1, 17]);
    });

    it('takes it after the remainder, so -2^31 has a queue too', () => {
      expect(javaKeyHash(MIN_VALUE, 6)).to.equal(2);
      expect(javaKeyHash(MIN_VALUE, 8)).to.equal(0);
    });

    it('sends an empty key to the first queue', () => {
      expect(javaKeyHash('', 8)).to.equal(0);
    });
  });

  describe('of the Go client', () => {
    // Published test vectors of FNV-1a.
    for (const [text, hash] of [
      ['', 0x811c9dc5],
      ['a', 0xe40c292c],
      ['foobar', 0xbf9cf968],
    ] as const) {
      it(`is ${hash} for ${JSON.stringify(text)}`, () => expect(fnv1a32(text)).to.equal(hash));
    }

    it('hashes the UTF-8 bytes', () => {
      expect(fnv1a32('é')).to.equal(fnv1a32(Buffer.from([0xc3, 0xa9]).toString()));
      expect(fnv1a32('é')).not.to.equal(fnv1a32('\u0009'));
    });
  });

  it('always names one of the queues', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 1000 }), (key, count) => {
        for (const index of [javaKeyHash(key, count), fnvKeyHash(key, count)]) {
          expect(index).to.satisfy(Number.isInteger).and.to.be.at.least(0).and.below(count);
        }
      }),
    );
  });
});
