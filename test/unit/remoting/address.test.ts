import { expect } from 'chai';
import { parseAddress } from '../../../lib/remoting/address.js';

describe('remoting/address', () => {
  const readable: [string, string, number][] = [
    ['127.0.0.1:9876', '127.0.0.1', 9876],
    ['broker-a.example.com:10911', 'broker-a.example.com', 10911],
    ['[::1]:9876', '::1', 9876],
    ['2001:db8::7:10911', '2001:db8::7', 10911],
    ['::1:65535', '::1', 65535],
    ['fe80::1%eth0:1', 'fe80::1%eth0', 1],
  ];
  for (const [text, host, port] of readable) {
    it(`reads ${text}`, () => expect(parseAddress(text)).to.deep.equal({ host, port }));
  }

  const refused = [
    '',
    'host',
    ':9876',
    'host:',
    'host:0',
    'host:65536',
    'host:98x',
    'host:-1',
    'a b:1',
    '[]:1',
    'a;b:1',
  ];
  for (const text of [...refused, 'http://host:80', 'host:123456', '[::1:80', 'host: 80']) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseAddress(text)).to.equal(undefined));
  }
});
