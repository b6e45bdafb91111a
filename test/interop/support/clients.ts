import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../support/owned-process.js';
import { commonJvmOptions, writeLogConfig } from '../../support/real-cluster-config.js';
import { cacheFolder, fillOnce, prepareJava, type RocketMQVersion } from '../../support/rocketmq-java.js';
import { ClientProgram } from './client-program.js';
import type { InteropTarget } from './target.js';

/** The clients of this suite: fetched and built once per machine, then started from the cache. */

const FOLDER = join(import.meta.dirname, '..');

/** The reference client, of a version. It rebalances often, to see new members and topics at once. */
export async function startJavaClient(target: InteropTarget, version: RocketMQVersion): Promise<ClientProgram> {
  const java = await prepareJava(version);
  const sources = [
    join(FOLDER, 'java', 'InteropClient.java'),
    ...(version.startsWith('5') ? [join(FOLDER, 'java-v5', 'InteropClientV5.java')] : []),
  ];
  const classes = join(cacheFolder(), version, `interop-${await hashOf(sources)}`);
  await fillOnce(classes, async (folder) => {
    const options = ['-nowarn', '-encoding', 'UTF-8', '--release', '17', '-cp', join(java.lib, '*'), '-d', folder];
    await run('javac', [...options, ...sources]);
  });
  const home = join(target.dir, `java-${version}`);
  writeLogConfig(home);
  return ClientProgram.start('java', [
    ...commonJvmOptions(home, false),
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xmx256m',
    '-Drocketmq.client.rebalance.waitInterval=500',
    `-Drocketmq.client.logRoot=${home}`,
    `-Drocketmq.log.root=${home}`,
    '-Drocketmq.client.logLevel=WARN',
    '-cp',
    `${classes}:${join(java.lib, '*')}`,
    version.startsWith('5') ? 'InteropClientV5' : 'InteropClient',
    target.namesrvAddr,
  ]);
}

/** The reference's Go client, v2.1.2. */
export async function startGoClient(target: InteropTarget): Promise<ClientProgram> {
  const sources = join(FOLDER, 'go');
  const files = ['main.go', 'go.mod', 'go.sum'].map((name) => join(sources, name));
  const folder = join(cacheFolder(), 'go', `interop-client-${await hashOf(files)}`);
  const name = 'interop-client';
  await fillOnce(folder, async (temporary) => {
    // -buildvcs=false: else it asks Git for a stamp, and fails where Git refuses the folder.
    const options = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-o', join(temporary, name), '.'];
    await run('go', ['build', ...options], { cwd: sources, timeoutMs: 600_000 });
  });
  return ClientProgram.start(join(folder, name), [target.namesrvAddr], {
    env: { ...process.env, ROCKETMQ_GO_LOG_LEVEL: 'error' },
  });
}

/** `ali-ons`, the older client for Node. */
export async function startAliOns(target: InteropTarget): Promise<ClientProgram> {
  const sources = join(FOLDER, 'ali-ons');
  const files = ['client.js', 'package.json', 'package-lock.json'].map((name) => join(sources, name));
  const folder = join(cacheFolder(), 'npm', `interop-ali-ons-${await hashOf(files)}`);
  await fillOnce(folder, async (temporary) => {
    await run('cp', [...files, temporary]);
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: temporary, timeoutMs: 300_000 });
  });
  const env = { ...process.env, HOME: target.dir };
  return ClientProgram.start(process.execPath, [join(folder, 'client.js'), target.namesrvAddr], { env, cwd: folder });
}

async function hashOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}
