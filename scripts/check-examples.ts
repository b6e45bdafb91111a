import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NPM_QUIET, pack, ROOT } from './pack.js';
import { runCommand } from './run-command.js';

/**
 * `npm run check:examples`: the tests in examples/testing as a user has them: in a folder of their own, with the package
 * as it would be published, under mocha, vitest and node:test.
 */

/** Pinned, so that a new one is taken in on purpose. */
const RUNNERS = ['mocha@12.0.3', 'chai@6.3.0', 'sinon@22.1.0', 'vitest@4.1.12'];

const folder = await mkdtemp(join(tmpdir(), 'rocketmq-ordered-examples-'));
const inFolder = { cwd: folder };
try {
  const { tarball } = await pack(folder);
  await cp(join(ROOT, 'examples', 'testing'), folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  await runCommand('npm', ['install', ...NPM_QUIET, tarball, ...RUNNERS], { ...inFolder, capture: true });
  const bin = join(folder, 'node_modules', '.bin');
  await runCommand(join(bin, 'mocha'), ['mocha.test.mjs', 'fake-timers.test.mjs'], inFolder);
  await runCommand(join(bin, 'vitest'), ['run', 'vitest.test.ts'], inFolder);
  await runCommand(process.execPath, ['--test', 'node-test.test.mjs'], inFolder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
