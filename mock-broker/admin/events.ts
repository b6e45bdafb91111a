import type { ServerResponse } from 'node:http';
import { ValidationError } from '../../lib/errors.js';
import type { MockCluster } from '../cluster.js';
import { journalEntryView } from './journal-view.js';
import { lastSeq, stateKey, stateView } from './state-view.js';
import { violationView } from './violation-view.js';

/** Server-sent events: what happens in the cluster, to everybody who listens. */

/** At most four states a second, in real time: who looks is a person. */
const STATE_PERIOD_MS = 250;
/** Proxies and browsers give up connections on which nothing comes. */
const HEARTBEAT_MS = 15_000;
/** Bytes that wait for a reader before it is given up. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Journal entries a reader that comes back is told of at once, at most. */
const MAX_RESUMED = 1000;

const TYPES = ['state', 'journal', 'violation'] as const;
type EventType = (typeof TYPES)[number];

interface Stream {
  readonly out: ServerResponse;
  readonly types: ReadonlySet<EventType>;
  /** The state it was told last. */
  stateKey: string;
}

export class EventStreams {
  readonly #cluster: MockCluster;
  readonly #streams = new Set<Stream>();
  #subscriptions: (() => void)[] = [];
  /** The latest entry that was told. */
  #lastSeq = -1;

  constructor(cluster: MockCluster) {
    this.#cluster = cluster;
  }

  /** How many listen. */
  get size(): number {
    return this.#streams.size;
  }

  /**
   * Answers with events from now on, or from the entry after `lastEventId`.
   *
   * @param types which ones, joined by commas
   * @throws ValidationError for a type that does not exist, or an id that is no number
   */
  open(
    out: ServerResponse,
    lastEventId: string | undefined,
    types: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): void {
    const stream: Stream = { out, types: parseTypes(types), stateKey: '' };
    const resumeAfter = parseEventId(lastEventId);
    out.writeHead(200, { ...headers, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    out.write('retry: 1000\n\n');
    if (this.#streams.size === 0) this.#listen();
    this.#streams.add(stream);
    out.once('close', () => this.#forget(stream));
    this.#sendState(stream);
    if (resumeAfter !== undefined) this.#resume(stream, resumeAfter);
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of [...this.#streams]) {
      stream.out.end();
      this.#forget(stream);
    }
  }

  #listen(): void {
    const { journal } = this.#cluster;
    this.#lastSeq = lastSeq(journal);
    const states = setInterval(() => this.#sendStates(), STATE_PERIOD_MS);
    const heartbeats = setInterval(() => this.#broadcast(undefined, ': still here\n\n'), HEARTBEAT_MS);
    this.#subscriptions = [
      () => clearInterval(states),
      () => clearInterval(heartbeats),
      journal.subscribe((entry) => {
        this.#lastSeq = entry.seq;
        this.#broadcast('journal', frame('journal', entry.seq, journalEntryView(entry)));
      }),
      this.#cluster.onViolation((violation) =>
        this.#broadcast('violation', frame('violation', this.#lastSeq, violationView(violation))),
      ),
    ];
  }

  #forget(stream: Stream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return;
    for (const stop of this.#subscriptions) stop();
    this.#subscriptions = [];
  }

  /** All were told the same, but for those who came since. */
  #sendStates(): void {
    const listeners = [...this.#streams].filter((stream) => stream.types.has('state'));
    if (listeners.length === 0) return;
    const state = stateView(this.#cluster);
    const key = stateKey(state);
    const text = frame('state', this.#lastSeq, state);
    for (const stream of listeners) {
      if (stream.stateKey === key) continue;
      stream.stateKey = key;
      this.#write(stream, text);
    }
  }

  #sendState(stream: Stream): void {
    if (!stream.types.has('state')) return;
    const state = stateView(this.#cluster);
    stream.stateKey = stateKey(state);
    this.#write(stream, frame('state', this.#lastSeq, state));
  }

  #resume(stream: Stream, afterSeq: number): void {
    const { journal } = this.#cluster;
    if (stream.types.has('violation')) {
      const missed = this.#cluster.violations.filter(({ entries }) => (entries.at(-1)?.seq ?? -1) > afterSeq);
      for (const violation of missed) this.#write(stream, frame('violation', afterSeq, violationView(violation)));
    }
    if (!stream.types.has('journal')) return;
    const missed = journal.entries.filter(({ seq }) => seq > afterSeq && seq <= this.#lastSeq).slice(-MAX_RESUMED);
    for (const entry of missed) this.#write(stream, frame('journal', entry.seq, journalEntryView(entry)));
  }

  #broadcast(type: EventType | undefined, text: string): void {
    for (const stream of this.#streams) if (type === undefined || stream.types.has(type)) this.#write(stream, text);
  }

  #write(stream: Stream, text: string): void {
    if (stream.out.destroyed) return;
    stream.out.write(text);
    // It can come back and go on where it was.
    if (stream.out.writableLength > MAX_WAITING_BYTES) stream.out.destroy();
  }
}

function frame(type: EventType, id: number, data: unknown): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function parseTypes(text: string | undefined): ReadonlySet<EventType> {
  if (text === undefined) return new Set(TYPES);
  return new Set(
    text.split(',').map((name) => {
      const type = TYPES.find((known) => known === name);
      if (type === undefined) throw new ValidationError('types', name, TYPES.join(', '));
      return type;
    }),
  );
}

function parseEventId(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw new ValidationError('Last-Event-ID', text, 'the id of an event');
  return Number(text);
}
