import { StateError, TimeoutError, ValidationError } from '../lib/errors.js';
import { RequestCode } from '../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../lib/protocol/command.js';
import { parseLenientJson } from '../lib/protocol/lenient-json.js';

/**
 * What can go wrong, on purpose. A rule is looked up for each request the mock receives, and for each one it sends to
 * a client; the first that matches and still has times left decides what happens.
 */

export type FaultAction =
  /** This answer, and no effect. */
  | {
      readonly type: 'answer';
      readonly code: number;
      readonly remark?: string;
      readonly ext?: Readonly<Record<string, string>>;
      readonly body?: Buffer;
    }
  /** The effect at once and the answer `ms` later; with `when: 'before'` the effect is late too. On the mock's clock. */
  | { readonly type: 'delay'; readonly ms: number; readonly when?: 'before' | 'after' }
  /** Neither effect nor answer. */
  | { readonly type: 'drop' }
  /** The effect, but no answer. */
  | { readonly type: 'dropReply' }
  /**
   * The connection is closed. `before`: without effect or answer. `before-reply`: with the effect, instead of the
   * answer. `mid-frame`: with the effect, after half of the answer's bytes. `after`: with the effect, after the answer.
   */
  | { readonly type: 'close'; readonly when: 'before' | 'before-reply' | 'mid-frame' | 'after' }
  /** The answer twice. */
  | { readonly type: 'duplicate' }
  /** These bytes instead of an answer, and no effect. */
  | { readonly type: 'raw'; readonly bytes: Buffer }
  /** The answer as `reply` changes it. */
  | { readonly type: 'rewrite'; readonly reply: (answer: ResponseCommand) => ResponseCommand }
  /** The answer in pieces of `size` bytes, each its own write. */
  | { readonly type: 'chunk'; readonly size: number }
  /** The answer is kept until `frames` of them can be sent in one write. */
  | { readonly type: 'coalesce'; readonly frames: number };

/** Which requests a rule is about, how often it fires, and what it does. What is left out matches anything. */
export interface FaultRule {
  /** Request code. */
  readonly code?: number;
  /** Broker name, or `namesrv`. */
  readonly broker?: string;
  readonly clientId?: string;
  readonly group?: string;
  readonly topic?: string;
  readonly queueId?: number;
  /** Number of the connection, as the journal has it. */
  readonly connection?: number;
  /** Anything else. */
  readonly where?: (request: RemotingCommand) => boolean;
  /** How often it fires. No limit by default. */
  readonly times?: number;
  /** How many matching requests it lets pass first. Default 0. */
  readonly after?: number;
  /** Chance between 0 and 1 that it fires for a matching request. Default 1. */
  readonly probability?: number;
  /** Start of the random numbers for `probability`, so that a run can be repeated. Default 1. */
  readonly seed?: number;
  readonly action: FaultAction;
}

/** A rule at work. */
export interface Fault {
  readonly rule: FaultRule;
  /** How often it has fired. */
  readonly hits: number;
  /** Takes the rule back. What it has begun, such as a delay, goes on. */
  remove(): void;
  /** Resolves when it has fired `count` times. `timeoutMs` is in real time; 5000 by default. */
  waitForHits(count?: number, options?: { timeoutMs?: number }): Promise<void>;
}

/** Where a request came from, or goes to. */
export interface FaultSubject {
  readonly broker: string;
  readonly connection: number;
  readonly clientId: string | undefined;
  readonly command: RemotingCommand;
}

const DEFAULT_WAIT_MS = 5000;

export class Faults {
  #faults: ActiveFault[] = [];
  /** Also those that were taken back since. */
  readonly #waitedFor = new Set<ActiveFault>();

  /** Adds a rule; earlier rules go first. */
  add(rule: FaultRule): Fault {
    const fault = new ActiveFault(checkRule(rule), {
      remove: () => {
        this.#faults = this.#faults.filter((other) => other !== fault);
      },
      waitedFor: () => this.#waitedFor.add(fault),
    });
    this.#faults.push(fault);
    return fault;
  }

  /** The rules in force. */
  get active(): readonly Fault[] {
    return this.#faults;
  }

  /** Takes all rules back. */
  clear(): void {
    this.#faults = [];
  }

  /** Nothing more will fire: fails those who wait for it. @internal */
  close(): void {
    for (const fault of this.#waitedFor) fault.failWaiters();
  }

  /** The action for this request, which counts as a hit. @internal */
  match(subject: FaultSubject): FaultAction | undefined {
    if (this.#faults.length === 0) return undefined;
    const view = new SubjectView(subject);
    for (const fault of this.#faults) if (fault.fires(view)) return fault.rule.action;
    return undefined;
  }
}

class ActiveFault implements Fault {
  readonly rule: FaultRule;
  readonly remove: () => void;
  hits = 0;
  #skipped = 0;
  readonly #random: () => number;
  readonly #waitedFor: () => void;
  #waiters: { count: number; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(rule: FaultRule, owner: { remove: () => void; waitedFor: () => void }) {
    this.rule = rule;
    this.remove = owner.remove;
    this.#waitedFor = owner.waitedFor;
    this.#random = seededRandom(rule.seed ?? 1);
  }

  fires(subject: SubjectView): boolean {
    const { rule } = this;
    if (rule.times !== undefined && this.hits >= rule.times) return false;
    if (!subject.matches(rule)) return false;
    if (this.#skipped < (rule.after ?? 0)) {
      this.#skipped++;
      return false;
    }
    if (rule.probability !== undefined && this.#random() >= rule.probability) return false;
    this.hits++;
    const reached = this.#waiters.filter((waiter) => waiter.count <= this.hits);
    this.#waiters = this.#waiters.filter((waiter) => waiter.count > this.hits);
    for (const waiter of reached) waiter.resolve();
    return true;
  }

  waitForHits(count = 1, options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.hits >= count) return Promise.resolve();
    const timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS;
    return new Promise((resolve, reject) => {
      const waiter = {
        count,
        resolve: (): void => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error: Error): void => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new TimeoutError(`a fault fired ${this.hits} of ${count} times within ${timeoutMs} ms`, { timeoutMs }));
      }, timeoutMs);
      this.#waiters.push(waiter);
      this.#waitedFor();
    });
  }

  failWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters)
      waiter.reject(new StateError('the mock cluster was stopped while a fault was awaited'));
  }
}

/** A request with the names rules ask for; bodies are parsed only when a rule needs them. */
class SubjectView {
  readonly #subject: FaultSubject;
  #names: RequestNames | undefined;

  constructor(subject: FaultSubject) {
    this.#subject = subject;
  }

  matches(rule: FaultRule): boolean {
    const { command, broker, clientId, connection } = this.#subject;
    if (rule.code !== undefined && rule.code !== command.code) return false;
    if (rule.broker !== undefined && rule.broker !== broker) return false;
    if (rule.connection !== undefined && rule.connection !== connection) return false;
    if (rule.clientId !== undefined && rule.clientId !== clientId && !this.#has('clientIds', rule.clientId))
      return false;
    if (rule.group !== undefined && !this.#has('groups', rule.group)) return false;
    if (rule.topic !== undefined && !this.#has('topics', rule.topic)) return false;
    if (rule.queueId !== undefined && !this.#has('queueIds', rule.queueId)) return false;
    return rule.where === undefined || rule.where(command);
  }

  #has(kind: keyof RequestNames, wanted: string | number): boolean {
    this.#names ??= requestNames(this.#subject.command);
    return (this.#names[kind] as readonly (string | number)[]).includes(wanted);
  }
}

interface RequestNames {
  readonly clientIds: readonly string[];
  readonly groups: readonly string[];
  readonly topics: readonly string[];
  readonly queueIds: readonly number[];
}

/** Codes whose names stand in a JSON body. */
const NAMED_IN_BODY: ReadonlySet<number> = new Set([
  RequestCode.HEART_BEAT,
  RequestCode.LOCK_BATCH_MQ,
  RequestCode.UNLOCK_BATCH_MQ,
  RequestCode.CHECK_CLIENT_CONFIG,
]);

/** Codes that shorten their field names to letters. */
const SHORT_NAMES: ReadonlySet<number> = new Set([RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE]);

/** The client ids, groups, topics and queues a request speaks of, wherever its code puts them. */
export function requestNames(command: RemotingCommand): RequestNames {
  const ext = command.extFields;
  if (SHORT_NAMES.has(command.code)) {
    return { clientIds: [], groups: present(ext['a']), topics: present(ext['b']), queueIds: numbers(ext['e']) };
  }
  if (NAMED_IN_BODY.has(command.code)) return namesInBody(command.body);
  return {
    clientIds: present(ext['clientID'], ext['clientId']),
    groups: present(ext['consumerGroup'], ext['group'], ext['producerGroup']),
    topics: present(ext['topic'], ext['originTopic']),
    queueIds: numbers(ext['queueId']),
  };
}

function namesInBody(body: Buffer): RequestNames {
  const found: { clientIds: string[]; groups: string[]; topics: string[]; queueIds: number[] } = {
    clientIds: [],
    groups: [],
    topics: [],
    queueIds: [],
  };
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, child] of Object.entries(value)) {
      if (typeof child === 'object') visit(child);
      else if (typeof child === 'number' && name === 'queueId') found.queueIds.push(child);
      else if (typeof child !== 'string') continue;
      else if (name === 'clientID' || name === 'clientId') found.clientIds.push(child);
      else if (name === 'groupName' || name === 'consumerGroup' || name === 'group') found.groups.push(child);
      else if (name === 'topic') found.topics.push(child);
    }
  };
  try {
    visit(parseLenientJson(body.toString()));
  } catch {
    // A body that does not parse has no names; its handler will answer for it.
  }
  return found;
}

function present(...values: (string | undefined)[]): string[] {
  return values.filter((value) => value !== undefined);
}

function numbers(value: string | undefined): number[] {
  return value === undefined ? [] : [Number(value)];
}

function checkRule(rule: FaultRule): FaultRule {
  if (rule.probability !== undefined && !(rule.probability >= 0 && rule.probability <= 1)) {
    throw new ValidationError('fault.probability', rule.probability, 'a number from 0 to 1');
  }
  const { action } = rule;
  if (action.type === 'delay' && !(action.ms >= 0))
    throw new ValidationError('fault.action.ms', action.ms, '0 or more');
  if (action.type === 'chunk' && !(action.size >= 1)) {
    throw new ValidationError('fault.action.size', action.size, '1 or more');
  }
  if (action.type === 'coalesce' && !(action.frames >= 2)) {
    throw new ValidationError('fault.action.frames', action.frames, '2 or more');
  }
  return rule;
}

/** Numbers from 0 to 1 that are the same for the same seed: the mulberry32 generator. */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
