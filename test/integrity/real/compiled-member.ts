import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ownFolder } from '../../support/owned-process.js';

const ROOT = join(import.meta.dirname, '../../..');
const PROGRAM = 'test/support/member.ts';

let compiled: Promise<string> | undefined;

/**
 * The member's program as JavaScript, below build/ for as long as this process lives: with dozens of members on two
 * processors it counts that each starts in a fraction of the time that compiling on the way takes. Types are not looked
 * at here.
 *
 * @returns the file to run
 */
export function compileMember(): Promise<string> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<string> {
  await mkdir(join(ROOT, 'build'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, 'build', 'member-'));
  ownFolder(folder);
  for (const source of [PROGRAM, ...(await typescriptBelow('lib'))]) {
    const target = join(folder, jsOf(source));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, transpile(await readFile(join(ROOT, source), 'utf8')));
  }
  return join(folder, jsOf(PROGRAM));
}

async function typescriptBelow(folder: string): Promise<string[]> {
  const names = await readdir(join(ROOT, folder), { recursive: true });
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name));
}

function jsOf(source: string): string {
  return source.replace(/\.ts$/, '.js');
}

function transpile(text: string): string {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}
