import { closeSync, openSync, writeSync } from 'node:fs';
import { requestCodeName, responseCodeName } from '../lib/protocol/codes.js';
import type { JournalEntry } from './journal-entry.js';

/** The journal as lines of JSON: of entries for others to read, and in a file. */

/** An entry as JSON has it. Of a body at most a part; `bodyLength` tells how long it is. */
export interface JournalLine {
  readonly seq: number;
  readonly at: number;
  readonly broker: string;
  readonly direction: 'in' | 'out';
  readonly kind: string;
  readonly code: number;
  /** The code's name with its number: `LOCK_BATCH_MQ (41)`. */
  readonly name: string;
  readonly opaque: number;
  readonly connection: number;
  readonly clientId?: string;
  /** Of a response: the code and the position of its request. */
  readonly request?: number;
  readonly requestSeq?: number;
  readonly remark?: string;
  readonly ext: Readonly<Record<string, string>>;
  readonly bodyLength: number;
  /** When the body is JSON. */
  readonly bodyText?: string;
  /** Else. */
  readonly bodyBase64?: string;
  readonly effect?: string;
}

/** Bytes of a body that a line holds. */
const DEFAULT_BODY_LIMIT = 4096;

/** @param bodyLimit bytes of the body at most */
export function journalLine(entry: JournalEntry, bodyLimit: number = DEFAULT_BODY_LIMIT): JournalLine {
  const { seq, at, broker, direction, kind, code, opaque, connection, clientId, request, requestSeq, remark, ext, effect } = entry; // prettier-ignore
  return {
    ...{ seq, at, broker, direction, kind, code },
    name: kind === 'response' ? responseCodeName(code) : requestCodeName(code),
    ...{ opaque, connection },
    ...(clientId !== undefined && { clientId }),
    ...(request !== undefined && { request }),
    ...(requestSeq !== undefined && { requestSeq }),
    ...(remark !== undefined && { remark }),
    ext: { ...ext },
    bodyLength: entry.body.length,
    ...bodyOf(entry.body, bodyLimit),
    ...(effect !== undefined && { effect }),
  };
}

function bodyOf(body: Buffer, limit: number): { bodyText?: string; bodyBase64?: string } {
  if (body.length === 0 || limit === 0) return {};
  if (isJson(body)) return { bodyText: body.subarray(0, limit).toString() };
  return { bodyBase64: body.subarray(0, limit).toString('base64') };
}

/** Stored messages begin with zeros, or with a byte that begins no JSON. */
function isJson(body: Buffer): boolean {
  return body[0] === 0x7b || body[0] === 0x5b;
}

/** How many lines are written at once. */
const BATCH = 256;

/** Writes each entry as a line, shortly after it came: by then it is known what came of it. */
export class JournalFile {
  readonly #file: number;
  #waiting: JournalEntry[] = [];
  #flush: NodeJS.Immediate | undefined;
  #closed = false;

  /** Throws when the file can't be opened. What is in it already stays. */
  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  add(entry: JournalEntry): void {
    if (this.#closed) return;
    this.#waiting.push(entry);
    if (this.#waiting.length >= BATCH) this.#write();
    else this.#flush ??= setImmediate(() => this.#write());
  }

  /** Writes what is left. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#write();
    this.#closed = true;
    closeSync(this.#file);
  }

  #write(): void {
    if (this.#flush !== undefined) clearImmediate(this.#flush);
    this.#flush = undefined;
    const entries = this.#waiting;
    this.#waiting = [];
    if (entries.length > 0) writeSync(this.#file, entries.map((entry) => `${JSON.stringify(journalLine(entry))}\n`).join('')); // prettier-ignore
  }
}
