import type { ExtFields, RemotingCommand, ResponseCommand } from '../lib/protocol/command.js';
import { isOneway, isResponse } from '../lib/protocol/command.js';
import type { RequestNames } from './faults/request-names.js';
import { requestNames } from './faults/request-names.js';
import { type Fault, faultName } from './faults/rule.js';
import { effectOf } from './journal-effect.js';

/** One frame in the journal, and what became of it. */

/** The peer of a connection, shared by all of its journal entries. */
export interface ConnectionIdentity {
  readonly id: number;
  /** Known once the client has sent a heartbeat, a lock or an unregister request on this connection. */
  readonly clientId: string | undefined;
}

export type JournalKind = 'request' | 'oneway' | 'response';

export interface JournalEntry {
  /** When, in milliseconds of the mock's clock. */
  readonly at: number;
  /** Position in the journal since the cluster was started; never used twice. */
  readonly seq: number;
  /** Broker name, or `namesrv`. */
  readonly broker: string;
  /** `in`: the mock received it. `out`: the mock sent it. */
  readonly direction: 'in' | 'out';
  readonly kind: JournalKind;
  /** Request code, or response code when `kind` is `response`. */
  readonly code: number;
  readonly opaque: number;
  readonly remark: string | undefined;
  readonly ext: ExtFields;
  readonly body: Buffer;
  /** The sender's protocol version. */
  readonly version: number;
  /** Number of the connection, unique in the cluster. */
  readonly connection: number;
  readonly clientId: string | undefined;
  /** For responses: the code of the request that is answered. */
  readonly request: number | undefined;
  /** For responses: the position of the request that is answered. */
  readonly requestSeq: number | undefined;
  /** For requests: the answer, once there is one. */
  readonly reply: JournalEntry | undefined;
  /** What the request did, in words: `locked 4 of 4 queues of billing for c1`; a response has that of its request. */
  readonly effect: string | undefined;
}

/** What a frame is recorded with. */
export interface JournalRecord {
  readonly at: number;
  readonly broker: string;
  readonly direction: 'in' | 'out';
  readonly peer: ConnectionIdentity;
  readonly command: RemotingCommand;
  /** For responses: the code of the request. */
  readonly request?: number | undefined;
  /** For responses: the request's entry. */
  readonly answers?: RequestNote | undefined;
}

/** A received request's entry, for the server to write down what becomes of it. @internal */
export interface RequestNote extends JournalEntry {
  fault: Fault | undefined;
  /** It is carried out, and will be answered later. */
  isWaiting: boolean;
  /** What the handler said, whether it is sent or not. */
  readonly outcome: ResponseCommand | undefined;
  settle(outcome: ResponseCommand): void;
  /** Whom and what it is about. */
  names(): RequestNames;
}

export class Entry implements RequestNote {
  readonly at: number;
  readonly seq: number;
  readonly broker: string;
  readonly direction: 'in' | 'out';
  readonly kind: JournalKind;
  readonly code: number;
  readonly opaque: number;
  readonly remark: string | undefined;
  readonly ext: ExtFields;
  readonly body: Buffer;
  readonly version: number;
  readonly connection: number;
  readonly request: number | undefined;
  fault: Fault | undefined;
  isWaiting = false;
  outcome: ResponseCommand | undefined;
  reply: JournalEntry | undefined;
  /** The request, of a response. */
  readonly answers: RequestNote | undefined;
  readonly #peer: ConnectionIdentity;
  #names: RequestNames | undefined;

  constructor(seq: number, record: JournalRecord) {
    const { command } = record;
    this.at = record.at;
    this.seq = seq;
    this.broker = record.broker;
    this.direction = record.direction;
    this.kind = isResponse(command) ? 'response' : isOneway(command) ? 'oneway' : 'request';
    this.code = command.code;
    this.opaque = command.opaque;
    this.remark = command.remark;
    this.ext = command.extFields;
    this.body = command.body;
    this.version = command.version;
    this.connection = record.peer.id;
    this.request = record.request;
    this.answers = record.answers;
    this.#peer = record.peer;
    if (record.answers instanceof Entry) record.answers.reply ??= this;
  }

  /** Read from the connection, so that frames sent before the client named itself have it too. */
  get clientId(): string | undefined {
    return this.#peer.clientId;
  }

  get requestSeq(): number | undefined {
    return this.answers?.seq;
  }

  /** Put into words when somebody asks. */
  get effect(): string | undefined {
    if (this.answers !== undefined) return this.answers.effect;
    const { fault, outcome } = this;
    const done =
      outcome !== undefined ? effectOf(this, outcome) : this.isWaiting ? 'held until a message comes' : undefined;
    if (fault === undefined) return done;
    return done === undefined ? faultName(fault) : `${faultName(fault)}; ${done}`;
  }

  settle(outcome: ResponseCommand): void {
    this.outcome = outcome;
  }

  names(): RequestNames {
    return (this.#names ??=
      this.answers?.names() ?? requestNames({ code: this.code, extFields: this.ext, body: this.body }));
  }
}
