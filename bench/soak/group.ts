import { createInterface } from 'node:readline';
import { OrderedConsumer, type RocketMQError } from '../../lib/index.js';
import { lastLines, OwnedProcess } from '../../test/support/owned-process.js';
import { valueArguments } from '../harness/program.js';
import { CallWindow } from './call-window.js';
import { soakOptions } from './member-options.js';
import { soakProgram } from './own-program.js';

export interface GroupOptions {
  readonly namesrvAddr: string;
  readonly topic: string;
  readonly group: string;
  /** Milliseconds. */
  readonly validFor: number;
}

/** A member's life from outside: it joins, and goes in one way or the other. */
export interface ChildMember {
  /** Leaves in good order. */
  leave(): Promise<void>;
  /** SIGKILL, unless it has left. */
  kill(): Promise<void>;
}

/** The members of the group in this process and in others, and what they were given. */
export class SoakGroup {
  readonly #options: GroupOptions;
  readonly #window: CallWindow;
  /** By queue, the offset behind the last message anybody was given. */
  readonly #seen = new Map<string, number>();
  #consumed = 0;
  #children = 0;
  /** By code, how many there were: lost connections make some. */
  readonly errors = new Map<string, number>();

  constructor(options: GroupOptions, window: CallWindow) {
    this.#options = options;
    this.#window = window;
  }

  get consumed(): number {
    return this.#consumed;
  }

  /** How many messages are stored and were not given to anybody. */
  lag(ends: ReadonlyMap<string, number>): number {
    let lag = 0;
    for (const [queue, end] of ends) lag += Math.max(0, end - (this.#seen.get(queue) ?? 0));
    return lag;
  }

  /** A member in this process, started. */
  async join(name: string): Promise<OrderedConsumer> {
    const { namesrvAddr, topic, group, validFor } = this.#options;
    const consumer = new OrderedConsumer({
      namesrvAddr,
      consumerGroup: group,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...soakOptions(validFor),
    });
    consumer.on('error', (error) => this.#failed(error));
    consumer.subscribe(topic);
    await consumer.start((messages) => {
      for (const { topic: of, brokerName, queueId, queueOffset } of messages) {
        const now = CallWindow.now();
        this.#called({
          member: name,
          queue: `${of}@${brokerName}#${queueId}`,
          offset: queueOffset,
          begin: now,
          end: now,
        });
      }
    });
    return consumer;
  }

  /** A member in a process of its own; resolves when it was given something. */
  async joinChild(): Promise<ChildMember> {
    const { namesrvAddr: namesrv, topic, group, validFor } = this.#options;
    const name = `child-${++this.#children}`;
    const program = soakProgram('member');
    const values = valueArguments({ namesrv, topic, group, validFor });
    const owned = await OwnedProcess.spawn(program.command, [...program.args, ...values]);
    let errors = '';
    owned.child.stderr.on('data', (chunk: Buffer) => {
      errors = lastLines(errors + chunk.toString());
    });
    const input = createInterface({ input: owned.child.stdout });
    const first = new Promise<void>((resolve) => input.once('line', () => resolve()));
    input.on('line', (line) => {
      const [word, queue = '', offset, begin, end] = line.split(' ');
      // Without its end it is the last word of one that was killed, about a call it never answered.
      if (word !== 'CALL' || end === undefined) return;
      this.#called({ member: name, queue, offset: Number(offset), begin: Number(begin), end: Number(end) });
    });
    const ended = owned.exited.then(({ code, signal }) => {
      if (code !== 0 && signal !== 'SIGKILL')
        throw new Error(`${name} ended with ${signal ?? `code ${code}`}\n${errors}`);
    });
    await Promise.race([first, ended]);
    return {
      leave: async () => {
        owned.child.stdin.end();
        if (!(await owned.endedWithin(30_000))) throw new Error(`${name} did not leave within 30 s\n${errors}`);
        await ended;
      },
      kill: async () => {
        if (owned.exit !== undefined) return;
        await owned.kill();
        this.#window.killed(name);
      },
    };
  }

  #called(call: { member: string; queue: string; offset: number; begin: number; end: number }): void {
    this.#consumed++;
    this.#seen.set(call.queue, Math.max(this.#seen.get(call.queue) ?? 0, call.offset + 1));
    this.#window.called(call);
  }

  #failed({ code }: RocketMQError): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}
