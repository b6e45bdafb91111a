import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function sources(folder: string): string {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'))
    .join('\n');
}

describe('documentation', () => {
  it('lists every error code, and none that does not exist', () => {
    const documented = new Set(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').match(/ERR_ROCKETMQ_[A-Z0-9_]+/g));
    const thrown = new Set((sources('lib') + sources('mock-broker')).match(/ERR_ROCKETMQ_[A-Z0-9]+[A-Z0-9_]*/g));
    expect([...documented].sort()).to.deep.equal([...thrown].sort());
  });

  it('names only tests and sources that exist', () => {
    for (const page of readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))) {
      const text = readFileSync(join(ROOT, 'docs', page), 'utf8');
      for (const [path] of text.matchAll(/\b(?:test|lib|mock-broker|examples)\/[\w./-]+\.ts\b/g)) {
        expect(() => readFileSync(join(ROOT, path)), `${page} names ${path}`).not.to.throw();
      }
    }
  });
});
