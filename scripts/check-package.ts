import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { NPM_QUIET, pack, ROOT, type Packed } from './pack.js';
import { runCommand } from './run-command.js';

/**
 * `npm run check:package`: packs what would be published, installs that into an empty folder, and uses it from there the
 * ways people will: import, require, TypeScript as ES module and as CommonJS, and the command.
 */

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
}

function say(text: string): void {
  console.log(`check-package: ${text}`);
}

/** Nothing that is missing, nothing that has no business with users. */
function checkFiles(packed: Packed, manifest: Manifest): void {
  const paths = new Set(packed.files.map((file) => file.path));
  const wanted = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/lib/index.js', 'dist/lib/index.d.ts'];
  wanted.push('dist/mock-broker/index.js', 'dist/mock-broker/index.d.ts', ...Object.values(manifest.bin));
  wanted.push('dist/mock-broker/console/index.html', 'dist/mock-broker/console/views/queues.js');
  const missing = wanted.filter((path) => !paths.has(path));
  if (missing.length > 0) throw new Error(`the package lacks ${missing.join(', ')}`);
  const strange = [...paths].filter((path) => /(^|\/)(test|node_modules|coverage|\.)/.test(path));
  if (strange.length > 0) throw new Error(`the package holds ${strange.join(', ')}`);
  say(`${packed.filename}: ${packed.files.length} files, ${Math.round(packed.size / 1024)} KiB`);
}

async function lint(): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: ROOT, level: 'suggestion', pack: 'npm', strict: true });
  for (const message of messages) console.error(formatMessage(message, pkg) ?? message.code);
  if (messages.length > 0) throw new Error(`publint has ${messages.length} remarks`);
  say('publint has no remarks');
}

const ESM_USER = `
import assert from 'node:assert/strict';
import * as sdk from 'rocketmq-ordered';
import { MockCluster } from 'rocketmq-ordered/mock-broker';
import manifest from 'rocketmq-ordered/package.json' with { type: 'json' };
assert.ok(Object.keys(sdk).length > 0);
assert.equal(sdk.default, undefined);
const cluster = await MockCluster.start();
assert.match(cluster.namesrvAddr, /^[^:]+:\\d+$/);
const { url } = await cluster.startAdmin();
assert.match(await (await fetch(url)).text(), /<title>/);
assert.equal((await (await fetch(url + '/api/cluster')).json()).namesrvAddr, cluster.namesrvAddr);
await cluster.stop();
assert.equal(manifest.name, 'rocketmq-ordered');
`;

/** \`require\` of an ES module works since Node 20.19. */
const CJS_USER = `
const assert = require('node:assert/strict');
assert.ok(Object.keys(require('rocketmq-ordered')).length > 0);
assert.equal(typeof require('rocketmq-ordered/mock-broker').MockCluster.start, 'function');
`;

const TYPES_USER = `
import * as sdk from 'rocketmq-ordered';
import { MockCluster } from 'rocketmq-ordered/mock-broker';
export async function use(): Promise<string> {
  const cluster: MockCluster = await MockCluster.start();
  const address: string = cluster.namesrvAddr;
  await cluster.stop();
  return address + Object.keys(sdk).length;
}
// @ts-expect-error a name that does not exist must be an error, or the types are any
export const missing = sdk.thisNameDoesNotExist;
`;

async function use(folder: string, tarball: string, manifest: Manifest): Promise<void> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', version: '1.0.0', private: true }));
  await runCommand('npm', ['install', ...NPM_QUIET, tarball], { cwd: folder, capture: true });
  say('installed into an empty folder');

  await writeFile(join(folder, 'user.mjs'), ESM_USER);
  await runCommand(process.execPath, ['user.mjs'], { cwd: folder });
  say('import works');
  await writeFile(join(folder, 'user.cjs'), CJS_USER);
  await runCommand(process.execPath, ['--no-warnings', 'user.cjs'], { cwd: folder });
  say('require works');

  await checkTypes(folder);
  for (const name of Object.keys(manifest.bin)) {
    const help = await runCommand(join(folder, 'node_modules', '.bin', name), ['--help'], {
      cwd: folder,
      capture: true,
    });
    if (!help.includes('Usage')) throw new Error(`${name} --help says:\n${help}`);
    say(`${name} --help works`);
  }
}

/** Checked with the strictest settings a user may have, the declarations themselves included. */
async function checkTypes(folder: string): Promise<void> {
  await writeFile(join(folder, 'user-types.mts'), TYPES_USER);
  await writeFile(join(folder, 'user-types.cts'), TYPES_USER);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    noEmit: true,
    types: ['node'],
  };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['user-types.mts', 'user-types.cts'] }),
  );
  // The types of Node are the user's own; here, the ones this project is checked with.
  await mkdir(join(folder, 'node_modules', '@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  await runCommand(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], { cwd: folder });
  say('types work for an ES module and for CommonJS');
}

const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const folder = await mkdtemp(join(tmpdir(), 'rocketmq-ordered-package-'));
try {
  const { tarball, packed } = await pack(folder);
  checkFiles(packed, manifest);
  await lint();
  const user = join(folder, 'user');
  await mkdir(user);
  await use(user, tarball, manifest);
} finally {
  await rm(folder, { recursive: true, force: true });
}
