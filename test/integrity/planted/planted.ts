import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * Bugs that were once made, or that others have made, as patches of lib/: each is planted into a copy, and the simulation
 * is run on it. A suite that can't find them is worth nothing.
 */

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Copies live inside the project, so that packages are found from there. */
const COPIES = join(ROOT, 'build', 'planted');
/** What a copy consists of. */
const PARTS = ['lib', 'mock-broker', 'test/integrity/simulation'];

/** How a bug was looked for, and whether it was found. */
export interface Finding {
  /** How many seeds were run. */
  readonly seeds: number;
  readonly failed: readonly { readonly seed: number; readonly invariant: string }[];
}

/** The names of the bugs. */
export function plantedBugs(): string[] {
  return readdirSync(HERE).filter((file) => file.endsWith('.patch')).map((file) => file.slice(0, -'.patch'.length)).sort(); // prettier-ignore
}

/**
 * Plants a bug and runs so many seeds on it, or as many as it takes to find it.
 *
 * @throws Error when the patch doesn't fit the code any more, or the simulation itself broke
 */
export async function lookFor(bug: string, seeds: number, untilFound: boolean): Promise<Finding> {
  const copy = join(COPIES, bug);
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const part of PARTS) cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  await run('git', ['apply', `--directory=${relative(ROOT, copy)}`, join(HERE, `${bug}.patch`)], { cwd: ROOT });
  const program = join(copy, 'test/integrity/simulation/main.ts');
  const args = ['--import=tsx', '--no-experimental-require-module', program, '--seeds', String(seeds), '--json'];
  try {
    const { stdout } = await run(process.execPath, untilFound ? [...args, '--first'] : args, { cwd: ROOT });
    return JSON.parse(stdout) as Finding;
  } catch (error) {
    // It ends with 1 when a seed has failed, which is what is hoped for.
    const { stdout } = error as { stdout?: string };
    if (stdout === undefined || !stdout.startsWith('{')) throw error;
    return JSON.parse(stdout) as Finding;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
