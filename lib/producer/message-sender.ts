import { sleep } from '../clock.js';
import { toError } from '../errors.js';
import type { ResolvedProducerOptions } from '../options.js';
import { messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { BlockedKeys, type OrderScope } from './blocked-keys.js';
import { Delivery } from './delivery.js';
import { KeyChains, type ChainLink } from './key-chains.js';
import type { Outgoing } from './outgoing.js';
import { PendingSend, type SendLimits } from './pending-send.js';
import type { ProducerClient } from './producer-client.js';
import type { SendResult } from './producer-message.js';
import { PublishRoutes } from './publish-routes.js';
import { QueueChoice, type Target } from './queue-choice.js';
import { asSendFailure, keyBlocked, sendCutShort } from './send-failure.js';

/** Who hears what callers are not told by their sends. */
export interface SendObserver {
  /** An attempt failed, or was stored less safely than wished, and another one follows. */
  retrying(send: PendingSend, error: Error | undefined): void;
  /** A message could not be sent, so its key or queue takes no more. */
  blocked(scope: OrderScope, cause: Error): void;
}

/** The rest of a send from the moment its turn has come. Rejects when it fails. */
type Work = () => Promise<void>;

/**
 * Takes messages, keeps their order, and has them delivered.
 *
 * Ordered messages go through the chain of their sharding key, without one through that of their queue: a message is
 * sent when the one before it is stored or given up, its retries included, so none overtakes another.
 */
export class MessageSender {
  readonly #client: ProducerClient;
  readonly #blocksKeys: boolean;
  readonly #observer: SendObserver;
  readonly #routes: PublishRoutes;
  readonly #choice: QueueChoice;
  readonly #delivery: Delivery;
  readonly #chains = new KeyChains();
  readonly #blocked = new BlockedKeys();
  readonly #pending = new Set<PendingSend>();
  #onIdle: (() => void) | undefined;
  #closed = false;

  constructor(client: ProducerClient, options: ResolvedProducerOptions, observer: SendObserver) {
    this.#client = client;
    this.#blocksKeys = options.orderedFailure === 'block-key';
    this.#observer = observer;
    this.#routes = new PublishRoutes(client.routes, options);
    this.#choice = new QueueChoice(options);
    this.#delivery = new Delivery(client, options, this.#routes, this.#choice, (send, error) =>
      observer.retrying(send, error),
    );
  }

  /** Sends whose callers wait for an answer. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Keys and queues that ordered sends are under way for. */
  get chainCount(): number {
    return this.#chains.size;
  }

  get blocked(): OrderScope[] {
    return this.#blocked.list();
  }

  /** Frees a sharding key, in one topic or in all, or a queue. @returns whether it was blocked */
  unblock(key: string | MessageQueue, topic: string | undefined): boolean {
    return this.#blocked.remove(key, topic);
  }

  send(outgoing: Outgoing, target: Target, limits: SendLimits): Promise<SendResult> {
    return this.#accept(outgoing, target, limits, (send) => this.#delivery.deliver(send));
  }

  /** Hands the message to the operating system, once, and doesn't wait for an answer. */
  sendOneway(outgoing: Outgoing, target: Target, limits: SendLimits): Promise<void> {
    return this.#accept(outgoing, target, limits, (send) => this.#delivery.deliverOneway(send));
  }

  /** Awaits the sends under way for a while; those that are left then fail. No more may be sent from now on. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#pending.size > 0) {
      const idle = new AbortController();
      this.#onIdle = () => idle.abort();
      await sleep(this.#client.clock, timeoutMs, idle.signal);
    }
    this.#closed = true;
    for (const send of [...this.#pending]) send.fail(sendCutShort(send.facts));
  }

  /** Gives the routes back, and with them the knowledge of brokers. Comes last. */
  release(): void {
    this.#routes.close();
  }

  #accept<T>(
    outgoing: Outgoing,
    target: Target,
    limits: SendLimits,
    perform: (send: PendingSend) => Promise<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const send = new PendingSend(this.#client.clock, outgoing, target, limits, { reject, settled: this.#settled });
      this.#pending.add(send);
      const work: Work = async () => {
        send.budget.start();
        const result = await perform(send);
        if (send.settle()) resolve(result);
      };
      const { topic, shardingKey } = outgoing;
      if (target.by === 'any') void this.#run(send, work);
      else if (shardingKey === undefined) this.#enterByQueue(send, target, work);
      else this.#enter(send, { topic, shardingKey }, work);
    });
  }

  readonly #settled = (send: PendingSend): void => {
    this.#pending.delete(send);
    if (this.#pending.size === 0) this.#onIdle?.();
  };

  async #run(send: PendingSend, work: Work): Promise<void> {
    try {
      await work();
    } catch (error) {
      send.fail(asSendFailure(error, send.facts));
    }
  }

  /**
   * Without a sharding key the queue decides about the chain, and it is chosen by the route. All such sends of a topic
   * await the route in one chain, so that they get into those of their queues in the order of the calls.
   */
  #enterByQueue(send: PendingSend, target: Exclude<Target, { by: 'any' }>, work: Work): void {
    send.budget.start();
    // Begins now, so that all that wait share one lookup.
    const queues = this.#delivery.queues(send);
    queues.catch(() => undefined);
    const choose: Work = async () => {
      const found = await queues;
      if (send.settled) return;
      const queue = this.#choice.ordered(target, send.outgoing, found);
      send.queue = queue;
      send.budget.stop();
      const { topic } = send.outgoing;
      this.#enter(send, { topic, messageQueue: { ...queue, topic } }, work);
    };
    this.#chains.add(`topic\0${send.outgoing.topic}`, {
      run: () => this.#run(send, choose),
      cut: () => undefined,
    });
  }

  #enter(send: PendingSend, scope: OrderScope, work: Work): void {
    const chainKey = chainKeyOf(scope);
    const blockedBy = this.#blocked.cause(chainKey);
    if (blockedBy !== undefined) {
      send.fail(keyBlocked(send.outgoing, scope, blockedBy));
      return;
    }
    const link: ChainLink = {
      // Its caller may have given up while it waited.
      run: () => (send.settled ? Promise.resolve() : this.#run(send, work)),
      cut: (cause) => {
        send.onFailed = undefined;
        send.fail(keyBlocked(send.outgoing, scope, cause));
      },
    };
    if (this.#blocksKeys) send.onFailed = (error) => this.#block(chainKey, link, scope, error);
    this.#chains.add(chainKey, link);
  }

  /**
   * A message is missing from its order, so nothing may come after it. What waits behind it fails now, before the caller
   * of the missing one hears of it: whatever that one sends again, once it has freed the key, comes first.
   */
  #block(chainKey: string, link: ChainLink, scope: OrderScope, error: unknown): void {
    if (this.#closed) return;
    const cause = toError(error);
    // Blocked already: by one further back, whose caller gave up while it waited.
    const isNew = this.#blocked.cause(chainKey) === undefined;
    this.#blocked.add(chainKey, scope, cause);
    this.#chains.cutBehind(chainKey, link, cause);
    if (isNew) this.#observer.blocked(scope, cause);
  }
}

function chainKeyOf(scope: OrderScope): string {
  return 'shardingKey' in scope
    ? `key\0${scope.topic}\0${scope.shardingKey}`
    : `queue\0${messageQueueKey(scope.messageQueue)}`;
}
