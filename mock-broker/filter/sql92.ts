import { parseSql92, type Node, type OrderOperator } from './sql92-parser.js';

export { Sql92SyntaxError } from './sql92-syntax-error.js';

/**
 * SQL92 filters as the reference's broker judges them. The logic has three values: a property that a message doesn't
 * have is NULL, a comparison with NULL is NULL, and only a condition that is TRUE lets a message pass. A property is
 * text; it is read as a number where it meets one. Text that is no such number ends the whole evaluation, so that
 * `a = 1 OR b = 2` doesn't match a = 'x', b = 2, though the other way round it does.
 */

type Value = bigint | number | string | boolean | null;
type Properties = Readonly<Record<string, string>>;
type Evaluate = (properties: Properties) => Value;

/** Ends an evaluation. One for all, because making an error costs more than all the rest of a filter. */
const NOT_COMPARABLE = new Error('values that can not be compared');

/**
 * Makes a function out of an expression that tells whether a message with these properties passes.
 *
 * @throws Sql92SyntaxError
 */
export function compileSql92(expression: string): (properties: Properties) => boolean {
  const evaluate = compileCondition(parseSql92(expression));
  return (properties) => {
    try {
      return evaluate(properties) === true;
    } catch (error) {
      if (error === NOT_COMPARABLE) return false;
      throw error;
    }
  };
}

function compile(node: Node): Evaluate {
  switch (node.kind) {
    case 'literal':
      return () => node.value;
    case 'property':
      return (properties) => readProperty(properties, node.name);
    case 'negative': {
      const operand = compile(node.operand);
      return (properties) => {
        const value = operand(properties);
        return typeof value === 'bigint' || typeof value === 'number' ? -value : null;
      };
    }
    case 'not': {
      const operand = compileCondition(node.operand);
      return (properties) => {
        const value = operand(properties);
        return value === null ? null : !value;
      };
    }
    case 'and':
      return compileLogic(node.left, node.right, false);
    case 'or':
      return compileLogic(node.left, node.right, true);
    case 'equal': {
      const left = compile(node.left);
      const right = compile(node.right);
      const maxInteger = maxIntegerBeside(node.left, node.right);
      return (properties) => isEqual(left(properties), right(properties), maxInteger);
    }
    case 'order': {
      const left = compile(node.left);
      const right = compile(node.right);
      const holds = ORDER[node.operator];
      const maxInteger = maxIntegerBeside(node.left, node.right);
      return (properties) => {
        const a = left(properties);
        const b = right(properties);
        return a === null || b === null ? null : holds(compareOrdered(a, b, maxInteger));
      };
    }
    case 'isNull': {
      const operand = compile(node.operand);
      return (properties) => operand(properties) === null;
    }
    case 'in':
      return (properties) => {
        const value = readProperty(properties, node.name);
        return value === null ? null : node.values.has(value);
      };
    case 'text': {
      const operand = compile(node.operand);
      const holds = TEXT[node.operator];
      return (properties) => {
        const value = operand(properties);
        // The reference answers FALSE here with and without NOT.
        if (typeof value !== 'string' || node.search === '') return false;
        return holds(value, node.search) !== node.not;
      };
    }
  }
}

/** A part of AND, OR or NOT, or the whole: a property there is false whatever its text, as it is no boolean. */
function compileCondition(node: Node): Evaluate {
  const evaluate = compile(node);
  if (node.kind !== 'property') return evaluate;
  return (properties) => (evaluate(properties) === null ? null : false);
}

/** AND is decided by a FALSE, OR by a TRUE; what decides on the left keeps the right from being looked at. */
function compileLogic(leftNode: Node, rightNode: Node, decisive: boolean): Evaluate {
  const left = compileCondition(leftNode);
  const right = compileCondition(rightNode);
  return (properties) => {
    const a = left(properties);
    if (a === decisive) return decisive;
    const b = right(properties);
    if (b === decisive) return decisive;
    return a === null || b === null ? null : !decisive;
  };
}

function readProperty(properties: Properties, name: string): string | null {
  return Object.hasOwn(properties, name) ? (properties[name] ?? null) : null;
}

const ORDER: { readonly [operator in OrderOperator]: (comparison: number) => boolean } = {
  '<': (comparison) => comparison < 0,
  '<=': (comparison) => comparison <= 0,
  '>': (comparison) => comparison > 0,
  '>=': (comparison) => comparison >= 0,
};

const TEXT = {
  CONTAINS: (text: string, search: string) => text.includes(search),
  STARTSWITH: (text: string, search: string) => text.startsWith(search),
  ENDSWITH: (text: string, search: string) => text.endsWith(search),
};

const MAX_INT32 = 2n ** 31n - 1n;
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * How great an integer text may hold that is compared with one of these two. A literal that fits into 32 bits is an
 * `Integer` in the reference, and text that is compared with it must fit as well: 3000000000 doesn't match `a > 10`.
 */
function maxIntegerBeside(left: Node, right: Node): bigint {
  const literal = integerIn(left) ?? integerIn(right);
  return literal === undefined || literal > MAX_INT32 ? MAX_INT64 : MAX_INT32;
}

/** The literal an integer begins with before signs are put before it: that decides about its size. */
function integerIn(node: Node): bigint | undefined {
  if (node.kind === 'negative') return integerIn(node.operand);
  return node.kind === 'literal' && typeof node.value === 'bigint' ? node.value : undefined;
}

/** As the reference: NULL equals NULL, though that can only come of two properties. */
function isEqual(a: Value, b: Value, maxInteger: bigint): boolean | null {
  if (a === null) return b === null ? true : null;
  if (b === null) return false;
  if (typeof a === typeof b && typeof a !== 'number') return a === b;
  if (typeof a === 'boolean') {
    // The reference fails on its own cast here: the boolean has to stand on the right.
    if (typeof b === 'string') throw NOT_COMPARABLE;
    return false;
  }
  if (typeof b === 'boolean') return typeof a === 'string' && (a.toLowerCase() === 'true') === b;
  return compareNumbers(a, b, maxInteger) === 0;
}

function compareOrdered(a: Exclude<Value, null>, b: Exclude<Value, null>, maxInteger: bigint): number {
  if (typeof a === 'boolean' || typeof b === 'boolean') throw NOT_COMPARABLE;
  // Text has no order but that of the numbers it holds.
  if (typeof a === 'string' && typeof b === 'string') return compareDecimals(readDecimal(a), readDecimal(b));
  return compareNumbers(a, b, maxInteger);
}

/** Text becomes the kind of number it is compared with, and an integer a decimal where it meets one. */
function compareNumbers(a: bigint | number | string, b: bigint | number | string, maxInteger: bigint): number {
  const left = typeof a === 'string' ? readNumber(a, typeof b === 'bigint', maxInteger) : a;
  const right = typeof b === 'string' ? readNumber(b, typeof a === 'bigint', maxInteger) : b;
  if (typeof left === 'bigint' && typeof right === 'bigint') return left < right ? -1 : left > right ? 1 : 0;
  return compareDecimals(Number(left), Number(right));
}

function readNumber(text: string, integer: boolean, maxInteger: bigint): bigint | number {
  return integer ? readInteger(text, maxInteger) : readDecimal(text);
}

/** Java's order of doubles: NaN equals itself and is above everything, 0.0 is above -0.0. */
function compareDecimals(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (Object.is(a, b)) return 0;
  if (Number.isNaN(a)) return 1;
  return Number.isNaN(b) || Object.is(a, -0) ? -1 : 1;
}

/** What Java's `Integer.valueOf` and `Long.valueOf` accept, digits of other scripts aside. */
function readInteger(text: string, max: bigint): bigint {
  if (!/^[+-]?\d+$/.test(text)) throw NOT_COMPARABLE;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value > max || value < -max - 1n) throw NOT_COMPARABLE;
  return value;
}

const JAVA_DOUBLE = /^[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?)$/;

/** What Java's `Double.valueOf` accepts, hexadecimal forms aside. */
function readDecimal(text: string): number {
  const trimmed = text.replace(/^[\0- ]+|[\0- ]+$/g, '');
  if (!JAVA_DOUBLE.test(trimmed)) throw NOT_COMPARABLE;
  return Number(trimmed.replace(/[fFdD]$/, ''));
}
