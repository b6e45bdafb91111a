import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';

const ROOT = new URL('../../', import.meta.url);
const PAGE = fileURLToPath(new URL('docs/mock-broker.md', ROOT));

interface Program {
  readonly heading: string;
  readonly code: string;
}

/** Each program on the page, with the heading above it. */
function programs(): Program[] {
  const found: Program[] = [];
  let heading = '';
  for (const part of readFileSync(PAGE, 'utf8').split(/^```/m)) {
    heading = [...part.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? heading;
    if (part.startsWith('ts\n')) found.push({ heading, code: part.slice(3) });
  }
  return found;
}

/** What the programs say, in the order of the page; undefined where it is not the same each time. */
const SAID: (unknown[][] | undefined)[] = [
  [[['created', 'paid']]],
  undefined,
  [],
  [[1]],
  [[8, 4]],
  [[0], [1]],
  // Two queues of the topic, and that of the retry topic.
  [[3, true]],
  [['f2', 0, 0]],
  [['Orders', 'paid'], [true]],
  [['twoOwners', true]],
  [[0, 'true']],
  [[3, 1]],
];

describe('the programs in docs/mock-broker.md', () => {
  let folder: string;
  const said: unknown[][] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'mock-broker-docs-'));
    Object.assign(globalThis, { sayInDocs: (...values: unknown[]) => said.push(values) });
  });

  beforeEach(() => void said.splice(0));

  after(() => {
    rmSync(folder, { recursive: true });
    Reflect.deleteProperty(globalThis, 'sayInDocs');
  });

  it('are all known', () => {
    expect(programs()).to.have.length(SAID.length);
  });

  programs().forEach(({ heading, code }, index) => {
    it(`run: ${heading}`, async () => {
      const file = join(folder, `program-${index}.mts`);
      writeFileSync(
        file,
        code
          .replaceAll("'rocketmq-ordered/mock-broker'", `'${new URL('mock-broker/index.ts', ROOT).href}'`)
          .replaceAll("'rocketmq-ordered'", `'${new URL('lib/index.ts', ROOT).href}'`)
          .replaceAll('console.log(', 'globalThis.sayInDocs('),
      );
      await import(pathToFileURL(file).href);
      const expected = SAID[index];
      if (expected !== undefined) expect(said).to.deep.equal(expected);
      else expect(said).to.have.length(4).and.to.deep.include([true, true, 'paid']);
    });
  });
});
