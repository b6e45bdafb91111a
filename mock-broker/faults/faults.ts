import { RequestCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../lib/protocol/command.js';
import { PullSysFlag } from '../../lib/protocol/sys-flag.js';
import { Listeners } from '../listeners.js';
import { ActiveFault } from './active-fault.js';
import { checkRule } from './check-rule.js';
import type { RequestNames } from './request-names.js';
import { requestNames } from './request-names.js';
import type { Fault, FaultRule } from './rule.js';

/** Where a request came from, or goes to. */
export interface FaultSubject {
  readonly broker: string;
  readonly connection: number;
  readonly clientId: string | undefined;
  readonly command: RemotingCommand;
}

/** What is to go wrong in a cluster: its rules, in the order they are asked. */
export class Faults {
  #faults: ActiveFault[] = [];
  #count = 0;
  /** Also those that were taken back since. */
  readonly #waitedFor = new Set<ActiveFault>();
  readonly #listeners = new Listeners<[]>();

  /**
   * Adds a rule; earlier rules go first.
   *
   * @throws ValidationError for one that makes no sense
   */
  add(rule: FaultRule): Fault {
    const codes = checkRule(rule);
    const fault = new ActiveFault(`f${++this.#count}`, rule, codes, {
      remove: () => void this.remove(fault.id),
      waitedFor: () => this.#waitedFor.add(fault),
      fired: () => this.#tell(),
    });
    this.#faults.push(fault);
    this.#tell();
    return fault;
  }

  /** The rules in force. */
  get active(): readonly Fault[] {
    return this.#faults;
  }

  /** The rule in force that has this id. */
  get(id: string): Fault | undefined {
    return this.#faults.find((fault) => fault.id === id);
  }

  /** Takes a rule back. Returns whether there was one of that id. */
  remove(id: string): boolean {
    const fault = this.#faults.find((candidate) => candidate.id === id);
    if (fault === undefined) return false;
    this.#faults = this.#faults.filter((other) => other !== fault);
    fault.end();
    this.#tell();
    return true;
  }

  /** Takes all rules back. */
  clear(): void {
    const faults = this.#faults;
    this.#faults = [];
    for (const fault of faults) fault.end();
    this.#tell();
  }

  /**
   * Calls back, at once and every time, when a rule was added, has fired or was taken back.
   *
   * @returns what ends that
   */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Nothing more will fire: fails those who wait for it. @internal */
  close(): void {
    for (const fault of this.#waitedFor) fault.failWaiters();
  }

  /** The fault for this request, which counts as a hit. @internal */
  match(subject: FaultSubject): ActiveFault | undefined {
    if (this.#faults.length === 0) return undefined;
    const view = new SubjectView(subject);
    return this.#faults.find((fault) => !fault.isAboutConnections && fault.fires((rule) => view.matches(rule), subject.command.code)); // prettier-ignore
  }

  /** Whether a new connection is to be closed at once. @internal */
  refuses(broker: string): boolean {
    if (this.#faults.length === 0) return false;
    const matches = (rule: FaultRule): boolean => rule.broker === undefined || rule.broker === broker;
    return this.#faults.some((fault) => fault.isAboutConnections && fault.fires(matches, undefined));
  }

  #tell(): void {
    this.#listeners.tell();
  }
}

function isAboutCommits({ action }: FaultRule): boolean {
  return action.type === 'offset' && (action.do === 'rollBack' || action.do === 'lose');
}

/** Whether a request commits an offset: a pull does so only when it says it. */
function commits({ code, extFields }: RemotingCommand): boolean {
  return (
    code === RequestCode.UPDATE_CONSUMER_OFFSET || (Number(extFields['sysFlag']) & PullSysFlag.COMMIT_OFFSET) !== 0
  );
}

/** A request with the names rules ask for; bodies are parsed only when a rule needs them. */
class SubjectView {
  readonly #subject: FaultSubject;
  #names: RequestNames | undefined;

  constructor(subject: FaultSubject) {
    this.#subject = subject;
  }

  /** By all but the code. */
  matches(rule: FaultRule): boolean {
    const { command, broker, clientId, connection } = this.#subject;
    if (rule.broker !== undefined && rule.broker !== broker) return false;
    if (rule.connection !== undefined && rule.connection !== connection) return false;
    if (rule.clientId !== undefined && rule.clientId !== clientId && !this.#has('clientIds', rule.clientId))
      return false;
    if (rule.group !== undefined && !this.#has('groups', rule.group)) return false;
    if (rule.topic !== undefined && !this.#has('topics', rule.topic)) return false;
    if (rule.queueId !== undefined && !this.#has('queueIds', rule.queueId)) return false;
    if (isAboutCommits(rule) && !commits(command)) return false;
    return rule.where === undefined || rule.where(command);
  }

  #has(kind: keyof RequestNames, wanted: string | number): boolean {
    this.#names ??= requestNames(this.#subject.command);
    return (this.#names[kind] as readonly (string | number)[]).includes(wanted);
  }
}
