import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.js';

export const ROOT: string = fileURLToPath(new URL('../', import.meta.url));

/** For installing what npm has fetched before, without what is said for people. */
export const NPM_QUIET: readonly string[] = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

/** What npm says of a package it made. */
export interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Builds the package and puts it into the folder `to`, as it would be published. */
export async function pack(to: string): Promise<{ tarball: string; packed: Packed }> {
  await runCommand('npm', ['run', 'build', '--silent'], { cwd: ROOT });
  const output = await runCommand('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', to], {
    cwd: ROOT,
    capture: true,
  });
  const parsed = JSON.parse(output) as readonly Packed[] | Readonly<Record<string, Packed>>;
  const [packed] = Object.values(parsed);
  if (packed === undefined) throw new Error('npm pack packed nothing');
  return { tarball: join(to, packed.filename), packed };
}
