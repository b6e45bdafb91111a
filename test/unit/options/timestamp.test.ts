import { expect } from 'chai';
import fc from 'fast-check';
import { ValidationError } from '../../../lib/errors.js';
import { readTimestamp } from '../../../lib/options/timestamp.js';

const NAME = 'consumeTimestamp';

describe('readTimestamp', () => {
  it('reads a Date and milliseconds', () => {
    expect(readTimestamp(new Date(1_700_000_000_000), NAME)).to.equal(1_700_000_000_000);
    expect(readTimestamp(0, NAME)).to.equal(0);
  });

  it('reads yyyyMMddHHmmss as local time', () => {
    const time = new Date(2026, 10, 21, 4, 5, 6).getTime();
    expect(readTimestamp('20261121040506', NAME)).to.equal(time);
  });

  it('reads back every second it writes', () => {
    const pad = (value: number, length = 2): string => String(value).padStart(length, '0');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        const date = new Date(seconds * 1_000);
        const text =
          pad(date.getFullYear(), 4) +
          [date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
            .map((part) => pad(part))
            .join('');
        // An hour that comes twice when daylight saving ends can be read as either.
        expect(Math.abs(readTimestamp(text, NAME) - seconds * 1_000)).to.be.oneOf([0, 3_600_000]);
      }),
    );
  });

  const refused: unknown[] = [
    '20260230000000',
    '20261301000000',
    '20261121240000',
    '20261121006000',
    '20261121000060',
    '2026112104050',
    '2026-11-21',
    '',
    20_261_121_040_506,
    -1,
    1.5,
    Number.NaN,
    new Date(Number.NaN),
    true,
    null,
  ];
  for (const value of refused) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      expect(() => readTimestamp(value, NAME)).to.throw(ValidationError, 'yyyyMMddHHmmss');
    });
  }
});
