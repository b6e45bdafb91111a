import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { OrderedConsumerOptions } from '../../lib/index.js';
import { readCalls, readLines, type Call } from './group-history.js';
import { until } from './until.js';

const PROGRAM = fileURLToPath(new URL('./member.ts', import.meta.url));

export interface MemberOptions {
  readonly namesrvAddr: string;
  readonly group: string;
  readonly topic: string;
  readonly log: string;
  /** How long each call of the listener takes, in milliseconds. */
  readonly listenerMs?: number;
  /** More options of the consumer. */
  readonly consumer?: Partial<OrderedConsumerOptions>;
}

/** A group member of ours in a process of its own. */
export class MemberProcess {
  readonly name: string;
  readonly #log: string;
  readonly #child: ChildProcess;
  #stderr = '';

  private constructor(name: string, log: string, child: ChildProcess) {
    this.name = name;
    this.#log = log;
    this.#child = child;
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-4_000)));
  }

  static async start(name: string, options: MemberOptions): Promise<MemberProcess> {
    const child = spawn(process.execPath, ['--import=tsx', PROGRAM, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const member = new MemberProcess(name, options.log, child);
    await until(`member ${name} is ready`, () => {
      if (child.exitCode !== null) throw new Error(`member ${name} ended with ${child.exitCode}: ${member.#stderr}`);
      return Promise.resolve(readLines(options.log).includes('ready') ? true : undefined);
    });
    return member;
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

  /** Resolves when it has left in good order. */
  async leave(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Gone, from one moment to the next. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
}
