import { requestCodeName, responseCodeName } from '../../lib/protocol/codes.js';
import type { JournalEntry } from '../journal-entry.js';
import type { Journal, JournalFilter } from '../journal.js';
import type { AnswerOf, InputOf } from './contract.js';
import { bodyView } from './message-view.js';
import type { JournalEntryView } from './schemas.js';
import { lastSeq } from './state-view.js';

/** Bytes of a frame's body that are shown. */
const SHOWN_BODY_BYTES = 2048;
const DEFAULT_LIMIT = 100;

export function journalEntryView(entry: JournalEntry): JournalEntryView {
  const { seq, at, broker, direction, kind, code, opaque, version, connection } = entry;
  return {
    seq,
    at,
    broker,
    direction,
    kind,
    code,
    name: kind === 'response' ? responseCodeName(code) : requestCodeName(code),
    request: entry.request ?? null,
    requestName: entry.request === undefined ? null : requestCodeName(entry.request),
    requestSeq: entry.requestSeq ?? null,
    opaque,
    version,
    connection,
    clientId: entry.clientId ?? null,
    remark: entry.remark ?? null,
    effect: entry.effect ?? null,
    ext: { ...entry.ext },
    body: bodyView(entry.body, SHOWN_BODY_BYTES),
  };
}

/** Entries in order; the latest ones unless a place is given. */
export function journalPage(journal: Journal, input: InputOf<'listJournal'>): AnswerOf<'listJournal'> {
  const { afterSeq, beforeSeq, limit = DEFAULT_LIMIT, code, ...wanted } = input;
  const found = journal
    .filter({
      ...(wanted as JournalFilter),
      ...(code !== undefined && { code: /^\d{1,9}$/.test(code) ? Number(code) : code }),
      ...(afterSeq !== undefined && { since: afterSeq }),
    })
    .filter((entry) => beforeSeq === undefined || entry.seq < beforeSeq);
  return {
    items: (afterSeq === undefined ? found.slice(-limit) : found.slice(0, limit)).map(journalEntryView),
    lastSeq: lastSeq(journal),
    dropped: journal.dropped,
  };
}
