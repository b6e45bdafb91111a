import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import { REQUEST_TYPES } from './all.js';

const folder = new URL('../../../../lib/protocol/requests/', import.meta.url);
/** Files that hold what several requests share. */
const shared = ['empty-reply.ts', 'offset-table.ts', 'queue-offset.ts', 'request-type.ts'];
const tests = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.test.ts'));

describe('the requests', () => {
  it('are all known to the tests', () => {
    const files = readdirSync(folder).filter((file) => !shared.includes(file));
    expect(files.sort()).to.deep.equal([...REQUEST_TYPES.keys()].map((name) => `${name}.ts`).sort());
  });

  for (const [name, type] of REQUEST_TYPES) {
    it(`have the code of their file's name, their grammar and a test: ${name}`, () => {
      const code = name.toUpperCase().replaceAll('-', '_');
      expect(RequestCode).to.have.property(code, type.code);
      const source = readFileSync(new URL(`${name}.ts`, folder), 'utf8');
      expect(source).to.include(`* ${code} (${type.code})`);
      expect(source).to.match(/^ \* {5}request {2}/m);
      const isTested = tests.some((test) =>
        readFileSync(new URL(test, import.meta.url), 'utf8').includes(`/requests/${name}.js'`),
      );
      expect(isTested).to.equal(true);
    });
  }

  it('have different codes', () => {
    expect(new Set([...REQUEST_TYPES.values()].map((type) => type.code)).size).to.equal(REQUEST_TYPES.size);
  });
});
