import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { OwnedProcess, run, type OwnedProcessOptions } from './owned-process.js';

/**
 * Apache RocketMQ's own Java: fetched by Maven into a cache outside the repository, and run from there.
 * The cache is `$ROCKETMQ_ORDERED_CACHE`, else `$XDG_CACHE_HOME/rocketmq-ordered`, else `~/.cache/rocketmq-ordered`.
 */

export const ROCKETMQ_VERSIONS = ['5.5.0', '4.9.7'] as const;
export type RocketMQVersion = (typeof ROCKETMQ_VERSIONS)[number];

export function isRocketMQVersion(text: string): text is RocketMQVersion {
  return (ROCKETMQ_VERSIONS as readonly string[]).includes(text);
}

/** What a Java machine is set up for: the quick start of short-lived machines, or the speed of one that runs for long. */
export type Tuning = 'tests' | 'throughput';

/** Java 17 closes packages the broker reaches into. */
const JVM_OPTIONS = [
  '--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED',
  '--add-exports=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-opens=java.base/java.nio=ALL-UNNAMED',
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-opens=java.base/java.lang=ALL-UNNAMED',
  '--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED',
];

/** For speed Java's own choice of a collector and all its compilers. */
const TUNING_OPTIONS: Readonly<Record<Tuning, readonly string[]>> = {
  tests: ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  throughput: [],
};

const SOURCES = sourcesFolder();

/** test/real/java of the project, also when this runs compiled, below build/. */
function sourcesFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, 'test', 'real', 'java');
    if (folder === dirname(folder)) throw new Error('the project has no package.json');
  }
}

export interface JavaHome {
  readonly version: RocketMQVersion;
  /** The folder with the jars. */
  readonly lib: string;
  /** The folder with this project's own compiled classes. */
  readonly classes: string;
}

export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['ROCKETMQ_ORDERED_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && xdg !== '' ? xdg : join(homedir(), '.cache'), 'rocketmq-ordered');
}

const prepared = new Map<RocketMQVersion, Promise<JavaHome>>();

/** Fetches the jars and compiles test/real/java, once per machine and version. @throws Error saying what is missing */
export function prepareJava(version: RocketMQVersion): Promise<JavaHome> {
  let home = prepared.get(version);
  if (home === undefined) {
    home = prepare(version).catch((error: unknown) => {
      prepared.delete(version);
      throw error;
    });
    prepared.set(version, home);
  }
  return home;
}

async function prepare(version: RocketMQVersion): Promise<JavaHome> {
  const root = join(cacheFolder(), version);
  const lib = join(root, 'lib');
  await fillOnce(lib, (folder) => fetchJars(version, folder));
  const names = (await readdir(SOURCES)).filter((name) => name.endsWith('.java')).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(name).update(await readFile(join(SOURCES, name)));
  const classes = join(root, `classes-${hash.digest('hex').slice(0, 16)}`);
  await fillOnce(classes, async (folder) => {
    await tool('javac', [
      '-nowarn', '-encoding', 'UTF-8', '--release', '17', '-cp', join(lib, '*'), '-d', folder,
      ...names.map((name) => join(SOURCES, name)),
    ]); // prettier-ignore
  });
  return { version, lib, classes };
}

/** Fills a folder beside its place and moves it there in one step, so that nobody sees a half-filled one. */
export async function fillOnce(folder: string, fill: (folder: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  await mkdir(join(folder, '..'), { recursive: true });
  const temporary = await mkdtemp(`${folder}.part-`);
  try {
    await fill(temporary);
    await rename(temporary, folder).catch((error: unknown) => {
      // Another process was faster; its folder holds the same.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function fetchJars(version: RocketMQVersion, folder: string): Promise<void> {
  const dependencies = ['namesrv', 'broker', 'tools'].map(
    (name) =>
      `<dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-${name}</artifactId>` +
      `<version>${version}</version></dependency>`,
  );
  const project = await mkdtemp(`${folder}.pom-`);
  try {
    await writeFile(
      join(project, 'pom.xml'),
      '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
        '<groupId>rocketmq-ordered</groupId><artifactId>jars</artifactId><version>1</version>' +
        `<dependencies>${dependencies.join('')}</dependencies></project>\n`,
    );
    await tool('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`], { cwd: project });
  } finally {
    await rm(project, { recursive: true, force: true });
  }
}

async function tool(command: string, args: readonly string[], options: OwnedProcessOptions = {}): Promise<void> {
  try {
    await run(command, args, { ...options, timeoutMs: 600_000 });
  } catch (error) {
    throw new Error(
      `the suite against a real RocketMQ needs a Java 17 JDK (java, javac) and Maven (mvn): ${command} failed`,
      { cause: error },
    );
  }
}

export interface JavaProgram extends OwnedProcessOptions {
  readonly mainClass: string;
  readonly args: readonly string[];
  /** `-Dname=value`, heap sizes. */
  readonly jvmOptions?: readonly string[];
  /** Default 'tests'. */
  readonly tuned?: Tuning;
  /** Ends the machine when this process is gone. Not for a program that reads its standard input itself. */
  readonly stopWithParent?: boolean;
}

function commandLine(home: JavaHome, program: JavaProgram): string[] {
  const main = program.stopWithParent === true ? ['StopWithParent', program.mainClass] : [program.mainClass];
  const classPath = `${home.classes}:${join(home.lib, '*')}`;
  const tuning = TUNING_OPTIONS[program.tuned ?? 'tests'];
  return [...JVM_OPTIONS, ...tuning, ...(program.jvmOptions ?? []), '-cp', classPath, ...main, ...program.args];
}

export function startJava(home: JavaHome, program: JavaProgram): Promise<OwnedProcess> {
  return OwnedProcess.spawn('java', commandLine(home, program), program);
}

/** Runs a program to its end. @throws Error with its output when it fails */
export async function runJava(home: JavaHome, program: JavaProgram, timeoutMs = 60_000): Promise<string> {
  const { stdout } = await run('java', commandLine(home, program), { ...program, timeoutMs });
  return stdout;
}
