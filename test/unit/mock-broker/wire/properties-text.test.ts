import { expect } from 'chai';
import { decodePropertiesText, encodePropertiesText } from '../../../../mock-broker/wire/properties-text.js';

describe('Java properties', () => {
  function read(text: string): Record<string, string> {
    return Object.fromEntries(decodePropertiesText(Buffer.from(text)));
  }

  it('are written a line each', () => {
    expect(
      encodePropertiesText([
        ['a', '1'],
        ['b', ''],
      ]).toString(),
    ).to.equal('a=1\nb=\n');
  });

  it('are read in every form Java writes', () => {
    expect(read('#Sat Nov 21\n! more\na=1\r\n b = two words \nc:3\nd 4\ne\n\n')).to.deep.equal({
      a: '1',
      b: 'two words ',
      c: '3',
      d: '4',
      e: '',
    });
    expect(read('path=C\\:\\\\data\na\\=b=1\nu=\\u00e4\\n')).to.deep.equal({ path: 'C:\\data', 'a=b': '1', u: 'ä\n' });
    expect(read('delays=1s 5s 10s')).to.deep.equal({ delays: '1s 5s 10s' });
    expect(read('')).to.deep.equal({});
  });

  it('are read up to the end of the line, whatever blanks are in them', () => {
    expect(read(`a${' '.repeat(50)}b\u2028c`)).to.deep.equal({ a: 'b\u2028c' });
    expect(read('a = b\rc')).to.deep.equal({ a: 'b\rc' });
  });
});
