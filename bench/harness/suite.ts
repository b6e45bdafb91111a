import type { Display } from './display.js';
import { load } from './load.js';
import type { PeerCommand } from './program.js';
import type { SuiteReport } from './report.js';
import type { BenchTopic, Target } from './target.js';

/** One page of figures. */
export interface Suite {
  readonly name: string;
  run(context: BenchContext): Promise<SuiteReport>;
}

/** The clients of other languages, by the name they have in reports. */
export type Peers = Readonly<Record<string, PeerCommand>>;

export interface ContextOptions {
  readonly startTarget: () => Promise<Target>;
  readonly rounds: number;
  /** Instead of what a suite takes by itself. */
  readonly messages: number | undefined;
  readonly peers: Peers;
  readonly display: Display;
}

/** What suites share: the cluster, what is loaded in it, and what the command line said. */
export class BenchContext {
  readonly rounds: number;
  readonly display: Display;
  readonly #options: ContextOptions;
  readonly #loaded: { readonly size: number; readonly messages: number; readonly topic: BenchTopic }[] = [];
  #target: Promise<Target> | undefined;

  constructor(options: ContextOptions) {
    this.#options = options;
    this.rounds = options.rounds;
    this.display = options.display;
  }

  /** The programs of the other clients, told to do this. */
  peerCommands(mode: string): [name: string, command: PeerCommand][] {
    return Object.entries(this.#options.peers).map(([name, { command, args }]) => [
      name,
      { command, args: [...args, mode] },
    ]);
  }

  /** How many messages a suite takes. */
  messages(byDefault: number): number {
    return this.#options.messages ?? byDefault;
  }

  /** The cluster; started when it is first needed. */
  target(): Promise<Target> {
    if (this.#target === undefined) {
      this.display.doing('waiting for the cluster');
      this.#target = this.#options.startTarget();
      this.#target.then(
        ({ namesrvAddr, description }) => this.display.done(`cluster at ${namesrvAddr}: ${description}`),
        () => this.display.stop(),
      );
    }
    return this.#target;
  }

  /** A topic of 8 queues with at least that many messages; loaded once for all suites that read it. */
  async loadedTopic(messages: number, size: number): Promise<BenchTopic> {
    const there = this.#loaded.find((entry) => entry.size === size && entry.messages >= messages);
    if (there !== undefined) return there.topic;
    const target = await this.target();
    const topic = await target.createTopic('BenchLoaded', 8);
    await this.fill(target, topic, messages, size);
    this.#loaded.push({ size, messages, topic });
    return topic;
  }

  /** Loads a topic and says so. */
  async fill(target: Target, topic: BenchTopic, messages: number, size: number): Promise<void> {
    const total = messages.toLocaleString('en-US');
    const what = `loading ${total} messages of ${size} B`;
    const startedAt = performance.now();
    this.display.doing(what);
    const { namesrvAddr } = target;
    const progress = (stored: number): void =>
      this.display.doing(`${what}: ${Math.floor((stored / messages) * 100)} %`);
    await load({ namesrvAddr, topic: topic.name, messages, size, queues: topic.queues, progress });
    this.display.done(`${what}: done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  }

  /** Ends what was started. */
  async stop(): Promise<void> {
    this.display.stop();
    await (await this.#target?.catch(() => undefined))?.stop();
  }
}
