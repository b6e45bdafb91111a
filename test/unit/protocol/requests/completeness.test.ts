import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import type { RequestType } from '../../../../lib/protocol/requests/request-type.js';

const folder = new URL('../../../../lib/protocol/requests/', import.meta.url);
/** Files that hold what several requests share. */
const shared = ['empty-reply.ts', 'offset-table.ts', 'queue-offset.ts', 'request-type.ts'];
const files = readdirSync(folder).filter((file) => !shared.includes(file));
const tests = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.test.ts'));

describe('the requests', () => {
  for (const file of files) {
    it(`of ${file}: one request type, of a known code, with its grammar and a test`, async () => {
      const exports: unknown[] = Object.values((await import(new URL(file, folder).href)) as object);
      const types = exports.filter(
        (value): value is RequestType<unknown, unknown> =>
          typeof value === 'object' && value !== null && 'decodeReply' in value,
      );
      expect(types).to.have.length(1);
      const [name] = Object.entries(RequestCode).find(([, code]) => code === types[0]?.code) ?? [];
      expect(name?.toLowerCase().replaceAll('_', '-')).to.equal(file.replace(/\.ts$/, ''));
      const source = readFileSync(new URL(file, folder), 'utf8');
      expect(source).to.include(`* ${name} (${types[0]?.code})`);
      expect(source).to.match(/^ \* {5}request {2}/m);
      const isTested = tests.some((test) =>
        readFileSync(new URL(test, import.meta.url), 'utf8').includes(`/requests/${file.replace(/\.ts$/, '.js')}'`),
      );
      expect(isTested).to.equal(true);
    });
  }

  it('have different codes', async () => {
    const codes = await Promise.all(
      files.map(async (file) => {
        const exports = Object.values((await import(new URL(file, folder).href)) as object) as { code?: number }[];
        return exports.find((value) => typeof value === 'object' && 'code' in value)?.code;
      }),
    );
    expect(new Set(codes).size).to.equal(files.length);
  });
});
