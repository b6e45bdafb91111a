import { Sql92SyntaxError } from './sql92-syntax-error.js';
import { tokenize, type Keyword, type Punctuation, type Token } from './sql92-tokens.js';

/**
 * The grammar as the reference has it. NOT binds closer than a comparison there: `NOT a = 1` is `(NOT a) = 1`.
 *
 *     condition  = and *("OR" and)
 *     and        = equality *("AND" equality)
 *     equality   = comparison *(("=" | "<>") comparison | "IS" ["NOT"] "NULL")
 *     comparison = unary *((">" | ">=" | "<" | "<=") unary
 *                         | ["NOT"] "BETWEEN" unary "AND" unary
 *                         | ["NOT"] "IN" "(" string *("," string) ")"
 *                         | ["NOT"] ("CONTAINS" | "STARTSWITH" | "ENDSWITH") string)
 *     unary      = ("+" | "-" | "NOT") unary | primary
 *     primary    = "TRUE" | "FALSE" | "NULL" | number | string | name | "(" condition ")"
 *
 * It differs in one point: whatever follows a complete condition is refused here, where the reference doesn't look at
 * it and would take `a LIKE 'x'` for the condition `a`.
 */

export type OrderOperator = '<' | '<=' | '>' | '>=';
export type TextOperator = 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH';

export type Node =
  | { readonly kind: 'literal'; readonly value: bigint | number | string | boolean | null }
  | { readonly kind: 'property'; readonly name: string }
  | { readonly kind: 'negative'; readonly operand: Node }
  | { readonly kind: 'not'; readonly operand: Node }
  | { readonly kind: 'and' | 'or'; readonly left: Node; readonly right: Node }
  | { readonly kind: 'equal'; readonly left: Node; readonly right: Node }
  | { readonly kind: 'order'; readonly operator: OrderOperator; readonly left: Node; readonly right: Node }
  | { readonly kind: 'isNull'; readonly operand: Node }
  | { readonly kind: 'in'; readonly name: string; readonly values: ReadonlySet<string> }
  | { readonly kind: 'text'; readonly operator: TextOperator; readonly not: boolean; readonly operand: Node; readonly search: string }; // prettier-ignore

/** Deeper nesting is refused, well before it could exhaust the stack. */
const MAX_DEPTH = 200;

/** The condition as a tree. @throws Sql92SyntaxError */
export function parseSql92(expression: string): Node {
  return new Parser(expression).parse();
}

class Parser {
  readonly #expression: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(expression: string) {
    this.#expression = expression;
    this.#tokens = tokenize(expression);
  }

  parse(): Node {
    const start = this.#token;
    const condition = this.#condition(this.#or(), start);
    if (this.#token.kind !== 'end') throw this.#expected('an operator, AND, OR or the end');
    return condition;
  }

  #or(): Node {
    return this.#chain('OR', 'or', () => this.#chain('AND', 'and', () => this.#equality()));
  }

  #chain(keyword: Keyword, kind: 'and' | 'or', operand: () => Node): Node {
    let start = this.#token;
    let node = operand();
    while (this.#takeKeyword(keyword)) {
      const left = this.#condition(node, start);
      start = this.#token;
      node = { kind, left, right: this.#condition(operand(), start) };
    }
    return node;
  }

  #equality(): Node {
    const start = this.#token;
    let left = this.#comparison();
    for (;;) {
      const operator = this.#token;
      if (this.#takeMark('=') || this.#takeMark('<>')) {
        this.#notNull(left, start);
        const rightStart = this.#token;
        const right = this.#comparison();
        this.#notNull(right, rightStart);
        if (isBoolean(left) && right.kind === 'literal' && typeof right.value !== 'boolean') {
          throw this.#expected('TRUE or FALSE to compare with', rightStart);
        }
        const equal: Node = { kind: 'equal', left, right };
        left = operator.text === '=' ? equal : { kind: 'not', operand: equal };
      } else if (this.#takeKeyword('IS')) {
        const not = this.#takeKeyword('NOT');
        if (!this.#takeKeyword('NULL')) throw this.#expected(not ? 'NULL' : 'NULL or NOT NULL');
        const isNull: Node = { kind: 'isNull', operand: left };
        left = not ? { kind: 'not', operand: isNull } : isNull;
      } else {
        return left;
      }
    }
  }

  #comparison(): Node {
    const start = this.#token;
    let left = this.#unary();
    for (;;) {
      const operator = this.#takeOrderOperator();
      if (operator !== undefined) {
        this.#comparable(left, start);
        const rightStart = this.#token;
        const right = this.#unary();
        this.#comparable(right, rightStart);
        left = { kind: 'order', operator, left, right };
        continue;
      }
      const not = this.#takeKeyword('NOT');
      if (this.#takeKeyword('BETWEEN')) left = this.#between(left, start, not);
      else if (this.#takeKeyword('IN')) left = this.#in(left, start, not);
      else {
        const text = this.#takeTextOperator();
        if (text !== undefined) {
          left = { kind: 'text', operator: text, not, operand: left, search: this.#string() };
        } else if (not) {
          throw this.#expected('BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH after NOT');
        } else {
          return left;
        }
      }
    }
  }

  #between(value: Node, start: Token, not: boolean): Node {
    const lowStart = this.#token;
    const low = this.#unary();
    if (!this.#takeKeyword('AND')) throw this.#expected('AND between the two bounds');
    const highStart = this.#token;
    const high = this.#unary();
    this.#comparable(value, start);
    this.#comparable(low, lowStart);
    this.#comparable(high, highStart);
    if (not) {
      const below: Node = { kind: 'order', operator: '<', left: value, right: low };
      return { kind: 'or', left: below, right: { kind: 'order', operator: '>', left: value, right: high } };
    }
    const lowest = numberOf(low);
    const highest = numberOf(high);
    if (lowest !== undefined && highest !== undefined && lowest > highest) {
      throw this.#expected(`a bound of at least ${lowest}`, highStart);
    }
    const above: Node = { kind: 'order', operator: '>=', left: value, right: low };
    return { kind: 'and', left: above, right: { kind: 'order', operator: '<=', left: value, right: high } };
  }

  #in(operand: Node, start: Token, not: boolean): Node {
    if (operand.kind !== 'property') throw this.#expected('the name of a property before IN', start);
    if (!this.#takeMark('(')) throw this.#expected('( after IN');
    const values = new Set<string>();
    do values.add(this.#string());
    while (this.#takeMark(','));
    if (!this.#takeMark(')')) throw this.#expected(', or ) in the list of IN');
    const node: Node = { kind: 'in', name: operand.name, values };
    return not ? { kind: 'not', operand: node } : node;
  }

  #unary(): Node {
    if (++this.#depth > MAX_DEPTH) throw this.#expected(`at most ${MAX_DEPTH} levels of nesting`);
    try {
      if (this.#takeMark('+')) return this.#unary();
      if (this.#takeMark('-')) return { kind: 'negative', operand: this.#unary() };
      if (this.#takeKeyword('NOT')) {
        const start = this.#token;
        return { kind: 'not', operand: this.#condition(this.#unary(), start) };
      }
      return this.#primary();
    } finally {
      this.#depth--;
    }
  }

  #primary(): Node {
    const token = this.#token;
    if (token.kind === 'number' || token.kind === 'string') {
      this.#at++;
      return { kind: 'literal', value: token.value };
    }
    if (token.kind === 'name') {
      this.#at++;
      return { kind: 'property', name: token.text };
    }
    if (this.#takeKeyword('TRUE')) return { kind: 'literal', value: true };
    if (this.#takeKeyword('FALSE')) return { kind: 'literal', value: false };
    if (this.#takeKeyword('NULL')) return { kind: 'literal', value: null };
    if (!this.#takeMark('(')) throw this.#expected('a property, a literal, NOT or (');
    const inner = this.#or();
    if (!this.#takeMark(')')) throw this.#expected('an operator or )');
    return inner;
  }

  #string(): string {
    const token = this.#token;
    if (token.kind !== 'string') throw this.#expected('a string in single quotes');
    this.#at++;
    return token.value;
  }

  /** What AND, OR, NOT and the whole expression are made of. A property alone may be one, though it never matches. */
  #condition(node: Node, start: Token): Node {
    const numeric = node.kind === 'negative' || (node.kind === 'literal' && !isBoolean(node) && node.value !== null);
    if (numeric) throw this.#expected('a condition', start);
    return node;
  }

  #notNull(node: Node, start: Token): void {
    if (node.kind === 'literal' && node.value === null) throw this.#expected('IS NULL to ask for NULL', start);
  }

  /** Only numbers have an order; what a property holds is seen when a message is there. */
  #comparable(node: Node, start: Token): void {
    if (node.kind === 'property' || node.kind === 'negative' || numberOf(node) !== undefined) return;
    throw this.#expected('a property or a number to compare', start);
  }

  get #token(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new RangeError('the end was passed');
    return token;
  }

  #takeKeyword(word: Keyword): boolean {
    const token = this.#token;
    if (token.kind !== 'keyword' || token.word !== word) return false;
    this.#at++;
    return true;
  }

  #takeMark(mark: Punctuation): boolean {
    const token = this.#token;
    if (token.kind !== 'punctuation' || token.mark !== mark) return false;
    this.#at++;
    return true;
  }

  #takeOrderOperator(): OrderOperator | undefined {
    return (['<', '<=', '>', '>='] as const).find((operator) => this.#takeMark(operator));
  }

  #takeTextOperator(): TextOperator | undefined {
    return (['CONTAINS', 'STARTSWITH', 'ENDSWITH'] as const).find((operator) => this.#takeKeyword(operator));
  }

  #expected(expected: string, token: Token = this.#token): Sql92SyntaxError {
    const found = token.kind === 'end' ? 'the end' : token.text;
    return new Sql92SyntaxError(this.#expression, token.position, expected, found);
  }
}

function isBoolean(node: Node): boolean {
  return node.kind === 'literal' && typeof node.value === 'boolean';
}

function numberOf(node: Node): bigint | number | undefined {
  if (node.kind !== 'literal') return undefined;
  return typeof node.value === 'bigint' || typeof node.value === 'number' ? node.value : undefined;
}
