import { expect } from 'chai';
import { pairDifferences, pairRatios, summarize } from '../../../bench/harness/statistics.js';

describe('bench/statistics', () => {
  it('takes the middle one of an odd number of values, by size and not by text', () => {
    expect(summarize([100, 9, 20])).to.deep.equal({ median: 20, min: 9, max: 100 });
  });

  it('takes the mean of the two in the middle of an even number', () => {
    expect(summarize([4, 1, 10, 2])).to.deep.equal({ median: 3, min: 1, max: 10 });
  });

  it('leaves the values in the order of their rounds', () => {
    const values = [3, 1, 2];
    summarize(values);
    expect(values).to.deep.equal([3, 1, 2]);
  });

  it('has nothing to say of no values', () => {
    expect(() => summarize([])).to.throw(RangeError);
  });

  it('compares each round with the same round, not the medians', () => {
    const ratios = pairRatios([90, 45, 10], [100, 50, 40]);
    expect(ratios).to.deep.equal([0.9, 0.9, 0.25]);
    // That of the medians would be 45 / 50 of other rounds.
    expect(summarize(pairRatios([10, 30, 20], [40, 30, 10])).median).to.equal(1);
    expect(pairDifferences([3, 5], [1, 6])).to.deep.equal([2, -1]);
  });

  it('refuses rounds without a counterpart', () => {
    expect(() => pairRatios([1, 2], [1])).to.throw(RangeError, "2 rounds can't be paired with 1");
    expect(() => pairDifferences([], [1])).to.throw(RangeError);
  });
});
