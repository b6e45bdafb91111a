import { expect } from 'chai';
import { BrokerTraffic, TrafficMeter } from '../../../../mock-broker/store/traffic.js';

describe('the traffic of a mock broker', () => {
  const MINUTE = 60_000;
  const DAY = 24 * 60 * MINUTE;
  let now: number;

  beforeEach(() => {
    now = new Date(2026, 0, 15, 12).getTime();
  });

  it('is counted over spans of time', () => {
    const meter = new TrafficMeter(() => now);
    meter.add(6, 600);
    now += 50_000;
    meter.add(6, 60);
    expect(meter.sum(MINUTE)).to.equal(12);
    expect(meter.sumBytes(MINUTE)).to.equal(660);
    expect(meter.perSecond(MINUTE)).to.equal(0.2);
    now += 10_000;
    expect(meter.sum(MINUTE)).to.equal(6);
    now += DAY;
    expect(meter.sum(DAY)).to.equal(0);
    expect(meter).to.include({ total: 12, totalBytes: 660 });
  });

  it('does not grow without end', () => {
    const meter = new TrafficMeter(() => now);
    for (let slice = 0; slice < 40_000; slice++) {
      meter.add(1, 1);
      now += 10_000;
    }
    expect(meter.total).to.equal(40_000);
    expect(meter.sum(3 * DAY)).to.be.lessThan((3 * DAY) / 10_000);
    expect(meter.sum(DAY)).to.be.closeTo(DAY / 10_000, 1);
  });

  it('knows what came today and yesterday', () => {
    const traffic = new BrokerTraffic(() => now);
    const marks = (): number[] => {
      traffic.putDays.turn();
      return [traffic.putDays.yesterdayMorning, traffic.putDays.todayMorning, traffic.puts.total];
    };
    traffic.stored('T', 5, 50);
    expect(marks()).to.deep.equal([0, 0, 5]);
    now += DAY;
    traffic.stored('T', 2, 20);
    expect(marks()).to.deep.equal([0, 5, 7]);
    now += DAY;
    expect(marks()).to.deep.equal([5, 7, 7]);
    now += 3 * DAY;
    expect(marks()).to.deep.equal([7, 7, 7]);
  });

  it('is told by topic and group, and forgotten with them', () => {
    const traffic = new BrokerTraffic(() => now);
    traffic.stored('T', 2, 30);
    traffic.delivered('G', 'T', 4, 60);
    expect(traffic.view('TOPIC_PUT_SIZE', 'T')?.statsMinute).to.deep.equal({ sum: 30, tps: 0.5, avgpt: 15 });
    expect(traffic.view('GROUP_GET_NUMS', 'T@G')?.statsMinute.sum).to.equal(4);
    expect(traffic.groupGetTps('G', 'T')).to.be.closeTo(4 / 60, 1e-9);
    expect(traffic.view('SOMETHING', 'T')).to.equal(undefined);
    traffic.forgetGroup('G');
    expect(traffic.view('GROUP_GET_NUMS', 'T@G')).to.equal(undefined);
    traffic.delivered('G', 'T', 1, 1);
    traffic.forgetTopic('T');
    expect(traffic.view('GROUP_GET_NUMS', 'T@G')).to.equal(undefined);
    expect(traffic.topicPutTps('T')).to.equal(0);
  });
});
