import { Sql92SyntaxError } from './sql92-syntax-error.js';

/** The words that can't be names of properties. In an expression they may be written in any case. */
export const KEYWORDS = [
  'NOT', 'AND', 'OR', 'BETWEEN', 'IN', 'TRUE', 'FALSE', 'NULL', 'IS', 'CONTAINS', 'STARTSWITH', 'ENDSWITH',
] as const; // prettier-ignore
export type Keyword = (typeof KEYWORDS)[number];

export type Punctuation = '=' | '<>' | '<' | '<=' | '>' | '>=' | '(' | ')' | ',' | '+' | '-';

export type Token = { readonly position: number; readonly text: string } & (
  | { readonly kind: 'keyword'; readonly word: Keyword }
  | { readonly kind: 'punctuation'; readonly mark: Punctuation }
  | { readonly kind: 'name' }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: bigint | number }
  | { readonly kind: 'end' }
);

/*
 *     name    = [A-Za-z_$] *[A-Za-z0-9_$]
 *     integer = ("0" | [1-9] *digit) ["l"]              a 64 bit number
 *     decimal = 1*digit "." *digit [exponent] | "." 1*digit [exponent] | 1*digit exponent
 *     string  = "'" *(any but "'" | "''") "'"
 *     comment = "--" to the end of the line | slash star ... star slash
 */
const SPACE = /[ \t\n\r\f]+/y;
const LINE_COMMENT = /--[^\r\n]*[\r\n]/y;
const BLOCK_COMMENT = /\/\*[^]*?\*\//y;
const NAME = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const DECIMAL = /(?:\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)/y;
/** Behind digits: what makes them a decimal. */
const FRACTION_OR_EXPONENT = /\.|[eE][+-]?\d/y;
const DIGITS = /\d+/y;
const INTEGER = /(?:[1-9]\d*[lL]?|0)/y;
// A choice for each character would fill the engine's stack with a long string.
const STRING = /'[^']*(?:''[^']*)*'/y;
const PUNCTUATION = /<>|<=|>=|[=<>(),+-]/y;

const MAX_INT64 = 2n ** 63n - 1n;

/** More is refused: a chain of conditions is a tree as deep as it is long, which must not exhaust the stack. */
export const MAX_TOKENS = 5_000;

/** The expression's tokens, ended by one of kind `end`. @throws Sql92SyntaxError */
export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  const lastLineEnd = Math.max(expression.lastIndexOf('\n'), expression.lastIndexOf('\r'));

  let digitsEnd = 0;
  let isDecimal = false;

  /** Each 0 of a row is a number of its own: what stands behind the row is looked at once. */
  const beginsDecimal = (): boolean => {
    if (position < digitsEnd) return isDecimal;
    DIGITS.lastIndex = position;
    if (!DIGITS.test(expression)) return expression[position] === '.';
    digitsEnd = FRACTION_OR_EXPONENT.lastIndex = DIGITS.lastIndex;
    isDecimal = FRACTION_OR_EXPONENT.test(expression);
    return isDecimal;
  };

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    const text = pattern.exec(expression)?.[0];
    if (text !== undefined) position += text.length;
    return text;
  };

  while (position < expression.length) {
    const start = position;
    if (tokens.length >= MAX_TOKENS) {
      throw new Sql92SyntaxError(expression, start, `at most ${MAX_TOKENS} words and signs`, 'more');
    }
    if (take(SPACE) !== undefined || take(BLOCK_COMMENT) !== undefined) continue;
    // Looked for only where one can end: a row of minus signs would else be read to the end for each of them.
    if (position < lastLineEnd && take(LINE_COMMENT) !== undefined) continue;
    // A comment on the last line needs no line end where it can't be two minus signs.
    if (expression.startsWith('--', position) && endsOperand(tokens.at(-1))) break;
    const name = take(NAME);
    if (name !== undefined) {
      const word = KEYWORDS.find((keyword) => keyword === name.toUpperCase());
      tokens.push({
        position: start,
        text: name,
        ...(word === undefined ? { kind: 'name' } : { kind: 'keyword', word }),
      });
      continue;
    }
    const number = (beginsDecimal() ? take(DECIMAL) : undefined) ?? take(INTEGER);
    if (number !== undefined) {
      tokens.push({ position: start, text: number, kind: 'number', value: readNumber(expression, start, number) });
      continue;
    }
    const quoted = take(STRING);
    if (quoted !== undefined) {
      tokens.push({ position: start, text: quoted, kind: 'string', value: quoted.slice(1, -1).replaceAll("''", "'") });
      continue;
    }
    const mark = take(PUNCTUATION);
    if (mark === undefined) throw unreadable(expression, start);
    tokens.push({ position: start, text: mark, kind: 'punctuation', mark: mark as Punctuation });
  }
  tokens.push({ position: expression.length, text: '', kind: 'end' });
  return tokens;
}

function endsOperand(token: Token | undefined): boolean {
  if (token === undefined || token.kind === 'end') return false;
  if (token.kind === 'keyword') return ['TRUE', 'FALSE', 'NULL'].includes(token.word);
  return token.kind === 'punctuation' ? token.mark === ')' : true;
}

function readNumber(expression: string, position: number, text: string): bigint | number {
  if (/^\d+[lL]?$/.test(text)) {
    // Reading many digits takes more than their share of time.
    const value = text.length > 20 ? undefined : BigInt(text.replace(/[lL]$/, ''));
    if (value !== undefined && value <= MAX_INT64) return value;
    throw new Sql92SyntaxError(expression, position, `an integer of at most ${MAX_INT64}`, text);
  }
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  // The reference refuses 0.0 because it is less than Java's Double.MIN_VALUE.
  throw new Sql92SyntaxError(expression, position, 'a decimal from 4.9E-324 to 1.7976931348623157E308', text);
}

function unreadable(expression: string, position: number): Sql92SyntaxError {
  const rest = expression.slice(position);
  if (rest.startsWith("'")) return new Sql92SyntaxError(expression, expression.length, "a closing '", 'the end');
  if (rest.startsWith('/*')) return new Sql92SyntaxError(expression, expression.length, 'a closing */', 'the end');
  const expected = 'a name, a number, a string in single quotes or an operator';
  return new Sql92SyntaxError(
    expression,
    position,
    expected,
    JSON.stringify(String.fromCodePoint(rest.codePointAt(0) ?? 0)),
  );
}
