import { expect } from 'chai';
import { isReached } from '../../../bench/harness/report.js';
import type { Sample } from '../../../bench/soak/sample.js';
import { drawSeries } from '../../../bench/soak/series-chart.js';
import { judge, rise, type Outcome } from '../../../bench/soak/verdict.js';

const FINE: Outcome = { brokenOff: 0, orderFaults: 0, lost: 0, violations: 0, left: 0 };

describe('bench/soak/verdict', () => {
  function sample(minute: number, change: Partial<Sample> = {}): Sample {
    return {
      seconds: minute * 60,
      calm: true,
      heapUsed: 20_000_000,
      external: 1_000_000,
      rss: 90_000_000,
      sockets: 9,
      resources: { TCPSocketWrap: 9, Timeout: 40 },
      sent: 0,
      consumed: 0,
      lag: 0,
      ...change,
    };
  }

  function hour(change: (minute: number) => Partial<Sample>): Sample[] {
    return Array.from({ length: 61 }, (_, minute) => sample(minute, change(minute)));
  }

  /** The names of the goals that were missed. */
  function missed(samples: readonly Sample[], outcome = FINE): string[] {
    return judge(samples, outcome)
      .filter((goal) => !isReached(goal))
      .map(({ name }) => name);
  }

  it('is content with memory that goes up and down', () => {
    expect(missed(hour((minute) => ({ heapUsed: 20_000_000 + (minute % 7) * 500_000 })))).to.deep.equal([]);
  });

  it('is content with memory that has risen before the second half', () => {
    expect(missed(hour((minute) => ({ heapUsed: 20_000_000 + Math.min(minute, 25) * 400_000 })))).to.deep.equal([]);
  });

  it('finds a leak of 4 bytes a message', () => {
    const leak = hour((minute) => ({ heapUsed: 20_000_000 + (minute % 7) * 100_000 + minute * 60 * 400 * 4 }));
    expect(missed(leak)).to.deep.equal(['live memory rises over the second half, by its slope']);
    expect(rise(leak.slice(30))).to.be.within(2_600_000, 3_100_000);
  });

  it('looks at calm moments alone', () => {
    expect(missed(hour((minute) => (minute % 2 === 0 ? {} : { calm: false, heapUsed: minute * 1e8, sockets: 99 })))).to.deep.equal([]); // prettier-ignore
  });

  it('finds connections, handles and timers that become more', () => {
    const more = (minute: number): number => Math.floor(minute / 30);
    const worse = hour((minute) => ({
      sockets: 9 + more(minute),
      resources: { TCPSocketWrap: 9 + more(minute), Timeout: 40 + minute },
    }));
    expect(missed(worse)).to.deep.equal([
      'connections more than at the first calm moment',
      'handles more than at the first calm moment',
      'timers: the least of the last quarter above the most of the first',
    ]);
    expect(missed(hour((minute) => ({ sockets: 9 - (minute % 3), resources: { Timeout: 40 + (minute % 9) } })))).to.deep.equal([]); // prettier-ignore
  });

  it('finds disorder, losses, broken rules and what is left', () => {
    expect(
      missed(
        hour(() => ({})),
        { brokenOff: 1, orderFaults: 1, lost: 1, violations: 1, left: 1 },
      ),
    ).to.have.lengthOf(5);
    expect(
      judge(
        hour(() => ({})),
        { ...FINE, violations: undefined },
      ),
    ).to.have.lengthOf(8);
  });

  it('is not content with a run without calm moments', () => {
    const samples = [sample(0), sample(1, { calm: false })];
    expect(missed(samples)).to.include('live memory rises over the second half, by its slope');
    expect(() => rise(samples.slice(0, 1))).to.throw(RangeError);
    expect(missed([])).to.not.be.empty;
  });
});

describe('bench/soak/series-chart', () => {
  it('draws each panel from 0 to its most, says it in words, and escapes names', () => {
    const svg = drawSeries('A & B', [
      {
        name: 'memory',
        unit: 'MB',
        digits: 0,
        series: [
          { name: 'all', points: [[0, 10], [60, 20], [120, 40]] }, // prettier-ignore
          { name: 'calm', points: [[60, 20]], dots: true }, // prettier-ignore
        ],
      },
      { name: 'empty', unit: '', digits: 0, series: [{ name: 'none', points: [] }] },
    ]);
    expect(svg).to.include('A &amp; B').and.include('memory, all: from 10 to 40 MB.').and.not.include('NaN');
    // A path with a corner is filled unless told otherwise.
    expect(svg).to.include('.axis { fill: none }');
    // 0 minutes at 70, 2 minutes at 744; 40 MB at the top of 90, 10 MB at its fourth quarter.
    expect(svg).to.include('d="M70 139.5L407 117L744 72"').and.include('<circle class="dot" cx="407" cy="117" r="2"/>');
  });
});
