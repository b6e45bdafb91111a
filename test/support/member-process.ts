import { fileURLToPath } from 'node:url';
import type { OrderedConsumerOptions } from '../../lib/index.js';
import { readCalls, readLines, type Call } from './group-history.js';
import { OwnedProcess } from './owned-process.js';
import { until } from './until.js';

const PROGRAM = fileURLToPath(new URL('./member.ts', import.meta.url));

export interface MemberOptions {
  readonly namesrvAddr: string;
  readonly group: string;
  readonly topic: string;
  readonly log: string;
  /** How long each call of the listener keeps the processor busy, in milliseconds. */
  readonly listenerMs?: number;
  /** Writes the beginning of a call apart from its end; only then the following two count. */
  readonly begins?: boolean;
  /** How long each call waits besides, without keeping anybody else, in milliseconds. */
  readonly waitMs?: number;
  /** Every so manieth message is asked for a second time. */
  readonly failEvery?: number;
  /** More options of the consumer. */
  readonly consumer?: Partial<OrderedConsumerOptions>;
}

/** How long a member may take to close its consumer and end, in milliseconds. */
const LEAVE_TIMEOUT_MS = 60_000;

/** What a member writes to its standard error, to tell what it did when a scenario fails. */
const DEBUG = ['rebalance', 'ownership', 'lock', 'client', 'heartbeat'].map((name) => `rocketmq:${name}`).join();

/** A group member of ours in a process of its own. */
export class MemberProcess {
  readonly name: string;
  readonly #log: string;
  readonly #process: OwnedProcess;
  #stderr = '';

  private constructor(name: string, log: string, owned: OwnedProcess) {
    this.name = name;
    this.#log = log;
    this.#process = owned;
    owned.child.stdout.resume();
    owned.child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-4_000)));
  }

  /**
   * @param program the program, for who has it compiled
   * @throws Error with what it wrote when it ends instead of becoming ready
   */
  static async start(name: string, options: MemberOptions, program = PROGRAM): Promise<MemberProcess> {
    const loader = program.endsWith('.ts') ? ['--import=tsx'] : [];
    const args = [...loader, program, JSON.stringify(options)];
    const owned = await OwnedProcess.spawn(process.execPath, args, { env: { ...process.env, DEBUG } });
    const member = new MemberProcess(name, options.log, owned);
    const ended = owned.exited.then(({ code, signal }) => {
      throw new Error(`member ${name} ended with ${signal ?? code}: ${member.#stderr}`);
    });
    const isReady = async (): Promise<true | undefined> =>
      owned.exit !== undefined || readLines(options.log).includes('ready') ? true : undefined;
    await Promise.race([until(`member ${name} is ready`, isReady), ended]);
    ended.catch(() => undefined);
    if (owned.exit !== undefined) await ended;
    return member;
  }

  get running(): boolean {
    return this.#process.exit === undefined;
  }

  /** The last lines of what it wrote to its standard error. */
  lastWords(lines: number): string[] {
    return this.#stderr.trimEnd().split('\n').slice(-lines);
  }

  calls(): Call[] {
    return readCalls(this.name, this.#log);
  }

  /** Queues it owns now, as `broker-a#3`. */
  owned(): string[] {
    const owned = new Set<string>();
    for (const line of readLines(this.#log)) {
      const [word, broker, queueId] = line.split(' ');
      if (word === 'own') owned.add(`${broker}#${queueId}`);
      if (word === 'free') owned.delete(`${broker}#${queueId}`);
    }
    return [...owned];
  }

  /** Resolves when it has left in good order, and its process has ended by itself. */
  async leave(): Promise<void> {
    const byItself = await this.#process.terminate(LEAVE_TIMEOUT_MS);
    const { code, signal } = await this.#process.exited;
    if (byItself && code === 0) return;
    const how = byItself ? `ended with ${signal ?? code}` : `did not end within ${LEAVE_TIMEOUT_MS} ms`;
    throw new Error(`member ${this.name} was to leave, and ${how}\n${this.#stderr}`);
  }

  /** Gone, from one moment to the next. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  /** SIGSTOP: it stands still, and its connections stay. */
  pause(): void {
    process.kill(this.#process.pid, 'SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    process.kill(this.#process.pid, 'SIGCONT');
  }
}
