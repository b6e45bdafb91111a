import { expect } from 'chai';
import fc from 'fast-check';
import { ValidationError } from '../../../../lib/errors.js';
import { Faults, type FaultRule } from '../../../../mock-broker/index.js';
import {
  describeFault,
  FaultRuleSchema,
  parseFaultRule,
  parseFaultText,
} from '../../../../mock-broker/faults/schema.js';

/** One of each action, as JSON has it. */
const ACTIONS: readonly Record<string, unknown>[] = [
  { type: 'answer', code: 215, remark: 'busy', ext: { a: 'b' }, bodyText: 'x' },
  { type: 'answer', code: 0, bodyBase64: '/w==' },
  { type: 'delay', ms: 5, when: 'before' },
  { type: 'drop' },
  { type: 'dropReply' },
  { type: 'duplicate' },
  { type: 'raw', base64: 'AQID' },
  { type: 'close', when: 'mid-frame' },
  { type: 'halfOpen', ms: 100 },
  { type: 'refuse' },
  { type: 'chunk', size: 1 },
  { type: 'coalesce', frames: 2 },
  { type: 'throttle', bytesPerSecond: 100 },
  { type: 'corrupt', what: 'crc' },
  { type: 'lock', do: 'steal', by: 'thief' },
  { type: 'offset', do: 'rollBack', by: 10 },
  { type: 'members', remove: ['a'], add: ['b'] },
  { type: 'pull', do: 'wrongNextOffset', delta: -1 },
];

describe('fault rules as JSON', () => {
  function refusal(value: unknown): string {
    try {
      parseFaultRule(value);
    } catch (error) {
      expect(error, JSON.stringify(value)).to.be.instanceOf(ValidationError);
      return (error as ValidationError).message;
    }
    throw new Error(`it was accepted: ${JSON.stringify(value)}`);
  }

  it('are read, and come out as they went in', () => {
    for (const action of ACTIONS) {
      const rule = { broker: 'broker-a', times: 2, probability: 0.5, seed: -3, action };
      const fault = new Faults().add(parseFaultRule(rule));
      expect(describeFault(fault)).to.deep.equal({ id: 'f1', rule, hits: 0, matched: 0 });
    }
  });

  it('are about any request, by number or name', () => {
    for (const code of [0, 41, 200_050, 'POP_MESSAGE', ['LOCK_BATCH_MQ', 200_151]]) {
      const rule = { code, action: { type: 'drop' } };
      expect(describeFault(new Faults().add(parseFaultRule(rule))).rule).to.deep.equal(rule);
    }
  });

  it('have bytes as base64', () => {
    const raw = parseFaultRule({ action: { type: 'raw', base64: 'AQID' } });
    expect(raw.action).to.deep.equal({ type: 'raw', bytes: Buffer.from([1, 2, 3]) });
    const answer = parseFaultRule({ action: { type: 'answer', code: 0, bodyText: '{}' } });
    expect(answer.action).to.deep.equal({ type: 'answer', code: 0, body: Buffer.from('{}') });
  });

  it('show functions as what they are', () => {
    const rule: FaultRule = { where: () => true, action: { type: 'rewrite', reply: (answer) => answer } };
    expect(describeFault(new Faults().add(rule)).rule).to.deep.equal({
      where: '[function]',
      action: { type: 'rewrite', reply: '[function]' },
    });
  });

  it('are refused with the field that is wrong, and what it expects', () => {
    const drop = { type: 'drop' };
    const cases: [unknown, string][] = [
      [null, 'fault is not valid'],
      [{}, 'fault.action is not valid'],
      [{ action: { type: 'explode' } }, 'fault.action.type is not valid: got "explode"'],
      [{ action: { type: 'toString' } }, 'fault.action.type is not valid: got "toString"'],
      [{ action: drop, tiems: 1 }, 'fault.tiems is not valid: got 1, allowed is a field that exists: code, broker'],
      [{ action: { ...drop, ms: 1 } }, 'fault.action.ms is not valid: got 1, allowed is a field that exists: type'],
      [{ action: drop, queueId: -1 }, 'fault.queueId is not valid: got -1, allowed is a queue id'],
      [{ action: drop, probability: 2 }, 'fault.probability is not valid: got 2, allowed is a number from 0 to 1'],
      [{ action: drop, code: 'LOCK' }, 'fault.code is not valid: got "LOCK", allowed is a request code or its name'],
      [{ action: drop, code: ['PULL_MESSAGE', {}] }, 'fault.code is not valid'],
      [{ action: { type: 'delay' } }, 'fault.action.ms is not valid: got undefined, allowed is milliseconds'],
      [{ action: { type: 'lock', do: 'lose' } }, 'allowed is refuse, grant, steal, expire, forget'],
      [
        { action: { type: 'raw', base64: '!' } },
        'fault.action.base64 is not valid: got "!", allowed is bytes in base64',
      ],
      [
        { action: { type: 'answer', code: 0, bodyText: 'a', bodyBase64: 'YQ==' } },
        'only one of bodyText and bodyBase64',
      ],
    ];
    for (const [value, expected] of cases) expect(refusal(value), JSON.stringify(value)).to.include(expected);
  });

  it('are refused, rather than fail, whatever they are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ code: fc.jsonValue(), action: fc.jsonValue() })), (value) => {
        try {
          new Faults().add(parseFaultRule(value));
        } catch (error) {
          expect(error).to.be.instanceOf(ValidationError);
        }
      }),
    );
  });

  it('have a schema that others can read', () => {
    const schema = JSON.parse(JSON.stringify(FaultRuleSchema)) as { properties: { action: { anyOf: unknown[] } } };
    const types = new Set(ACTIONS.map(({ type }) => type));
    expect(schema.properties.action.anyOf).to.have.length(types.size);
  });
});

describe('fault rules as text', () => {
  it('have a short form', () => {
    const cases: [string, FaultRule][] = [
      ['LOCK_BATCH_MQ:lock=refuse,group=billing,times=3', { code: ['LOCK_BATCH_MQ'], group: 'billing', times: 3, action: { type: 'lock', do: 'refuse' } }], // prettier-ignore
      ['*:drop', { action: { type: 'drop' } }],
      ['34+PULL_MESSAGE:delay=250,when=before,probability=0.5', { code: [34, 'PULL_MESSAGE'], probability: 0.5, action: { type: 'delay', ms: 250, when: 'before' } }], // prettier-ignore
      ['*:offset=rollBack,by=10,group=123', { group: '123', action: { type: 'offset', do: 'rollBack', by: 10 } }],
      ['*:lock=steal,by=c2', { action: { type: 'lock', do: 'steal', by: 'c2' } }],
      ['*:members=c1+c2,add=c3,clientId=c4', { clientId: 'c4', action: { type: 'members', remove: ['c1', 'c2'], add: ['c3'] } }], // prettier-ignore
      ['11:answer=215,remark=slow down', { code: [11], action: { type: 'answer', code: 215, remark: 'slow down' } }],
      ['*:refuse,broker=broker-b', { broker: 'broker-b', action: { type: 'refuse' } }],
    ];
    for (const [text, rule] of cases) expect(parseFaultText(text), text).to.deep.equal(rule);
  });

  it('may be JSON', () => {
    expect(parseFaultText(' {"code":11,"action":{"type":"drop"}}')).to.deep.equal({
      code: 11,
      action: { type: 'drop' },
    });
  });

  it('are refused with what is wrong', () => {
    const cases: [string, string][] = [
      ['', '<code or *>:<action>'],
      ['drop', '<code or *>:<action>'],
      ['*:drop=1', 'fault.action.drop is not valid'],
      ['*:drop,times', 'allowed is key=value'],
      ['*:drop,times=soon', 'fault.times is not valid: got "soon"'],
      ['NOTHING:drop', 'fault.code is not valid'],
      ['{"action":', 'a JSON object ('],
    ];
    for (const [text, expected] of cases) expect(() => parseFaultText(text), text).to.throw(ValidationError, expected);
  });
});
