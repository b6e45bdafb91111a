import { AUTO_CREATE_TOPIC, isSystemTopic } from '../../lib/protocol/namespace.js';
import { Perm } from '../../lib/protocol/topic-route.js';

/** The topics one broker knows. */

export const READ_WRITE: number = Perm.READ | Perm.WRITE;

export interface TopicConfig {
  readonly name: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** Sum of {@link Perm} bits. */
  readonly perm: number;
  readonly sysFlag: number;
  readonly order: boolean;
}

/** Queues of a topic that nobody said a number for, and the most an auto-created one gets; the reference's default. */
export const DEFAULT_QUEUE_NUMS = 8;

export class TopicTable {
  readonly #topics = new Map<string, TopicConfig>();

  constructor(autoCreate: boolean) {
    if (autoCreate) {
      this.put({ name: AUTO_CREATE_TOPIC, ...queues(DEFAULT_QUEUE_NUMS), perm: READ_WRITE | Perm.INHERIT });
    }
  }

  get(name: string): TopicConfig | undefined {
    return this.#topics.get(name);
  }

  /** All but those every broker has. */
  userTopics(): string[] {
    return [...this.#topics.keys()].filter((name) => !isSystemTopic(name));
  }

  /** Creates or replaces. What is left out becomes the default, or stays as it was. */
  put(change: Partial<TopicConfig> & Pick<TopicConfig, 'name'>): TopicConfig {
    const known = this.#topics.get(change.name);
    const topic: TopicConfig = {
      ...queues(DEFAULT_QUEUE_NUMS),
      perm: READ_WRITE,
      sysFlag: 0,
      order: false,
      ...known,
      ...change,
    };
    this.#topics.set(topic.name, topic);
    return topic;
  }

  /** The topic as it is, or a new one with `queueNums` queues. For the retry and dead letter topics of a group. */
  putIfAbsent(name: string, queueNums: number, sysFlag = 0): TopicConfig {
    return this.#topics.get(name) ?? this.put({ name, ...queues(queueNums), sysFlag });
  }

  /** Creates a topic after the model of `defaultTopic`, which must be there and allow it. */
  createFrom(name: string, defaultTopic: string, queueNums: number, sysFlag: number): TopicConfig | undefined {
    const model = this.#topics.get(defaultTopic);
    if (model === undefined || (model.perm & Perm.INHERIT) === 0) return undefined;
    const count = Math.max(0, Math.min(queueNums, model.writeQueueNums));
    return this.put({ name, ...queues(count), perm: model.perm & ~Perm.INHERIT, sysFlag });
  }

  delete(name: string): void {
    this.#topics.delete(name);
  }
}

function queues(count: number): { readQueueNums: number; writeQueueNums: number } {
  return { readQueueNums: count, writeQueueNums: count };
}
