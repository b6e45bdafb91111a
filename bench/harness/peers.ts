import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { ownFolder, run } from '../../test/support/owned-process.js';
import { cacheFolder, fillOnce, prepareJava } from '../../test/support/rocketmq-java.js';
import type { PeerCommand } from './program.js';
import { PROJECT_ROOT } from './project-root.js';

/** Peers' programs by the name of their client; the mode and `name=value` arguments go behind `args`. */
export interface PreparedPeers {
  readonly java: PeerCommand;
  readonly go: PeerCommand;
}

/** The jars Maven fetches are a whole broker's; of RocketMQ's own these are the client. */
const CLIENT_JARS = ['client', 'common', 'remoting', 'logback-classic', 'slf4j-api', 'shaded-slf4j-api-bridge'];

/**
 * Compiles the programs of the other clients into the cache folder, once per machine and version of their sources.
 *
 * @throws Error saying what is missing
 */
export async function preparePeers(): Promise<PreparedPeers> {
  // One after the other: each of the tools keeps all processors busy.
  const java = await prepareJavaPeer();
  const go = await prepareGoPeer();
  return { java, go };
}

async function prepareJavaPeer(): Promise<PeerCommand> {
  const source = join(PROJECT_ROOT, 'bench/peers/java/BenchPeer.java');
  const { version, lib } = await prepareJava('5.5.0');
  const classes = join(cacheFolder(), version, `bench-peer-${await hashOf([source])}`);
  const jars = (await readdir(lib)).filter(isOfClient).map((name) => join(lib, name));
  await fillOnce(classes, async (folder) => {
    const classPath = jars.join(delimiter);
    const options = ['-nowarn', '-encoding', 'UTF-8', '--release', '17', '-cp', classPath, '-d', folder];
    await build('the Java peer needs a Java 17 JDK', 'javac', [...options, source]);
  });
  const own = await mkdtemp(join(tmpdir(), 'rocketmq-ordered-bench-'));
  ownFolder(own);
  // In a file, so that an error message that quotes the command stays readable.
  const argumentFile = join(own, 'java-arguments');
  // The client writes its log below rocketmq.log.root, else into the user's home.
  const lines = [`-Drocketmq.log.root=${own}`, '-Drocketmq.log.level=off', '-cp', [classes, ...jars].join(delimiter)];
  await writeFile(argumentFile, lines.map((line) => `"${line}"\n`).join(''));
  return { command: 'java', args: [`@${argumentFile}`, 'BenchPeer'] };
}

/** Not the server's: an application has none of them, and their logging writes into the user's home. */
function isOfClient(jar: string): boolean {
  const own = /^rocketmq-(.+)-\d[^-]*\.jar$/.exec(jar)?.[1];
  return jar.endsWith('.jar') && (own === undefined || CLIENT_JARS.includes(own));
}

async function prepareGoPeer(): Promise<PeerCommand> {
  const sources = join(PROJECT_ROOT, 'bench/peers/go');
  const files = ['main.go', 'go.mod', 'go.sum'].map((name) => join(sources, name));
  const folder = join(cacheFolder(), 'go', `bench-peer-${await hashOf(files)}`);
  const program = 'bench-peer';
  await fillOnce(folder, async (temporary) => {
    // -buildvcs=false: else it asks Git for a stamp, and fails where Git refuses the folder.
    const options = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-o', join(temporary, program), '.'];
    await build('the Go peer needs Go 1.22 or later', 'go', ['build', ...options], sources);
  });
  return { command: join(folder, program), args: [] };
}

async function hashOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(basename(file)).update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

async function build(needs: string, command: string, args: readonly string[], cwd = PROJECT_ROOT): Promise<void> {
  try {
    await run(command, args, { cwd, timeoutMs: 600_000 });
  } catch (error) {
    throw new Error(`${needs}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
