import { expect } from 'chai';
import { parseOutputLine, requireNumbers } from '../../../bench/harness/program-output.js';
import { versionName } from '../../../bench/harness/version-name.js';

describe('bench/program-output', () => {
  it('reads a result', () => {
    expect(parseOutputLine('RESULT {"messages":3,"wallMs":1.5}')).to.deep.equal({
      kind: 'result',
      result: { messages: 3, wallMs: 1.5 },
    });
  });

  it('reads progress', () => {
    expect(parseOutputLine('PROGRESS {"done":1000}')).to.deep.equal({ kind: 'progress', done: 1000 });
  });

  for (const line of ['', 'listening', ' RESULT {}', 'RESULTS {}', 'a RESULT {"messages":1}']) {
    it(`takes ${JSON.stringify(line)} for what it is`, () =>
      expect(parseOutputLine(line)).to.deep.equal({ kind: 'text', text: line }));
  }

  for (const line of ['RESULT ', 'RESULT {"messages":', 'RESULT 5', 'RESULT null', 'RESULT [1]', 'PROGRESS {}']) {
    it(`refuses ${line}`, () => expect(() => parseOutputLine(line)).to.throw(`not understood: ${line}`));
  }

  it('wants the numbers of a result to be there and to be numbers', () => {
    const result = { messages: 3, wallMs: '5', cpuMs: null };
    expect(requireNumbers(result, ['messages']).messages).to.equal(3);
    expect(() => requireNumbers(result, ['messages', 'wallMs', 'cpuMs', 'peakRss'])).to.throw(
      'no number in wallMs, cpuMs, peakRss',
    );
  });
});

describe('bench/version-name', () => {
  for (const [ordinal, name] of [
    [513, '5.5.0'],
    [479, '5.3.3'],
    [413, '5.0.0'],
    [407, '4.9.7'],
    [100, 'version 100'],
  ] as const) {
    it(`${ordinal} is ${name}`, () => expect(versionName(ordinal)).to.equal(name));
  }
});
