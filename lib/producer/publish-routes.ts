import debug from 'debug';
import { RouteError } from '../errors.js';
import type { ResolvedProducerOptions } from '../options.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { publishQueues } from '../routing/topic-queues.js';
import type { ProducerRoutes } from './producer-client.js';

const log = debug('rocketmq:producer');

export type PublishRouteOptions = Pick<ResolvedProducerOptions, 'createTopicKey' | 'defaultTopicQueueNums'>;

/**
 * The queues messages can be sent to, by topic. Topics are read when they are first sent to, and from then on as often
 * as the route table polls.
 *
 * A topic that doesn't exist borrows the route of `createTopicKey`: brokers that may create topics create it when the
 * first message arrives. Until the name servers know it, the borrowed queues stay in use. For ordered messages a topic
 * is better created beforehand: what the brokers create can have other queues than the borrowed ones.
 */
export class PublishRoutes {
  readonly #routes: ProducerRoutes;
  readonly #options: PublishRouteOptions;
  readonly #tracked = new Set<string>();
  /** Queues of topics that did not exist when they were last asked for. */
  readonly #borrowed = new Map<string, readonly MessageQueue[]>();
  readonly #loading = new Map<string, Promise<readonly MessageQueue[]>>();

  constructor(routes: ProducerRoutes, options: PublishRouteOptions) {
    this.#routes = routes;
    this.#options = options;
  }

  /** The queues as far as they are known; undefined when they have to be looked up. Never empty. */
  known(topic: string): readonly MessageQueue[] | undefined {
    const queues = this.#routes.get(topic)?.publishQueues;
    if (queues === undefined) return this.#borrowed.get(topic);
    if (this.#borrowed.size > 0) this.#borrowed.delete(topic);
    return queues.length > 0 ? queues : undefined;
  }

  /**
   * Asks the name servers for the queues; callers at the same time share one lookup.
   *
   * @throws RouteError when the topic is unknown, static, or has no writable queue now, or no name server answers
   * @throws BrokerError, ProtocolError as `RouteTable.fetch`
   */
  lookUp(topic: string): Promise<readonly MessageQueue[]> {
    let loading = this.#loading.get(topic);
    if (loading === undefined) {
      loading = this.#load(topic).finally(() => this.#loading.delete(topic));
      this.#loading.set(topic, loading);
    }
    return loading;
  }

  /** Reads a route again that seems out of date. Never rejects: what was known stays. */
  async refresh(topic: string): Promise<void> {
    await this.lookUp(topic).catch((error: unknown) =>
      log('the route of %s could not be read again: %s', topic, error),
    );
  }

  close(): void {
    for (const topic of this.#tracked) this.#routes.untrack(topic);
    this.#tracked.clear();
    this.#borrowed.clear();
  }

  async #load(topic: string): Promise<readonly MessageQueue[]> {
    if (!this.#tracked.has(topic)) {
      this.#tracked.add(topic);
      this.#routes.track(topic);
    }
    let queues: readonly MessageQueue[];
    try {
      queues = (await this.#routes.fetch(topic)).publishQueues;
      this.#borrowed.delete(topic);
    } catch (error) {
      if (!isUnknownTopic(error)) throw error;
      queues = await this.#borrow(topic, error);
      this.#borrowed.set(topic, queues);
    }
    if (queues.length > 0) return queues;
    throw new RouteError(
      'ERR_ROCKETMQ_NO_QUEUE',
      `topic ${topic} has no queue that takes messages: it is read-only, or none of its brokers has a master now`,
      { topic },
    );
  }

  async #borrow(topic: string, unknown: RouteError): Promise<readonly MessageQueue[]> {
    const { createTopicKey, defaultTopicQueueNums } = this.#options;
    let template;
    try {
      template = await this.#routes.fetch(createTopicKey);
    } catch (error) {
      // No broker creates topics: what is missing is the topic that was asked for.
      throw isUnknownTopic(error) ? unknown : error;
    }
    log('topic %s does not exist, it is sent to by the route of %s', topic, createTopicKey);
    return publishQueues(topic, {
      ...template.data,
      orderTopicConf: undefined,
      queueDatas: template.data.queueDatas.map((data) => {
        const queues = Math.min(defaultTopicQueueNums, data.readQueueNums);
        return { ...data, readQueueNums: queues, writeQueueNums: queues };
      }),
    });
  }
}

function isUnknownTopic(error: unknown): error is RouteError {
  return error instanceof RouteError && error.code === 'ERR_ROCKETMQ_TOPIC_NOT_FOUND';
}
