import { Producer, type MessageQueue, type OrderedConsumerOptions, type ProducerMessage } from '../../lib/index.js';
import type { ProducerOptions } from '../../lib/options.js';
import { getMaxOffset } from '../../lib/protocol/requests/get-max-offset.js';
import { lockBatchMq } from '../../lib/protocol/requests/lock-batch-mq.js';
import { queryConsumerOffset } from '../../lib/protocol/requests/query-consumer-offset.js';
import type { RequestType } from '../../lib/protocol/requests/request-type.js';
import { unlockBatchMq } from '../../lib/protocol/requests/unlock-batch-mq.js';
import { updateConsumerOffset } from '../../lib/protocol/requests/update-consumer-offset.js';
import type { CreateGroupOptions, CreateTopicOptions } from './cluster-admin.js';
import { RawConnection, type RawOptions } from './raw-connection.js';
import { until } from './until.js';
import { RealConsumer } from './real-consumer.js';

/** What the rig needs of a cluster; a {@link RealEnv} and a {@link RealCluster} have it. */
export interface RigTarget {
  readonly namesrvAddr: string;
  readonly brokers: readonly { readonly name: string; readonly address: string }[];
  createTopic(name: string, queues: number, options?: CreateTopicOptions): Promise<void>;
  createGroup(name: string, options?: CreateGroupOptions): Promise<void>;
}

export interface RigOptions {
  /** Given to every consumer and producer. */
  readonly client?: Partial<ProducerOptions & OrderedConsumerOptions>;
  /** How the rig's own requests are to be sent. */
  readonly raw?: RawOptions;
}

/** What a test says about a message besides its body and its queue. */
export type MessageFields = Omit<ProducerMessage, 'topic' | 'body'>;

/**
 * A test's topics, messages and consumers on a real cluster, and its eyes and hands at the brokers: what is committed
 * there, and another client that locks, unlocks and commits. Unless told otherwise all is on the first broker.
 */
export class RealRig {
  readonly target: RigTarget;
  readonly consumers: RealConsumer[] = [];
  readonly #options: RigOptions;
  #producer: Promise<Producer> | undefined;

  constructor(target: RigTarget, options: RigOptions = {}) {
    this.target = target;
    this.#options = options;
  }

  /** The name of the broker tests use that need only one. */
  get brokerName(): string {
    return this.#firstBroker().name;
  }

  /** A new topic on the first broker, or on those named. */
  async topic(queues = 1, options: CreateTopicOptions = {}): Promise<string> {
    const name = unique('topic');
    await this.target.createTopic(name, queues, { brokers: [this.brokerName], ...options });
    return name;
  }

  group(): string {
    return unique('group');
  }

  queue(topic: string, queueId = 0, brokerName = this.brokerName): MessageQueue {
    return { topic, brokerName, queueId };
  }

  /** A consumer that begins at the first offset unless told otherwise; not started. Closed by {@link stop}. */
  consumer(consumerGroup: string, options: Partial<OrderedConsumerOptions> = {}, name?: string): RealConsumer {
    const member = new RealConsumer(name ?? `c${this.consumers.length + 1}`, {
      namesrvAddr: this.target.namesrvAddr,
      consumerGroup,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...this.#options.client,
      ...options,
    });
    this.consumers.push(member);
    return member;
  }

  /** A consumer of one topic, started. */
  async consume(
    topic: string,
    consumerGroup: string,
    options?: Partial<OrderedConsumerOptions>,
    name?: string,
  ): Promise<RealConsumer> {
    const member = this.consumer(consumerGroup, options, name);
    member.consumer.subscribe(topic);
    await member.start();
    return member;
  }

  /** The rig's own producer; closed by {@link stop}. */
  producer(): Promise<Producer> {
    this.#producer ??= (async () => {
      const producer = new Producer({ namesrvAddr: this.target.namesrvAddr, ...this.#options.client });
      await producer.start();
      return producer;
    })();
    return this.#producer;
  }

  /** Sends these texts to one queue, in this order. */
  async send(
    topic: string,
    texts: readonly (string | number)[],
    fields: MessageFields = {},
    queue = this.queue(topic),
  ): Promise<void> {
    const producer = await this.producer();
    await Promise.all(texts.map((text) => producer.send({ ...fields, topic, body: String(text) }, { queue })));
  }

  /** Sends these texts to one queue in one request: whoever pulls gets them together. */
  async sendTogether(topic: string, texts: readonly (string | number)[], queue = this.queue(topic)): Promise<void> {
    const producer = await this.producer();
    await producer.sendBatch(texts.map((text) => ({ topic, body: String(text) })), { queue }); // prettier-ignore
  }

  /** One typed request to a broker, on a connection of its own. @throws BrokerError for an answer that is no success */
  async ask<Request, Reply>(
    type: RequestType<Request, Reply>,
    request: Request,
    brokerName = this.brokerName,
  ): Promise<Reply> {
    const { code, extFields, body } = type.encode(request);
    const broker = this.target.brokers.find(({ name }) => name === brokerName);
    if (broker === undefined) throw new Error(`there is no broker ${brokerName}`);
    const reply = await RawConnection.once(
      broker.address,
      { code, ...(extFields !== undefined && { ext: extFields }), ...(body !== undefined && { body }) },
      this.#options.raw,
    );
    return type.decodeReply(reply);
  }

  /** The group's offset as the broker has it; `undefined` when it has none. */
  async committed(consumerGroup: string, queue: MessageQueue): Promise<number | undefined> {
    const { offset } = await this.ask(
      queryConsumerOffset,
      { consumerGroup, topic: queue.topic, queueId: queue.queueId, setZeroIfNotFound: false },
      queue.brokerName,
    );
    return offset;
  }

  /** Waits until the broker has this offset of the group. */
  async untilCommitted(consumerGroup: string, queue: MessageQueue, offset: number, timeoutMs = 15_000): Promise<void> {
    let last: number | undefined;
    await until(
      `the broker has offset ${offset} of ${queue.topic}#${queue.queueId}`,
      async () => {
        last = await this.committed(consumerGroup, queue);
        return last === offset ? true : undefined;
      },
      { timeoutMs },
    ).catch((cause: unknown) => {
      throw new Error(`the broker has offset ${last} of ${queue.topic}#${queue.queueId}, expected ${offset}`, {
        cause,
      });
    });
  }

  /** Commits for the group as any client can, whoever owns the queue. */
  async commit(consumerGroup: string, queue: MessageQueue, commitOffset: number): Promise<void> {
    const { topic, queueId, brokerName } = queue;
    await this.ask(updateConsumerOffset, { consumerGroup, topic, queueId, commitOffset }, brokerName);
  }

  /** The offset the next message of the queue will have. */
  async maxOffset(queue: MessageQueue): Promise<number> {
    const { offset } = await this.ask(getMaxOffset, { topic: queue.topic, queueId: queue.queueId }, queue.brokerName);
    return offset;
  }

  /** Asks for locks in the name of `clientId`; returns the ids of the queues that were granted. All of one broker. */
  async lockAs(clientId: string, consumerGroup: string, queues: readonly MessageQueue[]): Promise<number[]> {
    const { lockedQueues } = await this.ask(lockBatchMq, { clientId, consumerGroup, queues }, queues[0]?.brokerName);
    return lockedQueues.map(({ queueId }) => queueId).sort((a, b) => a - b);
  }

  /** Gives locks back in the name of `clientId`: brokers don't check who asks. */
  async unlockAs(clientId: string, consumerGroup: string, queues: readonly MessageQueue[]): Promise<void> {
    await this.ask(unlockBatchMq, { clientId, consumerGroup, queues }, queues[0]?.brokerName);
  }

  /** Closes what the test has started; the cluster stays. */
  async stop(): Promise<void> {
    await Promise.all(this.consumers.splice(0).map((member) => member.stop()));
    await (await this.#producer)?.close();
    this.#producer = undefined;
  }

  #firstBroker(): { readonly name: string; readonly address: string } {
    const [first] = this.target.brokers;
    if (first === undefined) throw new Error('the cluster has no broker');
    return first;
  }
}

const run = `${Date.now().toString(36)}${process.pid.toString(36)}`;
let counter = 0;

/** A name nothing else uses. */
export function unique(prefix: string): string {
  return `${prefix}-${run}${(counter++).toString(36)}`;
}
