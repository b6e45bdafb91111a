import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_JSON_DEPTH, parseLenientJson } from '../../../lib/protocol/lenient-json.js';
import { errorOf } from './wire.js';

describe('parseLenientJson', () => {
  it('reads standard JSON like JSON.parse', () => {
    // Numbers past 2^53 - 1 are where the two differ on purpose.
    const hasOnlySafeIntegers = (text: string): boolean => !/\d{16}/.test(text);
    fc.assert(
      fc.property(fc.json().filter(hasOnlySafeIntegers), fc.boolean(), (json, pretty) => {
        const text = pretty ? JSON.stringify(JSON.parse(json), undefined, '\t') : json;
        expect(parseLenientJson(text)).to.deep.equal(JSON.parse(text));
      }),
    );
  });

  const standard = [
    '0', '-0', '12.5', '-1e3', '1.0E-7', '2E+2', 'true', 'false', 'null', '""', '[]', '{}', ' { "a" : [ 1 , 2 ] } ',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00"', '{"a":1,"a":2}', '[[[]],{"":{}}]', '"\u2028"',
  ]; // prettier-ignore
  for (const text of standard) {
    it(`reads ${text} like JSON.parse`, () => {
      expect(parseLenientJson(text)).to.deep.equal(JSON.parse(text));
    });
  }

  it('reads what the reference writes for control characters', () => {
    const text = '{"k":"\\u0000\\u0001\\u0007\\b\\t\\n\\u000b\\f\\r\\u001f \u007f\u0085"}';
    expect(parseLenientJson(text)).to.deep.equal({ k: '\0\u0001\u0007\b\t\n\v\f\r\u001f \u007f\u0085' });
  });

  it('reads unquoted keys', () => {
    expect(parseLenientJson('{"brokerAddrs":{0:"h:1",-1:"h:2", name : 3,$a_b:4}}')).to.deep.equal({
      brokerAddrs: { 0: 'h:1', '-1': 'h:2', name: 3, $a_b: 4 },
    });
  });

  it('reads objects as keys, as the text they are written with', () => {
    const key = '{"brokerName":"b}","queueId":0,"topic":"t"}';
    const value = parseLenientJson(`{"offsetTable":{${key}:5,{"a":[1]}:6}}`);
    expect(value).to.deep.equal({ offsetTable: { [key]: 5, '{"a":[1]}': 6 } });
  });

  it('reads a quoted key that holds the same text alike', () => {
    const key = '{"brokerName":"b","queueId":0,"topic":"t"}';
    expect(parseLenientJson(`{${JSON.stringify(key)}:5}`)).to.deep.equal(parseLenientJson(`{${key}:5}`));
  });

  it('reads arrays as keys', () => {
    expect(parseLenientJson('{[1, 2]:3}')).to.deep.equal({ '[1, 2]': 3 });
  });

  it('reads single quotes, and the escapes only fastjson knows', () => {
    expect(parseLenientJson(`{'a':'it\\'s "b"\\v\\0'}`)).to.deep.equal({ a: 'it\'s "b"\v\0' });
  });

  it('reads integers exactly up to 64 bits and beyond', () => {
    expect(
      parseLenientJson(
        '[9007199254740991,-9007199254740991,9007199254740992,-9223372036854775808,123456789012345678901]',
      ),
    ).to.deep.equal([
      9007199254740991,
      -9007199254740991,
      9007199254740992n,
      -9223372036854775808n,
      123456789012345678901n,
    ]);
  });

  it('reads every 64 bit integer exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (integer) => {
        const value = parseLenientJson(`{"offset":${integer}}`) as { offset: number | bigint };
        expect(BigInt(value.offset)).to.equal(integer);
      }),
    );
  });

  it('rounds a long fraction like JSON.parse', () => {
    expect(parseLenientJson('3.14159265358979323846')).to.equal(Math.PI);
    expect(parseLenientJson('12345678901234567890e0')).to.equal(12345678901234567890);
  });

  it('makes __proto__ a plain property', () => {
    const value = parseLenientJson('{"__proto__":{"polluted":1}}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect(Object.keys(value)).to.deep.equal(['__proto__']);
  });

  it('bounds the depth', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseLenientJson(nested(MAX_JSON_DEPTH))).to.be.an('array');
    const error = errorOf(() => parseLenientJson(nested(MAX_JSON_DEPTH + 1)));
    expect(error.code).to.equal('ERR_ROCKETMQ_JSON_MALFORMED');
    expect(errorOf(() => parseLenientJson('{['.repeat(100_000))).code).to.equal('ERR_ROCKETMQ_JSON_MALFORMED');
  });

  it('allows siblings without end at the same depth', () => {
    expect(parseLenientJson(`[${'[],'.repeat(1_000)}[]]`)).to.have.length(1_001);
  });

  const broken = [
    '', ' ', '{', '[', '"', '"a', "'a\"", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a" 1}', '{,}', '{:1}', '[1', '[1,', '[,]',
    '[1 2]', 'tru', 'nul', '-', '01', '+1', '.5', '"\\x"', '"\\u12"', '"\\u12g4"', '1 2', '{} x', '{"a":1 "b":2}', '}',
    '{{"a":1:2}', 'NaN', '\\', '"\\',
  ]; // prettier-ignore
  for (const text of broken) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const error = errorOf(() => parseLenientJson(text));
      expect(error.code).to.equal('ERR_ROCKETMQ_JSON_MALFORMED');
      expect(error.context).to.have.property('at').that.is.within(0, text.length);
    });
  }

  it('refuses every text that is cut short, and never does anything else', () => {
    const text = '{"a":[1,-2.5e3,{0:"x\\u0041"},{{"b":1}:\'y\'}],"c":[true,false,null]}';
    for (let length = 0; length < text.length; length++) {
      expect(errorOf(() => parseLenientJson(text.slice(0, length))).code).to.equal('ERR_ROCKETMQ_JSON_MALFORMED');
    }
  });

  it('reads integers of up to 100 characters, and no longer ones', () => {
    const longest = '9'.repeat(100);
    expect(parseLenientJson(longest)).to.equal(BigInt(longest));
    expect(parseLenientJson(`-${'9'.repeat(99)}`)).to.equal(-BigInt('9'.repeat(99)));
    for (const text of [`${longest}9`, `-${longest}`]) {
      expect(errorOf(() => parseLenientJson(text)).code).to.equal('ERR_ROCKETMQ_JSON_MALFORMED');
    }
    expect(parseLenientJson(`0.${longest}${longest}`), 'a fraction is rounded').to.equal(1);
  });
});
