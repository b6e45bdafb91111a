import { expect } from 'chai';
import fc from 'fast-check';
import { ValidationError } from '../../../lib/errors.js';
import { parseNameServers, shuffled } from '../../../lib/routing/name-server-list.js';

describe('routing/name-server-list', () => {
  const lists: [string | string[], string[]][] = [
    ['a:9876', ['a:9876']],
    ['a:1;b:2', ['a:1', 'b:2']],
    [' a:1 ; b:2 ;; ', ['a:1', 'b:2']],
    [
      ['a:1', 'b:2;c:3'],
      ['a:1', 'b:2', 'c:3'],
    ],
    ['a:1;a:1;b:2', ['a:1', 'b:2']],
    ['http://MQ_INST_1.example.com:80', ['MQ_INST_1.example.com:80']],
    ['[::1]:9876;2001:db8::7:9876', ['[::1]:9876', '2001:db8::7:9876']],
  ];
  for (const [list, addresses] of lists) {
    it(`reads ${JSON.stringify(list)}`, () => expect(parseNameServers(list)).to.deep.equal(addresses));
  }

  const refused: (string | string[])[] = ['', ' ; ', [], 'a', 'a:1;b', 'a:0', 'a:70000', 'a:1,b:2', 'http://host/path'];
  for (const list of [...refused, [7 as unknown as string]]) {
    it(`refuses ${JSON.stringify(list)}, naming the option`, () => {
      expect(() => parseNameServers(list))
        .to.throw(ValidationError)
        .with.property('field', 'namesrvAddr');
    });
  }

  it('says which entry it refuses and what is allowed', () => {
    expect(() => parseNameServers('a:1;b')).to.throw(/"b".*host:port.*namesrvUrl/);
  });

  it('shuffles without losing or inventing an address', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string()),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (list, randoms) => {
          const before = [...list];
          const result = shuffled(list, () => randoms.next().value as number);
          expect([...result].sort()).to.deep.equal([...list].sort());
          expect(list).to.deep.equal(before);
        },
      ),
    );
  });

  it('gives each address its turn to be first', () => {
    const firsts = [0, 0.4, 0.9].map((random) => shuffled(['a', 'b', 'c'], () => random)[0]);
    expect(new Set(firsts)).to.include.members(['a', 'b']);
  });
});
