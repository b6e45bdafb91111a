import { expect } from 'chai';
import { MessageIdGenerator, offsetMessageId, parseOffsetMessageId } from '../../../lib/protocol/message-id.js';
import { errorOf } from './wire.js';

describe('offsetMsgId', () => {
  it('is the one of the reference', () => {
    expect(offsetMessageId('10.0.0.2', 10911, 123456)).to.equal('0A00000200002A9F000000000001E240');
    expect(offsetMessageId('fe80::a:0:0:1', 10911, 123456)).to.equal(
      'FE80000000000000000A00000000000100002A9F000000000001E240',
    );
    expect(offsetMessageId('[fe80::a:0:0:1]', 10911, 123456)).to.equal(offsetMessageId('fe80::a:0:0:1', 10911, 123456));
  });

  it('is read back', () => {
    expect(parseOffsetMessageId('0a00000200002A9F000000000001E240')).to.deep.equal({
      storeHost: '10.0.0.2:10911',
      commitLogOffset: 123456,
    });
    expect(parseOffsetMessageId('FE80000000000000000A00000000000100002A9F000000000001E240')).to.deep.equal({
      storeHost: '[fe80::a:0:0:1]:10911',
      commitLogOffset: 123456,
    });
  });

  for (const id of ['', '0A', 'G'.repeat(32), '0A00000200002A9F7FFFFFFFFFFFFFFF']) {
    it(`refuses ${JSON.stringify(id)}`, () => {
      expect(errorOf(() => parseOffsetMessageId(id)).code).to.equal('ERR_ROCKETMQ_INVALID_ARGUMENT');
    });
  }

  it('refuses a host that is no address', () => {
    expect(errorOf(() => offsetMessageId('localhost', 1, 1)).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
  });
});

describe('MessageIdGenerator', () => {
  const now = new Date(2026, 10, 21, 5, 30, 46, 789).getTime();

  it('puts address, process and the time since the month began into the id', () => {
    const id = new MessageIdGenerator('10.1.2.3', 0x1abcd).next(now);
    expect(id).to.match(/^[0-9A-F]{32}$/);
    expect(id.slice(0, 8)).to.equal('0A010203');
    expect(id.slice(8, 12)).to.equal('ABCD');
    const sinceMonthStart = now - new Date(2026, 10, 1).getTime();
    expect(Number.parseInt(id.slice(20, 28), 16)).to.equal(sinceMonthStart);
  });

  it('begins at 0 again with the next month', () => {
    const generator = new MessageIdGenerator('10.1.2.3');
    const timeOf = (wallTime: number): number => Number.parseInt(generator.next(wallTime).slice(20, 28), 16);
    const december = new Date(2026, 11, 1).getTime();
    expect([timeOf(december - 1) > 0, timeOf(december), timeOf(december + 0.5), timeOf(now) > 0]).to.deep.equal([
      true,
      0,
      0,
      true,
    ]);
  });

  it('has 56 digits for an IPv6 address', () => {
    const id = new MessageIdGenerator('fd00::263').next(now);
    expect(id).to.match(/^FD0000000000000000000000000002[0-9A-F]{26}$/);
  });

  it('gives a different id 65,536 times within one millisecond', () => {
    const generator = new MessageIdGenerator('10.1.2.3');
    const ids = new Set<string>();
    for (let i = 0; i < 65_536; i++) ids.add(generator.next(now));
    expect(ids.size).to.equal(65_536);
  });

  it('gives other ids than another generator on the same machine and process', () => {
    const random = (): string => new MessageIdGenerator('10.1.2.3').next(now).slice(12, 20);
    expect(new Set([random(), random(), random()]).size).to.be.greaterThan(1);
  });

  it('refuses an address that is none', () => {
    expect(errorOf(() => new MessageIdGenerator('localhost')).code).to.equal('ERR_ROCKETMQ_INVALID_ARGUMENT');
  });
});
