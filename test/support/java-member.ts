import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lastLines, type OwnedProcess } from './owned-process.js';
import type { ClusterDescription } from './real-cluster.js';
import { commonJvmOptions, writeLogConfig } from './real-cluster-config.js';
import { prepareJava, startJava, type RocketMQVersion } from './rocketmq-java.js';

/** The reference's Java client as a process of its own: see test/real/java/OrderlyMember.java for what it does. */

export interface JavaMessage {
  readonly brokerName: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly topic: string;
  readonly keys: string;
  readonly tags: string;
  readonly shardingKey: string;
  readonly reconsumeTimes: number;
  readonly msgId: string;
  readonly bodyLength: number;
  /** Its first 200 bytes. */
  readonly body: string;
  readonly properties: Readonly<Record<string, string>>;
  /** When its call began, in microseconds of the machine's monotonic clock. */
  readonly at: number;
}

/** The end of a listener's call. */
export interface JavaEnd {
  readonly brokerName: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly at: number;
}

export interface JavaSent {
  readonly key: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly msgId: string;
  readonly offsetMsgId: string;
  readonly status: string;
}

/** Every event, by the name it has on the program's standard output. */
export interface JavaEvents {
  READY: { readonly clientId: string };
  /** `broker-a#3` -> whether it is locked. */
  ASSIGNED: { readonly queues: Readonly<Record<string, boolean>> };
  MSG: JavaMessage;
  END: JavaEnd;
  SENT: JavaSent;
  DONE: { readonly count: number };
  ERROR: { readonly message: string };
}

export type JavaEvent = { [Name in keyof JavaEvents]: { readonly event: Name } & JavaEvents[Name] }[keyof JavaEvents];

interface Waiter {
  check(): boolean;
  fail(error: Error): void;
}

export interface JavaTarget {
  readonly version: RocketMQVersion;
  readonly namesrvAddr: string;
  /** Where the client may write; a temporary folder of the cluster. */
  readonly dir: string;
  readonly tls?: boolean;
  /** More `-Dname=value`. */
  readonly jvmOptions?: readonly string[];
}

type Options = Readonly<Record<string, string | number | boolean | undefined>>;

/** A running program, and everything it has said so far. */
export class JavaMember {
  readonly events: JavaEvent[] = [];
  readonly #process: OwnedProcess;
  readonly #waiters = new Set<Waiter>();
  readonly #noise: string[] = [];

  private constructor(owned: OwnedProcess) {
    this.#process = owned;
    const keep = (line: string): void => {
      this.#noise.push(line);
      if (this.#noise.length > 200) this.#noise.shift();
    };
    createInterface({ input: owned.child.stderr }).on('line', keep);
    createInterface({ input: owned.child.stdout }).on('line', (line) => {
      const event = parseEvent(line);
      if (event === undefined) return keep(line);
      this.events.push(event);
      this.#check();
    });
    void owned.exited.then(({ code, signal }) => {
      const error = new Error(`the Java member ended with ${signal ?? `code ${code}`}\n${this.#story()}`);
      for (const waiter of this.#waiters) if (!waiter.check()) waiter.fail(error);
      this.#waiters.clear();
    });
  }

  static async start(
    target: JavaTarget,
    mode: 'consume' | 'produce',
    options: Options,
    jvmOptions: readonly string[] = [],
  ): Promise<JavaMember> {
    const all: Options = { namesrv: target.namesrvAddr, ...options };
    const args = Object.entries(all)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${String(value)}`);
    const home = join(target.dir, 'java-member');
    writeLogConfig(home);
    const owned = await startJava(await prepareJava(target.version), {
      mainClass: 'OrderlyMember',
      args: [mode, ...args],
      jvmOptions: [
        ...commonJvmOptions(home, target.tls ?? false),
        '-Xmx192m',
        // Its log files would otherwise go below the home folder of whoever runs the tests.
        `-Drocketmq.client.logRoot=${home}`,
        '-Drocketmq.client.logLevel=WARN',
        ...(target.jvmOptions ?? []),
        ...jvmOptions,
      ],
    });
    return new JavaMember(owned);
  }

  get messages(): JavaMessage[] {
    return this.events.filter((event) => event.event === 'MSG');
  }

  get sent(): JavaSent[] {
    return this.events.filter((event) => event.event === 'SENT');
  }

  /** What it holds now: `broker-a#3` of the queues it has locked. */
  get assigned(): string[] {
    const last = this.events.findLast((event) => event.event === 'ASSIGNED');
    return last === undefined ? [] : Object.keys(last.queues).filter((queue) => last.queues[queue] === true);
  }

  /** Resolves as soon as `condition` holds, asked again at each event. @throws Error with its output when it ends or is late */
  waitUntil(what: string, condition: (member: this) => boolean, timeoutMs = 60_000): Promise<void> {
    if (condition(this)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`waited ${timeoutMs} ms in vain for the Java member: ${what}\n${this.#story()}`));
      }, timeoutMs);
      const waiter: Waiter = {
        check: () => {
          if (!condition(this)) return false;
          clearTimeout(timer);
          resolve();
          return true;
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  /** In order: it gives its queues back and leaves the group. @throws Error when it had to be killed */
  async stop(graceMs = 30_000): Promise<void> {
    this.#process.child.stdin.end();
    if (!(await this.#process.endedWithin(graceMs))) throw new Error(`the Java member did not stop\n${this.#story()}`);
  }

  /** SIGKILL: its locks stay at the brokers. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  #check(): void {
    for (const waiter of this.#waiters) if (waiter.check()) this.#waiters.delete(waiter);
  }

  #story(): string {
    return lastLines(
      [...this.events.slice(-10).map((event) => JSON.stringify(event)), ...this.#noise.slice(-20)].join('\n'),
    );
  }
}

function parseEvent(line: string): JavaEvent | undefined {
  const match = /^(READY|ASSIGNED|MSG|END|SENT|DONE|ERROR) (\{.*\})$/.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { event: match[1], ...(JSON.parse(match[2]) as object) } as JavaEvent;
}

export interface JavaConsumerOptions {
  readonly group: string;
  readonly topic: string;
  readonly tags?: string;
  readonly sql?: string;
  /** Default FIRST. */
  readonly from?: 'FIRST' | 'LAST';
  readonly instance?: string;
  readonly strategy?: 'AVG' | 'CIRCLE' | 'HASH';
  readonly batch?: number;
  readonly maxReconsume?: number;
  /** How long each call of the listener takes, in ms. */
  readonly delay?: number;
  /** How often the listener answers SUSPEND for messages of a key. */
  readonly suspend?: Readonly<Record<string, number>>;
  readonly broadcast?: boolean;
  readonly namespace?: string;
}

/** Starts an orderly push consumer; resolves when its `start()` has returned. */
export async function startJavaMember(target: JavaTarget, options: JavaConsumerOptions): Promise<JavaMember> {
  const { suspend, ...rest } = options;
  const rules = Object.entries(suspend ?? {}).map(([key, times]) => `${key}:${times}`);
  const member = await JavaMember.start(target, 'consume', {
    ...rest,
    ...(rules.length > 0 && { suspend: rules.join(',') }),
  });
  await member.waitUntil('READY', ({ events }) => events.some((event) => event.event === 'READY'));
  return member;
}

export interface JavaProducerOptions {
  readonly topic: string;
  readonly count: number;
  /** Used in turn, as key, sharding key and argument of the selector by hash. Default one key, `key`. */
  readonly keys?: readonly string[];
  readonly tags?: string;
  /** Fills each body with text up to this length. */
  readonly size?: number;
  readonly delayLevel?: number;
  /** Sends so many at once, to one queue. */
  readonly batch?: number;
  readonly compressAbove?: number;
  /** 5.x only; a 4.x client always uses ZLIB. */
  readonly compression?: 'ZLIB' | 'LZ4' | 'ZSTD';
  readonly namespace?: string;
}

/** Sends messages with the Java producer, to the end. */
export async function javaProduce(target: JavaTarget, options: JavaProducerOptions): Promise<JavaSent[]> {
  const { keys, compression, ...rest } = options;
  const member = await JavaMember.start(
    target,
    'produce',
    { ...rest, ...(keys !== undefined && { keys: keys.join(',') }) },
    compression === undefined ? [] : [`-Drocketmq.message.compressType=${compression}`],
  );
  await member.waitUntil('DONE', ({ events }) => events.some((event) => event.event === 'DONE'));
  const { sent } = member;
  await member.stop();
  return sent;
}

/** What a Java member needs to know of a cluster. */
export function javaTarget(cluster: ClusterDescription, namesrvAddr = cluster.namesrvAddr): JavaTarget {
  return { version: cluster.version, namesrvAddr, dir: cluster.dir, tls: cluster.tls };
}
