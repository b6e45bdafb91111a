import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lastLines, OwnedProcess } from '../../test/support/owned-process.js';
import { parseOutputLine } from './program-output.js';

/** How a program is started, before its `name=value` arguments. */
export interface PeerCommand {
  readonly command: string;
  readonly args: readonly string[];
}

export interface ProgramRun {
  readonly command: PeerCommand;
  /** The arguments that are written `name=value`. */
  readonly values: Readonly<Record<string, string | number>>;
  readonly timeoutMs?: number;
  readonly onProgress?: (done: number) => void;
}

const TIMEOUT_MS = 600_000;

/** A program of bench/programs, compiled as this file is. */
export function ownProgram(name: string): PeerCommand {
  return { command: process.execPath, args: [join(import.meta.dirname, '..', 'programs', `${name}.js`)] };
}

export function valueArguments(values: ProgramRun['values']): string[] {
  return Object.entries(values).map(([name, value]) => `${name}=${value}`);
}

/** Runs a program to its end. @throws Error with what it wrote when it fails, takes too long or has no result */
export async function runProgram(run: ProgramRun): Promise<object> {
  const { command, values, timeoutMs = TIMEOUT_MS } = run;
  const args = [...command.args, ...valueArguments(values)];
  const owned = await OwnedProcess.spawn(command.command, args);
  let result: object | undefined;
  let unreadable: unknown;
  let other = '';
  owned.child.stderr.on('data', (chunk: Buffer) => {
    other += chunk.toString();
  });
  createInterface({ input: owned.child.stdout }).on('line', (line) => {
    try {
      const read = parseOutputLine(line);
      if (read.kind === 'result') result = read.result;
      else if (read.kind === 'progress') run.onProgress?.(read.done);
      else other += `${read.text}\n`;
    } catch (error) {
      unreadable ??= error;
    }
  });
  const inTime = await owned.endedWithin(timeoutMs);
  const { code, signal } = await owned.exited;
  let problem: string | undefined;
  if (!inTime) problem = `took more than ${timeoutMs / 1000} s and was killed`;
  else if (code !== 0) problem = `ended with ${signal ?? `code ${code}`}`;
  else if (unreadable === undefined && result === undefined) problem = 'ended without a result';
  else if (unreadable !== undefined) problem = 'wrote what is not understood';
  if (problem !== undefined || result === undefined) {
    const name = [command.command, ...args].join(' ');
    throw new Error(`${name}\n${problem ?? ''}\n${lastLines(other)}`, { cause: unreadable });
  }
  return result;
}
