import { expect } from 'chai';
import {
  formatReport,
  isReached,
  reportDocument,
  type Goal,
  type Machine,
  type SuiteReport,
} from '../../../bench/harness/report.js';

const machine: Machine = {
  date: '2026-01-02T03:04:05.000Z',
  cpu: 'A processor',
  cores: 2,
  memoryGiB: 8,
  node: 'v20.20.2',
  platform: 'linux x64',
};

const goal: Goal = { name: 'rate', measured: 0.9, sense: 'at least', bound: 0.9, unit: '', digits: 3 };

const report: SuiteReport = {
  suite: 'throughput',
  title: 'draining',
  target: 'protocol of 5.5.0',
  rounds: 3,
  settings: { messages: 1_600_000 },
  measures: [{ name: 'rate', unit: 'messages/s', digits: 0, values: { floor: [1000, 3000, 2000], ours: [7, 9, 8] } }],
  goals: [goal, { ...goal, name: 'delay', measured: 20, sense: 'below', bound: 20, unit: 'ms' }],
  notes: ['A note.'],
};

describe('bench/report', () => {
  for (const [sense, measured, reached] of [
    ['at least', 0.9, true],
    ['at least', 0.899, false],
    ['at most', 0.9, true],
    ['at most', 0.901, false],
    ['below', 0.9, false],
    ['below', 0.899, true],
    ['at least', Number.NaN, false],
    ['at most', Number.NaN, false],
    ['below', Number.NaN, false],
  ] as const) {
    it(`${measured} is ${reached ? '' : 'not '}${sense} 0.9`, () =>
      expect(isReached({ ...goal, sense, measured })).to.equal(reached));
  }

  it('says what was measured, where, and with which spread', () => {
    const lines = formatReport(report, machine).split('\n');
    expect(lines.slice(0, 4)).to.deep.equal([
      'throughput: draining',
      '  A processor, 2 cores, 8 GiB, node v20.20.2, 2026-01-02T03:04:05.000Z',
      '  protocol of 5.5.0',
      '  messages 1,600,000, rounds 3',
    ]);
    expect(lines.find((line) => line.includes('floor'))).to.match(/^ {4}floor +2,000 +1,000 +3,000$/);
    expect(lines.find((line) => line.includes('ours'))).to.match(/^ {4}ours +8 +7 +9$/);
    expect(lines).to.include('  A note.');
  });

  it('puts all columns below their heads', () => {
    const lines = formatReport(report, machine).split('\n');
    const rows = lines.filter((line) => /^ {2}rate, |^ {4}(floor|ours)/.test(line));
    expect(rows).to.have.length(3);
    expect(new Set(rows.map((row) => row.length)).size).to.equal(1);
  });

  it('does not gloss over a goal that was missed', () => {
    const lines = formatReport(report, machine).split('\n');
    expect(lines).to.include('    reached  rate: 0.900 (at least 0.900)');
    expect(lines).to.include('    MISSED   delay: 20.000 ms (below 20.000 ms)');
  });

  it('shows a goal that was missed by little with the figures that show it', () => {
    const missed = { ...goal, measured: 0.8999, digits: 2 };
    const text = formatReport({ ...report, goals: [missed] }, machine);
    expect(text).to.include('    MISSED   rate: 0.8999 (at least 0.90)');
  });

  it('stores every round beside what they come to', () => {
    const document = JSON.parse(JSON.stringify(reportDocument(machine, [report]))) as {
      machine: Machine;
      suites: { measures: { candidates: object }[]; goals: { name: string; reached: boolean }[] }[];
    };
    expect(document.machine).to.deep.equal(machine);
    expect(document.suites[0]?.measures[0]?.candidates).to.deep.equal({
      floor: { median: 2000, min: 1000, max: 3000, rounds: [1000, 3000, 2000] },
      ours: { median: 8, min: 7, max: 9, rounds: [7, 9, 8] },
    });
    expect(document.suites[0]?.goals.map(({ name, reached }) => [name, reached])).to.deep.equal([
      ['rate', true],
      ['delay', false],
    ]);
  });
});
