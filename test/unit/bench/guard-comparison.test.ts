import { expect } from 'chai';
import { compare, complaints, formatComparisons, missing, type Figure } from '../../../bench/guard/comparison.js';

const figure = (name: string, value: number): Figure => ({ name, value, digits: 1, tolerance: 1.1, slack: 5 });

describe('bench/guard/comparison', () => {
  it('lets a figure have the tolerance and the slack, and not more', () => {
    const baseline = { a: 100 };
    expect(compare([figure('a', 115)], baseline)[0]).to.include({ verdict: 'same', baseline: 100 });
    expect(compare([figure('a', 115)], baseline)[0]?.limit).to.be.closeTo(115, 1e-9);
    expect(compare([figure('a', 115.1)], baseline)[0]?.verdict).to.equal('dearer');
  });

  it('does not let a value pass that is none', () => {
    expect(compare([figure('a', Number.NaN)], { a: 100 })[0]?.verdict).to.equal('dearer');
  });

  it('says what got so much cheaper that the baseline is out of date, without complaining', () => {
    const comparisons = compare([figure('a', 50)], { a: 100 });
    expect(comparisons[0]?.verdict).to.equal('cheaper');
    expect(complaints(comparisons, [])).to.deep.equal([]);
  });

  it('complains of what got dearer, is new, or is not measured any more', () => {
    const figures = [figure('a', 1), figure('b', 100), figure('c', 1)];
    const baseline = { a: 1, b: 10, d: 1 };
    const comparisons = compare(figures, baseline);
    expect(complaints(comparisons, missing(figures, baseline))).to.deep.equal([
      'b got dearer',
      'c is not in the baseline',
      'd is in the baseline and was not measured',
    ]);
  });

  it('prints a line for each figure: baseline, now, ratio, limit', () => {
    const text = formatComparisons(compare([figure('a', 2_000), figure('longer', 1)], { a: 1_000 }));
    expect(text.split('\n').map((line) => line.split(/ {2,}/))).to.deep.equal([
      ['step', 'baseline', 'now', 'ratio', 'limit'],
      ['a', '1,000.0', '2,000.0', '2.000', '1,105.0', 'DEARER'],
      ['longer', '-', '1.0', '-', '-', 'NEW'],
    ]);
  });
});
