import { expect } from 'chai';
import fc from 'fast-check';
import { decodeHost, encodeHost, encodeIp } from '../../../lib/protocol/host-address.js';
import { errorOf } from './wire.js';

describe('host address', () => {
  const forms: [host: string, hex: string, written?: string][] = [
    ['10.0.0.1:1234', '0a000001000004d2'],
    ['255.255.255.255:65535', 'ffffffff0000ffff'],
    ['[2001:db8::1]:1234', '20010db8000000000000000000000001000004d2'],
    ['[::]:0', '0000000000000000000000000000000000000000'],
    ['[::1]:10911', '0000000000000000000000000000000100002a9f'],
    ['[fe80::a:0:0:1]:10911', 'fe80000000000000000a00000000000100002a9f'],
    ['[1:2:3:4:5:6:7:8]:1', '0001000200030004000500060007000800000001'],
    ['[1:0:3:4:5:6:7:8]:1', '0001000000030004000500060007000800000001'],
    ['[1::]:1', '0001000000000000000000000000000000000001'],
    ['2001:DB8::1:1234', '20010db8000000000000000000000001000004d2', '[2001:db8::1]:1234'],
    ['[fe80::1%eth0]:1', 'fe80000000000000000000000000000100000001', '[fe80::1]:1'],
    ['[::ffff:10.0.0.1]:1', '00000000000000000000ffff0a00000100000001', '[::ffff:a00:1]:1'],
  ];
  for (const [host, hex, written = host] of forms) {
    it(`${host} is ${hex}`, () => {
      const bytes = encodeHost(host);
      expect(bytes.toString('hex')).to.equal(hex);
      expect(decodeHost(bytes, 0, bytes.length === 20)).to.equal(written);
    });
  }

  it('survives encoding and decoding', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 65_535 }), (ip, port) => {
        const host = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
        const bytes = encodeHost(host);
        const text = decodeHost(bytes, 0, bytes.length === 20);
        expect(encodeHost(text)).to.deep.equal(bytes);
        expect(text.endsWith(`:${port}`)).to.equal(true);
        if (!ip.includes(':')) expect(text).to.equal(host);
      }),
    );
  });

  for (const host of [
    '',
    ':',
    '10.0.0.1',
    '10.0.0.1:',
    '10.0.0.1:x',
    '10.0.0.1:-1',
    '10.0.0:1',
    '256.0.0.1:1',
    '10.0.0.1.2:1',
    'localhost:1',
    '[1:2:3]:1',
    '[1::2::3]:1',
    '[1:2:3:4:5:6:7:8:9]:1',
    '[1:2:3:4:5:6:7::8]x:1',
    '[g::1]:1',
    '[12345::]:1',
    '[::1.2.3]:1',
    '10.0.0.1:9999999999',
  ]) {
    // prettier-ignore
    it(`refuses ${JSON.stringify(host)}`, () => {
      expect(errorOf(() => encodeHost(host)).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
    });
  }

  it('tells by undefined that a text is no IP address', () => {
    expect(encodeIp('nowhere')).to.equal(undefined);
    expect(encodeIp('1:2:3:4:5:6::8')).to.have.length(16);
    expect(encodeIp('1:2:3:4:5:6:7::8')).to.equal(undefined);
    expect(encodeIp('1:2:3:4:5:6:7:8::')).to.equal(undefined);
  });

  it('takes the first percent sign for the end of the address, whatever follows', () => {
    expect(encodeIp('fe80::1%a%b\n')).to.deep.equal(encodeIp('fe80::1'));
    expect(encodeIp('%::1')).to.equal(undefined);
  });

  it('shows what it refuses shortened', () => {
    const error = errorOf(() => encodeHost('h'.repeat(10_000)));
    expect(error.message).to.have.length.below(200);
    expect(JSON.stringify(error.context)).to.have.length.below(200);
  });
});
