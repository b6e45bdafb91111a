import { expect } from 'chai';
import { drawChart } from '../../../bench/harness/chart.js';
import type { Measure } from '../../../bench/harness/report.js';

const rate: Measure = {
  name: 'rate',
  unit: 'messages/s',
  digits: 0,
  values: { floor: [900, 1000, 800], 'ours <1>': [450, 400, 500] },
  chart: 'more is better',
};

function numbersOf(svg: string, pattern: RegExp): number[] {
  return [...svg.matchAll(pattern)].map((match) => Number(match[1]));
}

describe('bench/chart', () => {
  it('draws a bar as long as its median', () => {
    const [floor = 0, ours = 0] = numbersOf(drawChart('t', [rate]), /class="bar"[^>]* width="([\d.]+)"/g);
    expect(ours / floor).to.be.closeTo(0.5, 0.001);
  });

  it('draws a whisker from the least to the most around the end of the bar', () => {
    const svg = drawChart('t', [rate]);
    const [bar] = [...svg.matchAll(/class="bar" x="([\d.]+)"[^>]* width="([\d.]+)"/g)];
    const [whisker] = [...svg.matchAll(/class="spread" d="M([\d.]+) [\d.]+H([\d.]+)M/g)];
    const [x, width] = [Number(bar?.[1]), Number(bar?.[2])];
    expect((Number(whisker?.[1]) - x) / width).to.be.closeTo(800 / 900, 0.001);
    expect((Number(whisker?.[2]) - x) / width).to.be.closeTo(1000 / 900, 0.001);
  });

  it('says in words what it shows, and escapes names', () => {
    const svg = drawChart('a & b', [rate]);
    expect(svg).to.match(/<svg [^>]*role="img" aria-labelledby="title desc"/);
    expect(svg).to.include('<title id="title">a &amp; b</title>');
    expect(svg).to.include('floor 900 (800 to 1,000); ours &lt;1&gt; 450 (400 to 500).</desc>');
    expect(svg).not.to.include('<1>');
  });

  it('follows the colours a reader prefers', () => {
    expect(drawChart('t', [rate])).to.include('@media (prefers-color-scheme: dark)');
  });

  it('draws only what is meant to be drawn, one below the other, within its frame', () => {
    const { chart: _, ...undrawn } = { ...rate, name: 'hidden' };
    const svg = drawChart('t', [rate, undrawn, { ...rate, name: 'second' }]);
    expect(svg).not.to.include('hidden');
    const tops = numbersOf(svg, /class="bar" x="[\d.]+" y="([\d.]+)"/g);
    expect(tops).to.have.length(4);
    expect(tops).to.deep.equal([...tops].sort((a, b) => a - b));
    const [height = 0] = numbersOf(svg, /viewBox="0 0 \d+ (\d+)"/g);
    expect(Math.max(...tops) + 18).to.be.below(height);
  });

  it('draws nothing for zero', () => {
    const svg = drawChart('t', [{ ...rate, values: { none: [0, 0] } }]);
    expect(numbersOf(svg, /class="bar"[^>]* width="([\d.]+)"/g)).to.deep.equal([0]);
    expect(svg).not.to.include('NaN');
  });
});
