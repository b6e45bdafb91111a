import { createInterface } from 'node:readline';
import { lastLines, OwnedProcess, type OwnedProcessOptions } from '../../support/owned-process.js';

/** A client of somebody else's as a process: commands in, a line each; events out, a JSON object a line. */

export interface ClientEvent {
  readonly event: string;
  /** Of the command that this comes of. */
  readonly id: string;
  readonly topic?: string;
  readonly brokerName?: string;
  readonly queueId?: number;
  readonly queueOffset?: number;
  readonly body?: string;
  readonly keys?: string;
  readonly tags?: string;
  readonly reconsumeTimes?: number;
  readonly msgId?: string;
  readonly offsetMsgId?: string;
  readonly status?: string;
  readonly error?: string;
  readonly times?: string;
  readonly count?: number;
}

export type CommandFields = Readonly<Record<string, string | number | boolean | undefined>>;

const START_TIMEOUT_MS = 60_000;
const WAIT_MS = 40_000;

export class ClientProgram {
  /** Everything it has said. */
  readonly events: ClientEvent[] = [];
  readonly #process: OwnedProcess;
  readonly #noise: string[] = [];
  readonly #waiters = new Set<() => void>();

  private constructor(owned: OwnedProcess) {
    this.#process = owned;
    const keep = (line: string): void => {
      this.#noise.push(line);
      if (this.#noise.length > 100) this.#noise.shift();
    };
    createInterface({ input: owned.child.stderr }).on('line', keep);
    createInterface({ input: owned.child.stdout }).on('line', (line) => {
      const event = parseEvent(line);
      if (event === undefined) return keep(line);
      this.events.push(event);
      for (const check of this.#waiters) check();
    });
    void owned.exited.then(() => {
      for (const check of this.#waiters) check();
    });
  }

  /** Resolves when the program takes commands. */
  static async start(
    command: string,
    args: readonly string[],
    options: OwnedProcessOptions = {},
  ): Promise<ClientProgram> {
    const program = new ClientProgram(await OwnedProcess.spawn(command, args, options));
    await program.waitFor('its start', (events) => events.some(({ event }) => event === 'started'), START_TIMEOUT_MS);
    return program;
  }

  /** Gives it something to do. */
  tell(verb: string, fields: CommandFields): void {
    const words = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    this.#process.child.stdin.write(`${[verb, ...words].join(' ')}\n`);
  }

  /** The same, until the command's `event` is there. @throws Error when it fails instead */
  async run(verb: string, fields: CommandFields & { readonly id: string }, event: string): Promise<ClientEvent[]> {
    this.tell(verb, fields);
    const isOwn = (candidate: ClientEvent): boolean => candidate.id === fields.id;
    await this.waitFor(`${event} of ${verb} ${fields.id}`, (events) => {
      const failed = events.find((candidate) => isOwn(candidate) && candidate.event === 'failed');
      if (failed !== undefined) throw new Error(`${verb} ${fields.id} failed: ${failed.error ?? ''}`);
      return events.some((candidate) => isOwn(candidate) && candidate.event === event);
    });
    return this.of(fields.id);
  }

  /** Ends a consumer or a producer that the program has running, and waits for it. */
  async stopOne(id: string): Promise<void> {
    await this.run('stop', { id }, 'stopped');
  }

  /** What it said of one command, of one kind. */
  of(id: string, event?: string): ClientEvent[] {
    return this.events.filter((candidate) => candidate.id === id && (event === undefined || candidate.event === event));
  }

  /** Bodies of the messages that a consumer got, in their order. */
  bodies(id: string): string[] {
    return this.of(id, 'message').map(({ body }) => body ?? '');
  }

  /** Waits until a consumer has so many messages, and returns them. */
  async messages(id: string, count: number): Promise<ClientEvent[]> {
    await this.waitFor(`${count} messages of ${id}`, () => this.of(id, 'message').length >= count);
    return this.of(id, 'message');
  }

  /** Resolves once `condition` holds, asked at each event. @throws Error with what it said last when it is late or ends */
  waitFor(what: string, condition: (events: readonly ClientEvent[]) => boolean, timeoutMs = WAIT_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: unknown): void => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error(String(error)));
      };
      const check = (): void => {
        try {
          if (condition(this.events)) finish();
          else if (this.#process.exit !== undefined) finish(new Error(`the client ended: ${what}\n${this.#story()}`));
        } catch (error) {
          finish(error);
        }
      };
      const timer = setTimeout(
        () => finish(new Error(`waited ${timeoutMs} ms in vain: ${what}\n${this.#story()}`)),
        timeoutMs,
      );
      this.#waiters.add(check);
      check();
    });
  }

  /** Its standard input ends, and so does it. */
  async end(): Promise<void> {
    this.#process.child.stdin.end();
    await this.#process.endedWithin(10_000);
  }

  #story(): string {
    const events = this.events.slice(-15).map((event) => JSON.stringify(event));
    return lastLines([...events, ...this.#noise.slice(-20)].join('\n'));
  }
}

function parseEvent(line: string): ClientEvent | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  return JSON.parse(line) as ClientEvent;
}
