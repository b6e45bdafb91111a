import { extname, join } from 'node:path';
import type { PeerCommand } from '../harness/program.js';

/** A program of this folder, run as this process is: compiled, or from its source. */
export function soakProgram(name: string): PeerCommand {
  const file = join(import.meta.dirname, `${name}${extname(import.meta.filename)}`);
  return { command: process.execPath, args: [...process.execArgv, file] };
}
