import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { closeSync, openSync, readSync, rmSync, fstatSync, type WriteStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';

/**
 * Child processes that never outlive this one, however it ends: they get a process group of their own, which is killed
 * on exit, on a signal and after an uncaught error. (Against SIGKILL of this process help only the children
 * themselves: they watch their standard input, see StopWithParent.java.)
 */

const groups = new Set<number>();
const folders = new Set<string>();
let installed = false;

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

function install(): void {
  if (installed) return;
  installed = true;
  process.on('exit', cleanUp);
  for (const [signal, number] of Object.entries(SIGNAL_NUMBERS)) {
    process.on(signal, () => process.exit(128 + number));
  }
}

function cleanUp(): void {
  for (const pid of groups) killGroup(pid, 'SIGKILL');
  groups.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  folders.clear();
}

/** Removes the folder when this process ends, unless that was done before by {@link removeFolder}. */
export function ownFolder(folder: string): void {
  install();
  folders.add(folder);
}

export function removeFolder(folder: string): void {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface OwnedProcessOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where standard output and error go as well; kept apart from the process's own log files. */
  readonly logFile?: string;
}

/** A running child: its streams, how it ended, and ways to end it. */
export class OwnedProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<Exit>;
  readonly #pid: number;
  #exit: Exit | undefined;

  private constructor(child: ChildProcessWithoutNullStreams, pid: number, log: WriteStream | undefined) {
    this.child = child;
    this.#pid = pid;
    groups.add(pid);
    if (log !== undefined) {
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
    }
    // A child that is gone before it read its input is no error of ours.
    child.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        groups.delete(pid);
        this.#exit = { code, signal };
        log?.end();
        resolve(this.#exit);
      });
    });
  }

  /** @throws Error naming the command when it is not installed */
  static async spawn(
    command: string,
    args: readonly string[],
    options: OwnedProcessOptions = {},
  ): Promise<OwnedProcess> {
    install();
    const child = spawn(command, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env !== undefined && { env: options.env }),
    });
    try {
      await once(child, 'spawn');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new Error(`${command} is not installed, or not on the PATH`, { cause: error });
    }
    if (child.pid === undefined) throw new Error(`${command} has no process id`);
    const log = options.logFile === undefined ? undefined : createWriteStream(options.logFile, { flags: 'a' });
    return new OwnedProcess(child, child.pid, log);
  }

  get pid(): number {
    return this.#pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** SIGKILL to the whole group, awaited. */
  async kill(): Promise<void> {
    if (this.#exit === undefined) killGroup(this.#pid, 'SIGKILL');
    await this.exited;
  }

  /** SIGTERM, and SIGKILL when that is not heeded in time. Returns whether it ended by itself. */
  async terminate(graceMs = 20_000): Promise<boolean> {
    if (this.#exit !== undefined) return true;
    killGroup(this.#pid, 'SIGTERM');
    return this.endedWithin(graceMs);
  }

  /** Waits for the end; SIGKILL when it takes longer. Returns whether it ended by itself. */
  async endedWithin(graceMs: number): Promise<boolean> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(this.#pid, 'SIGKILL');
    }, graceMs);
    await this.exited;
    clearTimeout(timer);
    return !late;
  }
}

/** Runs a command to its end and returns what it wrote. @throws Error with both outputs when it fails */
export async function run(
  command: string,
  args: readonly string[],
  options: OwnedProcessOptions & { readonly timeoutMs?: number } = {},
): Promise<{ stdout: string; stderr: string }> {
  const owned = await OwnedProcess.spawn(command, args, options);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  owned.child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  owned.child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  owned.child.stdin.end();
  const inTime = await owned.endedWithin(options.timeoutMs ?? 300_000);
  const { code, signal } = await owned.exited;
  const stdout = Buffer.concat(out).toString();
  const stderr = Buffer.concat(err).toString();
  if (code !== 0) {
    const how = inTime ? `ended with ${signal ?? `code ${code}`}` : 'took too long and was killed';
    throw new Error(`${command} ${args.slice(0, 3).join(' ')} ${how}\n${lastLines(stdout + stderr)}`);
  }
  return { stdout, stderr };
}

export function lastLines(text: string, count = 30): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** The end of a log file, for an error message; empty when there is none. */
export function tailOf(file: string, bytes = 4000): string {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(bytes, size));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return lastLines(buffer.toString());
  } finally {
    closeSync(fd);
  }
}
