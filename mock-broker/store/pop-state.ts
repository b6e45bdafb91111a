import type { Timers } from '../server/timers.js';
import type { MessageRequestMode } from '../wire/query-assignment.js';
import { PopLedger, type PopLedgerOptions } from './pop-ledger.js';
import { PopOrders } from './pop-orders.js';
import { PopPolls } from './pop-polls.js';

/** What a broker knows of groups that pop. */
export class PopState {
  readonly ledger: PopLedger;
  readonly orders: PopOrders;
  /** Pops that wait. */
  readonly polls: PopPolls;
  /** Who waits to be told that there is something to pop. */
  readonly notifications: PopPolls;
  readonly #modes = new Map<string, MessageRequestMode>();
  #popCount = 0;

  constructor(options: PopLedgerOptions & { readonly now: () => number; readonly timers: Timers }) {
    const { now, timers } = options;
    this.ledger = new PopLedger(options);
    this.orders = new PopOrders(now);
    this.polls = new PopPolls({ now, timers, wakesLast: false });
    this.notifications = new PopPolls({ now, timers, wakesLast: true });
  }

  /** Counts the pops: which queue is looked at first changes with each. */
  nextTurn(): number {
    return this.#popCount++;
  }

  /** How a group gets the messages of a topic, as an operator has said. */
  mode(topic: string, group: string): MessageRequestMode | undefined {
    return this.#modes.get(`${topic}\0${group}`);
  }

  setMode(mode: MessageRequestMode): void {
    this.#modes.set(`${mode.topic}\0${mode.consumerGroup}`, mode);
  }

  deleteTopic(topic: string): void {
    this.ledger.deleteTopic(topic);
    this.orders.deleteTopic(topic);
  }

  /** Forgets what is out. Who pops is told by the operator, and stays. */
  clear(): void {
    this.ledger.clear();
    this.orders.clearAll();
  }

  /** Forgets who waits on a closed connection. */
  discard(channel: unknown): void {
    this.polls.discard(channel);
    this.notifications.discard(channel);
  }

  /** Forgets who waits. */
  clearPolls(): void {
    this.polls.clear();
    this.notifications.clear();
  }
}
