import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * What a group did, as its members, the wire and the brokers tell it. Times are microseconds of the machine's monotonic
 * clock, the same for all processes. A queue is named `broker-a#3`.
 */

/** A listener's call. `end` is missing while it runs, and for ever when its process was killed in it. */
export interface Call {
  readonly member: string;
  readonly queue: string;
  readonly offset: number;
  readonly begin: number;
  end: number | undefined;
  /** Whether the listener was content, and not asking for the message again. */
  done: boolean;
  readonly body: string;
}

/** What a member said of a queue besides its calls. */
export interface QueueEvent {
  readonly kind: 'own' | 'free' | 'lost' | 'reset';
  readonly member: string;
  readonly queue: string;
  readonly at: number;
  /** Of 'own' and 'reset'. */
  readonly offset?: number;
}

/** A lock request as it passed the wire, with the queues that were granted. */
export interface LockGrant {
  readonly member: string;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly asked: readonly string[];
  readonly granted: readonly string[];
}

export interface Unlock {
  readonly member: string;
  readonly at: number;
  readonly queues: readonly string[];
}

/** An offset on its way to the broker; answered when the broker has it. */
export interface Commit {
  readonly member: string;
  readonly queue: string;
  readonly offset: number;
  readonly at: number;
  answeredAt: number | undefined;
}

/** The committed offset as a broker told it to the observer; asked between the two times. */
export interface Stored {
  readonly queue: string;
  readonly askedAt: number;
  readonly at: number;
  /** Undefined: the group has none. */
  readonly offset: number | undefined;
}

/** What was done to a member or a broker. */
export interface Fault {
  readonly what: 'killed' | 'paused' | 'cut' | 'broker killed' | 'broker stopped' | 'other';
  /** The member, or the broker. */
  readonly whom: string;
  readonly from: number;
  to: number | undefined;
}

export interface History {
  readonly calls: Call[];
  readonly events: QueueEvent[];
  readonly locks: LockGrant[];
  readonly unlocks: Unlock[];
  readonly commits: Commit[];
  readonly stored: Stored[];
  readonly faults: Fault[];
  /** By queue, how many messages it holds in the end. */
  readonly sent: Map<string, number>;
  /** Bodies the producer was told are stored, by `queue@offset`. */
  readonly acknowledged: Map<string, string>;
  /** Members whose times, calls and requests are not ours to answer for. */
  readonly foreign: Set<string>;
  /** How long a member's lock counts, in milliseconds. */
  readonly leaseMs: number;
}

export function emptyHistory(leaseMs = 30_000): History {
  return {
    calls: [],
    events: [],
    locks: [],
    unlocks: [],
    commits: [],
    stored: [],
    faults: [],
    sent: new Map(),
    acknowledged: new Map(),
    foreign: new Set(),
    leaseMs,
  };
}

/** Now, in microseconds, by the clock of all processes of this machine. */
export function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Takes a member's log in as it grows: see test/support/member.ts for its lines. */
export class LogReader {
  readonly #member: string;
  readonly #log: string;
  readonly #history: Pick<History, 'calls' | 'events'>;
  readonly #open = new Map<string, Call>();
  #read = 0;
  /** Lines that begin with '#': errors the member reported. */
  readonly errors: string[] = [];

  constructor(member: string, log: string, history: Pick<History, 'calls' | 'events'>) {
    this.#member = member;
    this.#log = log;
    this.#history = history;
  }

  /** Reads what has come since; a line that is being written stays for the next time. */
  update(): void {
    const bytes = readFrom(this.#log, this.#read);
    const end = bytes.lastIndexOf('\n') + 1;
    this.#read += end;
    for (const line of bytes.subarray(0, end).toString().split('\n')) if (line !== '') this.line(line);
  }

  line(line: string): void {
    if (line.startsWith('#')) {
      this.errors.push(line);
      return;
    }
    const [word = '', broker, queueId, ...rest] = line.split(' ');
    const queue = `${broker}#${queueId}`;
    const member = this.#member;
    const { calls, events } = this.#history;
    switch (word) {
      case 'begin': {
        const call: Call = {
          ...{ member, queue, offset: Number(rest[0]), begin: Number(rest[1]), end: undefined, done: false },
          body: rest[2] ?? '',
        };
        calls.push(call);
        this.#open.set(`${queue}@${call.offset}`, call);
        break;
      }
      case 'end': {
        const call = this.#open.get(`${queue}@${Number(rest[0])}`);
        if (call === undefined) throw new Error(`${member} ends a call it never began: ${line}`);
        this.#open.delete(`${queue}@${call.offset}`);
        call.end = Number(rest[1]);
        call.done = rest[2] === 'done';
        break;
      }
      case 'own':
      case 'reset':
        events.push({ kind: word, member, queue, offset: Number(rest[0]), at: Number(rest[1]) });
        break;
      case 'free':
      case 'lost':
        events.push({ kind: word, member, queue, at: Number(rest[0]) });
        break;
    }
  }
}

function readFrom(file: string, position: number): Buffer {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - position));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, position));
  } finally {
    closeSync(fd);
  }
}
