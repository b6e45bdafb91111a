import { ProtocolError } from '../errors.js';
import { setProperty } from './own-property.js';

/**
 * The JSON that brokers really send. The reference writes it with fastjson, which goes beyond the standard:
 *
 *     unquoted keys     {0:"10.0.0.1:10911"}
 *     objects as keys   {{"brokerName":"b","queueId":0,"topic":"t"}:5}
 *     single quotes     {'a':'b'}
 *
 * A key that is an object or array is read as the text it is written with. The reference accepts that same text as a
 * quoted key, so both forms of a map with object keys read alike. An integer past +-(2^53 - 1) is read as a bigint, one
 * of more than 100 characters not at all.
 */

/** Deeper nesting than this is refused; what brokers send is at most 5 deep. */
export const MAX_JSON_DEPTH = 100;
/** Nothing on the wire has more than 64 bits. Reading an integer takes more than its share of time, the longer it is. */
const MAX_INTEGER_LENGTH = 100;

/** @throws ProtocolError `ERR_ROCKETMQ_JSON_MALFORMED` */
export function parseLenientJson(text: string): unknown {
  return new LenientParser(text).parseDocument();
}

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What follows a backslash. fastjson reads the last three beyond the standard. */
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', "'": "'", v: '\v', '0': '\0',
}; // prettier-ignore

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BARE_KEY = /-?[\w$]+/y;

class LenientParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parseDocument(): unknown {
    const value = this.#parseValue();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#malformed('something follows the value');
    return value;
  }

  #parseValue(): unknown {
    this.#skipSpace();
    const c = this.#text.charCodeAt(this.#at);
    if (c === QUOTE || c === APOSTROPHE) return this.#parseString(c);
    if (c === OPEN_BRACE) return this.#parseObject();
    if (c === OPEN_BRACKET) return this.#parseArray();
    if (c === MINUS || isDigit(c)) return this.#parseNumber();
    if (this.#takeWord('true')) return true;
    if (this.#takeWord('false')) return false;
    if (this.#takeWord('null')) return null;
    throw this.#malformed('no value begins here');
  }

  #parseObject(): Record<string, unknown> {
    this.#enter();
    const object: Record<string, unknown> = {};
    this.#skipSpace();
    if (this.#take(CLOSE_BRACE)) return this.#leave(object);
    for (;;) {
      const key = this.#parseKey();
      this.#skipSpace();
      if (!this.#take(COLON)) throw this.#malformed('a colon is missing');
      setProperty(object, key, this.#parseValue());
      this.#skipSpace();
      if (this.#take(CLOSE_BRACE)) return this.#leave(object);
      if (!this.#take(COMMA)) throw this.#malformed('a comma or closing brace is missing');
    }
  }

  #parseKey(): string {
    this.#skipSpace();
    const c = this.#text.charCodeAt(this.#at);
    if (c === QUOTE || c === APOSTROPHE) return this.#parseString(c);
    if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      const start = this.#at;
      this.#parseValue();
      return this.#text.slice(start, this.#at);
    }
    BARE_KEY.lastIndex = this.#at;
    const bare = BARE_KEY.exec(this.#text);
    if (bare === null) throw this.#malformed('no key begins here');
    this.#at = BARE_KEY.lastIndex;
    return bare[0];
  }

  #parseArray(): unknown[] {
    this.#enter();
    const array: unknown[] = [];
    this.#skipSpace();
    if (this.#take(CLOSE_BRACKET)) return this.#leave(array);
    for (;;) {
      array.push(this.#parseValue());
      this.#skipSpace();
      if (this.#take(CLOSE_BRACKET)) return this.#leave(array);
      if (!this.#take(COMMA)) throw this.#malformed('a comma or closing bracket is missing');
    }
  }

  #parseString(quote: number): string {
    const text = this.#text;
    let start = this.#at + 1;
    let result = '';
    for (let i = start; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c === quote) {
        this.#at = i + 1;
        return result + text.slice(start, i);
      }
      if (c === BACKSLASH) {
        this.#at = i + 1;
        result += text.slice(start, i) + this.#parseEscape();
        start = this.#at;
        i = start - 1;
      }
    }
    throw this.#malformed('a string does not end');
  }

  /** The character after a backslash at the current place, which is moved behind it. */
  #parseEscape(): string {
    const letter = this.#text.charAt(this.#at);
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 1, this.#at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#malformed('a \\u escape lacks its four digits');
      this.#at += 5;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const escaped = ESCAPES[letter];
    if (escaped === undefined) throw this.#malformed('an escape is unknown');
    this.#at += 1;
    return escaped;
  }

  #parseNumber(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const literal = NUMBER.exec(this.#text)?.[0];
    if (literal === undefined) throw this.#malformed('a number is malformed');
    this.#at += literal.length;
    const value = Number(literal);
    // Only a literal of 16 digits or more can be past 2^53 - 1, and only a whole one loses meaning by rounding.
    if (literal.length < 16 || Number.isSafeInteger(value) || !/^-?\d+$/.test(literal)) return value;
    if (literal.length > MAX_INTEGER_LENGTH) throw this.#malformed('an integer is too long');
    return BigInt(literal);
  }

  #enter(): void {
    this.#at += 1;
    if (++this.#depth > MAX_JSON_DEPTH) throw this.#malformed(`it is nested deeper than ${MAX_JSON_DEPTH}`);
  }

  #leave<T>(value: T): T {
    this.#depth -= 1;
    return value;
  }

  #take(char: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== char) return false;
    this.#at += 1;
    return true;
  }

  #takeWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.#at += 1;
    }
  }

  #malformed(reason: string): ProtocolError {
    return new ProtocolError('ERR_ROCKETMQ_JSON_MALFORMED', `a JSON body does not parse: ${reason}`, {
      at: this.#at,
      length: this.#text.length,
      near: this.#text.slice(this.#at, this.#at + 40),
    });
  }
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}
