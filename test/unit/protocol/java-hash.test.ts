import { expect } from 'chai';
import fc from 'fast-check';
import { javaStringHash } from '../../../lib/protocol/java-hash.js';

describe('javaStringHash', () => {
  const golden: [string, number][] = [
    ['TagA', 2598919],
    ['TagB', 2598920],
    ['中文', 646394],
    ['', 0],
    ['Aa', 2112],
    ['BB', 2112],
    ['polygenelubricants', -2147483648],
    ['\ud83d\ude00', 1772899],
  ];
  for (const [text, hash] of golden) {
    it(`hashes ${JSON.stringify(text)} as Java does`, () => {
      expect(javaStringHash(text)).to.equal(hash);
    });
  }

  it('is a signed 32 bit integer, and the sum the Java documentation gives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        let sum = 0n;
        for (let i = 0; i < text.length; i++) sum = sum * 31n + BigInt(text.charCodeAt(i));
        expect(javaStringHash(text)).to.equal(Number(BigInt.asIntN(32, sum)));
      }),
    );
  });
});
