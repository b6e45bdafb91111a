import { expect } from 'chai';
import fc from 'fast-check';
import { ValidationError } from '../../../lib/errors.js';
import {
  applyRules,
  boolean,
  editDistance,
  integer,
  optional,
  required,
  withDefault,
} from '../../../lib/options/rules.js';

interface Sample {
  readonly size: number;
  readonly enabled: boolean | undefined;
  readonly count: number;
}

const RULES = {
  size: withDefault(3, integer(1, 9)),
  enabled: optional<boolean>(boolean),
  count: required<number>('a number', integer(0, 5)),
};

function refusal(given: unknown, hints?: Record<string, string>): ValidationError {
  try {
    applyRules<Sample>(RULES, given, hints);
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('applyRules', () => {
  it('fills in what is not given, and takes undefined for that', () => {
    expect(applyRules<Sample>(RULES, { count: 1 })).to.deep.equal({ size: 3, enabled: undefined, count: 1 });
    expect(applyRules<Sample>(RULES, { count: 1, size: undefined }).size).to.equal(3);
  });

  it('leaves what it was given alone', () => {
    const given = Object.freeze({ count: 1, enabled: false });
    expect(applyRules<Sample>(RULES, given)).to.deep.equal({ size: 3, enabled: false, count: 1 });
    expect(given).to.deep.equal({ count: 1, enabled: false });
  });

  it('names the option, what it was and what it may be', () => {
    const error = refusal({ count: 9 });
    expect(error.field).to.equal('count');
    expect(error.message).to.equal('count is not valid: got 9, allowed is an integer from 0 to 5');
  });

  it('does not take null for absent', () => {
    expect(refusal({ count: 1, size: null }).field).to.equal('size');
  });

  it('asks for what is required', () => {
    expect(refusal({}).message).to.equal('count is not valid: got undefined, allowed is a number');
  });

  for (const given of [undefined, null, 'x', 1, [], () => 1]) {
    it(`refuses ${String(given)} as options`, () => expect(refusal(given).field).to.equal('options'));
  }

  describe('unknown names', () => {
    it('are refused with the name that was meant', () => {
      expect(refusal({ count: 1, enabeld: true }).message).to.include('did you mean "enabled"?');
      expect(refusal({ Count: 1 }).message).to.include('did you mean "count"?');
    });

    it('are refused with all names when none resembles it', () => {
      expect(refusal({ count: 1, zzzzzz: true }).message).to.include('one of size, enabled, count');
    });

    it('are refused with the hint for it', () => {
      expect(refusal({ amount: 1 }, { amount: "the option 'count'" }).message).to.include("the option 'count'");
    });

    it('keep their value out of the message', () => {
      expect(refusal({ secretKye: 'hush' }).message).to.not.include('hush');
    });

    it('include those that every object inherits', () => {
      expect(refusal({ count: 1, constructor: 1 }).field).to.equal('constructor');
      expect(refusal(JSON.parse('{"count":1,"__proto__":1}')).field).to.equal('__proto__');
    });
  });
});

describe('editDistance', () => {
  it('counts letters to insert, remove and replace', () => {
    expect(editDistance('kitten', 'sitting')).to.equal(3);
    expect(editDistance('', 'abc')).to.equal(3);
    expect(editDistance('abc', '')).to.equal(3);
  });

  it('is a distance', () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, a)).to.equal(0);
        expect(editDistance(a, b)).to.equal(editDistance(b, a));
        expect(editDistance(a, c)).to.be.at.most(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });
});
