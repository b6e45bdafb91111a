import { expect } from 'chai';
import { everythingOf, Secrets } from '../../support/secrets.js';

/** What other tests rely on: a secret is found wherever it is. */
describe('Secrets', () => {
  const secret = 'p4ss"wörd/+ with 1 space';
  const secrets = new Secrets({ it: Buffer.from(secret) });
  const bytes = Buffer.from(secret);

  const writings: Record<string, string> = {
    text: `before ${secret} behind`,
    JSON: JSON.stringify({ a: [secret] }),
    'part of a URL': `http://x/?y=${encodeURIComponent(bytes.toString('latin1'))}`,
    hex: bytes.toString('hex'),
    'large hex': bytes.toString('hex').toUpperCase(),
    'a printed Buffer': everythingOf({ deep: { bytes } }),
    'the JSON of a Buffer': JSON.stringify({ bytes }),
    base64: bytes.toString('base64'),
    'base64 behind one byte': Buffer.concat([Buffer.from('x'), bytes, Buffer.from('yz')]).toString('base64'),
    'base64 behind two bytes': Buffer.concat([Buffer.from('xy'), bytes, Buffer.from('z')]).toString('base64'),
    base64url: bytes.toString('base64url'),
  };
  for (const [form, text] of Object.entries(writings)) {
    it(`are found as ${form}`, () => {
      expect(secrets.in(Buffer.from(text).toString('latin1') + text)).to.not.deep.equal([]);
    });
  }

  it('are found by any line of a file, but not by the frame of one', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n';
    const key = new Secrets({ key: Buffer.from(pem) });
    expect(key.in('... AgEGCCqGSM49AwEHBG0w ...')).to.deep.equal([
      'key as text',
      'key as JSON text',
      'key as part of a URL',
    ]);
    expect(key.in('-----BEGIN PRIVATE KEY-----')).to.deep.equal([]);
  });

  const places: Record<string, unknown> = {
    'the cause of a cause': new Error('a', { cause: new AggregateError([new Error('b', { cause: { secret } })]) }),
    'a hidden field': Object.defineProperty({}, 'x', { value: secret, enumerable: false }),
    'a symbol': { [Symbol('x')]: secret },
    'a getter of a class': new (class {
      get x() {
        return secret;
      }
    })(),
    'a field of what it inherits from': Object.create({ x: secret }) as unknown,
    'a Map': new Map([['x', new Set([{ secret }])]]),
    'the name of a field': { [secret]: 1 },
    'a field of a function': Object.assign(() => undefined, { secret }),
    'the stack of an error': Object.assign(new Error('x'), { stack: secret }),
  };
  for (const [place, value] of Object.entries(places)) {
    it(`are found in ${place}`, () => {
      expect(new Secrets({ it: 'p4ss' }).in(everythingOf(value))).to.not.deep.equal([]);
    });
  }

  it('are not found where there are none', () => {
    const cyclic: Record<string, unknown> = { text: 'nothing' };
    cyclic['self'] = cyclic;
    expect(secrets.in(everythingOf(cyclic))).to.deep.equal([]);
  });
});
