import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { compileSql92, Sql92SyntaxError } from '../../../../mock-broker/filter/sql92.js';

function matches(expression: string, properties: Record<string, string> = {}): boolean {
  return compileSql92(expression)(properties);
}

function syntaxError(expression: string): Sql92SyntaxError {
  try {
    compileSql92(expression);
  } catch (error) {
    if (error instanceof Sql92SyntaxError) return error;
    throw error;
  }
  throw new Error(`was accepted: ${expression}`);
}

describe('SQL92 filters', () => {
  describe('agree with the recorded judgements of the reference', () => {
    const cases = JSON.parse(
      readFileSync(new URL('../../../fixtures/sql92/reference.json', import.meta.url), 'utf8'),
    ) as {
      expression: string;
      properties: Record<string, string>;
      result: 'match' | 'no match' | 'syntax error';
    }[];

    for (const wanted of ['match', 'no match', 'syntax error'] as const) {
      it(wanted, () => {
        const selected = cases.filter(({ result }) => result === wanted);
        expect(selected).to.have.length.above(50);
        for (const { expression, properties, result } of selected) {
          let judged: string;
          try {
            judged = compileSql92(expression)(properties) ? 'match' : 'no match';
          } catch (error) {
            expect(error).to.be.instanceOf(Sql92SyntaxError);
            judged = 'syntax error';
          }
          expect(judged, `${expression} with ${JSON.stringify(properties)}`).to.equal(result);
        }
      });
    }
  });

  describe('what users write', () => {
    const order = { amount: '42', region: 'north', price: '9.5', vip: 'true', note: "it's" };
    const passing = [
      "amount > 10 AND region = 'north'",
      'amount BETWEEN 42 AND 42',
      'amount NOT BETWEEN 1 AND 10',
      'price >= 9.5 and price < 10.0',
      "region IN ('south', 'north')",
      "region NOT IN ('south')",
      "region <> 'south'",
      'missing IS NULL',
      'amount is not null',
      'vip = TRUE',
      "note = 'it''s'",
      "region STARTSWITH 'no' AND region ENDSWITH 'th' AND region CONTAINS 'ort'",
      "region NOT CONTAINS 'x'",
      "(amount = 1 OR amount = 42) AND NOT (region = 'south')",
      'amount = 42 -- the answer',
    ];
    for (const expression of passing) {
      it(`lets pass: ${expression}`, () => expect(matches(expression, order)).to.equal(true));
    }

    const failing = [
      'amount > 42',
      'missing = 1',
      'missing <> 1',
      'NOT (missing = 1)',
      "missing NOT IN ('a')",
      'region > 1',
      'region = 1',
      'vip = FALSE',
      'vip',
      'amount = 1 OR missing = 2',
    ];
    for (const expression of failing) {
      it(`holds back: ${expression}`, () => expect(matches(expression, order)).to.equal(false));
    }

    it('reads no property from the prototype', () => {
      expect(matches('constructor IS NULL')).to.equal(true);
      expect(matches('constructor IS NOT NULL')).to.equal(false);
    });

    it('doubles of Java: NaN is above everything and equals itself, -0.0 is below 0', () => {
      expect(matches('a > 1.0', { a: 'NaN' })).to.equal(true);
      expect(matches('a >= b', { a: 'NaN', b: 'NaN' })).to.equal(true);
      expect(matches('a < b', { a: '1', b: 'NaN' })).to.equal(true);
      expect(matches('a < b', { a: '-0.0', b: '0.0' })).to.equal(true);
      expect(matches('a > b', { a: '0.0', b: '-0.0' })).to.equal(true);
    });
  });

  describe('against a model of three-valued logic', () => {
    type Truth = boolean | null;
    interface Modelled {
      readonly text: string;
      readonly truth: (properties: Record<string, string>) => Truth;
    }
    const and = (a: Truth, b: Truth): Truth =>
      a === false || b === false ? false : a === null || b === null ? null : true;
    const or = (a: Truth, b: Truth): Truth =>
      a === true || b === true ? true : a === null || b === null ? null : false;

    const names = fc.constantFrom('a', 'b', 'c');
    const numbers = fc.integer({ min: -3, max: 3 });
    const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

    const compareNumber = fc
      .tuple(names, fc.constantFrom('=', '<>', '<', '<=', '>', '>='), numbers)
      .map(([name, operator, number]): Modelled => ({
        text: `${name} ${operator} ${number}`,
        truth: (properties) => {
          const value = properties[name];
          if (value === undefined) return null;
          const n = Number(value);
          const results = { '=': n === number, '<>': n !== number, '<': n < number, '<=': n <= number, '>': n > number, '>=': n >= number }; // prettier-ignore
          return results[operator];
        },
      }));
    const between = fc.tuple(names, numbers, fc.nat(3), fc.boolean()).map(([name, low, span, not]): Modelled => ({
      text: `${name} ${not ? 'NOT ' : ''}BETWEEN ${low} AND ${low + span}`,
      truth: (properties) => {
        const value = properties[name];
        return value === undefined ? null : (Number(value) >= low && Number(value) <= low + span) !== not;
      },
    }));
    const inList = fc
      .tuple(names, fc.array(fc.constantFrom<string>('1', '2', "it's"), { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([name, list, not]): Modelled => ({
        text: `${name} ${not ? 'not in' : 'IN'} (${list.map(quote).join(',')})`,
        truth: (properties) => {
          const value = properties[name];
          return value === undefined ? null : list.includes(value) !== not;
        },
      }));
    const isNull = fc.tuple(names, fc.boolean()).map(([name, not]): Modelled => ({
      text: `${name} IS ${not ? 'NOT ' : ''}NULL`,
      truth: (properties) => (properties[name] === undefined) !== not,
    }));

    const { condition } = fc.letrec<{ condition: Modelled }>((tie) => ({
      condition: fc.oneof(
        { maxDepth: 4 },
        compareNumber,
        between,
        inList,
        isNull,
        tie('condition').map((inner): Modelled => ({
          text: `NOT (${inner.text})`,
          truth: (properties) => {
            const truth = inner.truth(properties);
            return truth === null ? null : !truth;
          },
        })),
        fc
          .tuple(tie('condition'), fc.constantFrom('AND', 'OR'), tie('condition'))
          .map(([left, word, right]): Modelled => ({
            text: `(${left.text}) ${word}\n\t(${right.text})`,
            truth: (properties) => (word === 'AND' ? and : or)(left.truth(properties), right.truth(properties)),
          })),
      ),
    }));
    const value = fc.option(fc.integer({ min: -4, max: 4 }).map(String), { nil: undefined });

    it('judges alike', () => {
      fc.assert(
        fc.property(condition, fc.record({ a: value, b: value, c: value }), ({ text, truth }, given) => {
          const properties: Record<string, string> = {};
          for (const [name, text] of Object.entries(given)) if (text !== undefined) properties[name] = text;
          expect(matches(text, properties), text).to.equal(truth(properties) === true);
        }),
        { numRuns: 1_000 },
      );
    });

    it('never fails but with a syntax error', () => {
      const words = fc.constantFrom('a', '1', '2.5', "'x'", 'NOT', 'AND', 'OR', 'IN', 'IS', 'NULL', 'TRUE', '(', ')', ',', '=', '<>', '-', '--', '/*', "'", '#'); // prettier-ignore
      fc.assert(
        fc.property(
          fc.oneof(
            fc.array(words, { maxLength: 12 }).map((list) => list.join(' ')),
            fc.string(),
          ),
          (text) => {
            try {
              expect(matches(text, { a: 'x' })).to.be.a('boolean');
            } catch (error) {
              expect(error).to.be.instanceOf(Sql92SyntaxError);
              const { position } = error as Sql92SyntaxError;
              expect(position).to.be.within(0, text.length);
            }
          },
        ),
        { numRuns: 500 },
      );
    });
  });

  describe('syntax errors', () => {
    const cases: [expression: string, position: number, expected: string][] = [
      ['', 0, 'a property, a literal, NOT or ('],
      ['a = ', 4, 'a property, a literal, NOT or ('],
      ['a == 1', 3, 'a property, a literal, NOT or ('],
      ['a = 1)', 5, 'an operator, AND, OR or the end'],
      ["a LIKE 'x'", 2, 'an operator, AND, OR or the end'],
      ['(a = 1', 6, 'an operator or )'],
      ["a = 'x", 6, "a closing '"],
      ['a = 1 /* x', 10, 'a closing */'],
      ['a # 1', 2, 'a name, a number, a string in single quotes or an operator'],
      ['a IS', 4, 'NULL or NOT NULL'],
      ['a IS NOT', 8, 'NULL'],
      ['a = NULL', 4, 'IS NULL to ask for NULL'],
      ['a NOT = 1', 6, 'BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH after NOT'],
      ['a IN 1', 5, '( after IN'],
      ['a IN (1)', 6, 'a string in single quotes'],
      ["a IN ('x'", 9, ', or ) in the list of IN'],
      ["1 IN ('x')", 0, 'the name of a property before IN'],
      ['a CONTAINS b', 11, 'a string in single quotes'],
      ["a > 'x'", 4, 'a property or a number to compare'],
      ['a BETWEEN 1', 11, 'AND between the two bounds'],
      ['a BETWEEN 3 AND 1', 16, 'a bound of at least 3'],
      ['1', 0, 'a condition'],
      ["a = 1 AND 'x'", 10, 'a condition'],
      ['-1 OR TRUE', 0, 'a condition'],
      ['NOT 1', 4, 'a condition'],
      ['TRUE = 1', 7, 'TRUE or FALSE to compare with'],
      ['a = 9223372036854775808', 4, 'an integer of at most 9223372036854775807'],
      ['a = 0.0', 4, 'a decimal from 4.9E-324 to 1.7976931348623157E308'],
    ];
    for (const [expression, position, expected] of cases) {
      it(`${JSON.stringify(expression)} at ${position}`, () => {
        const error = syntaxError(expression);
        expect(error).to.include({ position, expected, code: 'ERR_ROCKETMQ_SQL92_SYNTAX', retryable: false });
        expect(error.message)
          .to.include(expected)
          .and.include(`character ${position + 1}`);
      });
    }

    it('refuses nesting and length that would exhaust the stack', () => {
      expect(syntaxError('('.repeat(100_000)).expected).to.match(/nesting|words and signs/);
      expect(syntaxError('('.repeat(1_000)).expected).to.include('levels of nesting');
      expect(syntaxError('NOT '.repeat(1_000)).expected).to.include('levels of nesting');
      expect(syntaxError('TRUE AND '.repeat(50_000)).expected).to.include('words and signs');
      expect(matches(`${'TRUE AND '.repeat(2_000)}TRUE`)).to.equal(true);
      expect(matches(`${'('.repeat(150)}a = 1${')'.repeat(150)}`, { a: '1' })).to.equal(true);
    });
  });

  it('take a comment that ends with its line for one, and minus signs for those of numbers elsewhere', () => {
    expect(matches('- - 5 = 5 -- why\nAND TRUE = TRUE')).to.equal(true);
    expect(matches('--5 = 5')).to.equal(true);
    expect(syntaxError('-- 5 = 5\n').position).to.equal(9);
  });
});
