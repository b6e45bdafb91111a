import { expect } from 'chai';
import fc from 'fast-check';
import { javaStringHash } from '../../../lib/protocol/java-hash.js';
import {
  buildSubscription,
  matchesTags,
  parseSubscription,
  subscriptionJson,
} from '../../../lib/protocol/subscription.js';
import type { ExpressionType } from '../../../lib/protocol/subscription.js';
import { errorOf } from './wire.js';

describe('subscription', () => {
  it('of tags is the one of the reference', () => {
    expect(buildSubscription('T1', 'TagA || TagB', 'TAG', 1700000000000)).to.deep.equal({
      topic: 'T1',
      subString: 'TagA || TagB',
      tagsSet: ['TagA', 'TagB'],
      codeSet: [2598919, 2598920],
      subVersion: 1700000000000,
      expressionType: 'TAG',
      classFilterMode: false,
    });
  });

  for (const expression of [undefined, '', '*']) {
    it(`asks for everything by ${JSON.stringify(expression)}`, () => {
      const subscription = buildSubscription('T1', expression);
      expect(subscription).to.include({ subString: '*', expressionType: 'TAG' });
      expect(subscription.tagsSet).to.deep.equal([]);
      expect(matchesTags(subscription, undefined)).to.equal(true);
      expect(matchesTags(subscription, 'any')).to.equal(true);
    });
  }

  it('trims tags, drops empty ones, and holds each once', () => {
    const { tagsSet, codeSet } = buildSubscription('T1', ' a||||b || a||');
    expect(tagsSet).to.deep.equal(['a', 'b']);
    expect(codeSet).to.deep.equal([97, 98]);
  });

  it('tells tags apart that hash alike, of which the broker gets one hash', () => {
    const both = buildSubscription('T1', 'Aa||BB');
    expect(both.tagsSet).to.deep.equal(['Aa', 'BB']);
    expect(both.codeSet).to.deep.equal([2112]);
    const one = buildSubscription('T1', 'Aa');
    expect([matchesTags(one, 'Aa'), matchesTags(one, 'BB'), matchesTags(one, undefined)]).to.deep.equal([
      true,
      false,
      false,
    ]);
  });

  it('holds exactly the tags that were joined', () => {
    const anyTag = (): fc.Arbitrary<string> =>
      fc
        .string({ minLength: 1, maxLength: 8 })
        .filter((tag) => tag.trim() === tag && !tag.includes('|') && tag !== '*');
    fc.assert(
      fc.property(fc.uniqueArray(anyTag(), { minLength: 1, maxLength: 6 }), anyTag(), (tags, other) => {
        const subscription = buildSubscription('T1', tags.join(' || '));
        expect(subscription.tagsSet).to.deep.equal(tags);
        expect(new Set(subscription.codeSet)).to.deep.equal(new Set(tags.map(javaStringHash)));
        expect(tags.every((tag) => matchesTags(subscription, tag))).to.equal(true);
        expect(matchesTags(subscription, other)).to.equal(tags.includes(other));
      }),
    );
  });

  it('of SQL92 keeps the expression and leaves judging to the broker', () => {
    const expression = "(a > 5 AND b = 'it''s (fine') OR c IS NULL";
    const subscription = buildSubscription('T1', expression, 'SQL92');
    expect(subscription).to.include({ subString: expression, expressionType: 'SQL92' });
    expect([subscription.tagsSet, subscription.codeSet]).to.deep.equal([[], []]);
    expect(matchesTags(subscription, undefined)).to.equal(true);
  });

  const refused: [name: string, topic: unknown, expression: unknown, type: unknown][] = [
    ['a blank topic', ' ', '*', 'TAG'],
    ['a topic that is no text', undefined, '*', 'TAG'],
    ['an expression that is no text', 'T1', 5, 'TAG'],
    ['an unknown type', 'T1', '*', 'XPATH'],
    ['no tag', 'T1', '||', 'TAG'],
    ['blank tags', 'T1', ' || ', 'TAG'],
    ['SQL92 without an expression', 'T1', undefined, 'SQL92'],
    ['blank SQL92', 'T1', '  ', 'SQL92'],
    ['SQL92 with an open quote', 'T1', "a = 'b", 'SQL92'],
    ['SQL92 with an open parenthesis', 'T1', '(a = 1', 'SQL92'],
    ['SQL92 with a parenthesis too many', 'T1', 'a = 1) AND (b = 2', 'SQL92'],
  ];
  for (const [name, topic, expression, type] of refused) {
    it(`refuses ${name}`, () => {
      const build = (): unknown => buildSubscription(topic as string, expression as string, type as ExpressionType);
      expect(errorOf(build).code).to.equal('ERR_ROCKETMQ_INVALID_ARGUMENT');
    });
  }

  it('survives JSON', () => {
    const subscription = buildSubscription('T1', 'a||b', 'TAG', 5);
    expect(parseSubscription(JSON.parse(JSON.stringify(subscriptionJson(subscription))))).to.deep.equal(subscription);
  });

  it('is read with what an old client leaves out', () => {
    expect(parseSubscription({ topic: 'T1', subVersion: 1, tagsSet: null })).to.deep.equal({
      ...buildSubscription('T1', '*', 'TAG', 1),
    });
    expect(errorOf(() => parseSubscription({ subVersion: 1 })).code).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
    expect(errorOf(() => parseSubscription([])).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
  });

  it('is read with the hashes of tags as texts, as the Go client writes them', () => {
    const { tagsSet } = buildSubscription('T1', 'A || bb');
    const written = { topic: 'T1', subVersion: 1, subString: 'A || bb', tagsSet };
    expect(parseSubscription({ ...written, codeSet: ['65', '3136'] }).codeSet).to.deep.equal([65, 3136]);
    expect(parseSubscription({ ...written, codeSet: ['-7', 8] }).codeSet).to.deep.equal([-7, 8]);
    for (const codeSet of [['x'], [''], ['1.5'], [{}]]) {
      expect(errorOf(() => parseSubscription({ ...written, codeSet })).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
    }
  });
});
