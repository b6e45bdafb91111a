import { AUTO_CREATE_TOPIC, isSystemTopic } from '../../lib/protocol/namespace.js';
import { Perm } from '../../lib/protocol/topic-route.js';
import type { Attributes } from './attributes.js';
import type { SystemTopic } from './system-topics.js';

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
  /** Such as `message.type` -> `FIFO`. */
  readonly attributes: Attributes;
}

/** Queues of a topic that nobody said a number for, and the most an auto-created one gets; the reference's default. */
export const DEFAULT_QUEUE_NUMS = 8;

/** System topics that are made when something is first put into them. */
const LATE_SYSTEM_TOPICS: readonly string[] = ['TRANS_CHECK_MAX_TIME_TOPIC', 'RMQ_SYS_TRACE_TOPIC', 'CHECKPOINT_TOPIC'];

export class TopicTable {
  readonly #topics = new Map<string, TopicConfig>();
  readonly #system: ReadonlySet<string>;
  readonly #autoCreate: () => boolean;
  #changes = 0;

  /** @param autoCreate whether sending to an unknown topic may create it; asked each time */
  constructor(system: readonly SystemTopic[], autoCreate: () => boolean) {
    this.#system = new Set(system.map(({ name }) => name));
    this.#autoCreate = autoCreate;
    for (const topic of system) this.put({ name: topic.name, ...queues(topic.queues), perm: topic.perm });
  }

  /** How often something was changed. */
  get changes(): number {
    return this.#changes;
  }

  get(name: string): TopicConfig | undefined {
    return this.#topics.get(name);
  }

  all(): TopicConfig[] {
    return [...this.#topics.values()];
  }

  /** All but those every broker has. */
  userTopics(): string[] {
    return [...this.#topics.keys()].filter((name) => !this.isSystem(name));
  }

  /** The names of those every broker has, and of those that only appear when they are used. */
  systemTopics(): string[] {
    return [...this.#system, ...LATE_SYSTEM_TOPICS.filter((name) => !this.#system.has(name))];
  }

  /** Whether it is one of those every broker has, which can't be changed or deleted. */
  isSystem(name: string): boolean {
    return this.#system.has(name) || isSystemTopic(name);
  }

  /** Creates or replaces. What is left out becomes the default, or stays as it was. */
  put(change: Partial<TopicConfig> & Pick<TopicConfig, 'name'>): TopicConfig {
    const known = this.#topics.get(change.name);
    const topic: TopicConfig = {
      ...queues(DEFAULT_QUEUE_NUMS),
      perm: READ_WRITE,
      sysFlag: 0,
      order: false,
      attributes: {},
      ...known,
      ...change,
    };
    this.#topics.set(topic.name, topic);
    this.#changes += 1;
    return topic;
  }

  /** The topic as it is, or a new one with `queueNums` queues. For the retry and dead letter topics of a group. */
  putIfAbsent(name: string, queueNums: number, sysFlag = 0): TopicConfig {
    return this.#topics.get(name) ?? this.put({ name, ...queues(queueNums), sysFlag });
  }

  /** Creates a topic after the model of `defaultTopic`, which must be there and allow it. */
  createFrom(name: string, defaultTopic: string, queueNums: number, sysFlag: number): TopicConfig | undefined {
    if (defaultTopic === AUTO_CREATE_TOPIC && !this.#autoCreate()) this.#forbidAutoCreation();
    const model = this.#topics.get(defaultTopic);
    if (model === undefined || (model.perm & Perm.INHERIT) === 0) return undefined;
    const count = Math.max(0, Math.min(queueNums, model.writeQueueNums));
    return this.put({ name, ...queues(count), perm: model.perm & ~Perm.INHERIT, sysFlag });
  }

  delete(name: string): void {
    if (this.#topics.delete(name)) this.#changes += 1;
  }

  /** As the reference does when it was configured while it runs: what is gone does not come back. */
  #forbidAutoCreation(): void {
    const model = this.#topics.get(AUTO_CREATE_TOPIC);
    if (model !== undefined && model.perm !== READ_WRITE) this.put({ name: AUTO_CREATE_TOPIC, perm: READ_WRITE });
  }
}

function queues(count: number): { readQueueNums: number; writeQueueNums: number } {
  return { readQueueNums: count, writeQueueNums: count };
}
