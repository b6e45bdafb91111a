import type { Clock } from '../clock.js';
import { ValidationError } from '../errors.js';
import { applyRules, type Rules } from '../options/rules.js';
import type { ResolvedProducerOptions } from '../options.js';
import { encodeBatch } from '../protocol/message.js';
import type { MessageIdGenerator } from '../protocol/message-id.js';
import { isRetryTopic, withNamespace } from '../protocol/namespace.js';
import { encodeProperties, KEY_SEPARATOR, PropertyName } from '../protocol/properties.js';
import { checkEncodedProperties, checkSendTopic } from '../validation.js';
import { checkSize, MESSAGE_HINTS, messageRules, type CheckedMessage } from './message-rules.js';
import type { ProducerMessage } from './producer-message.js';

/** A message or a batch that passed all checks, in the form of the wire but for compression and queue. */
export interface Outgoing {
  /** As the caller wrote it. */
  readonly topic: string;
  /** With its namespace. */
  readonly wireTopic: string;
  readonly body: Buffer;
  /** In their text form. */
  readonly properties: string;
  readonly flag: number;
  /** Of a batch: those of its messages, joined by commas. */
  readonly msgId: string;
  readonly shardingKey: string | undefined;
  readonly batch: boolean;
  /** What selectors are shown: the message, or the first of a batch. */
  readonly source: ProducerMessage;
}

export type OutgoingOptions = Pick<ResolvedProducerOptions, 'namespace' | 'maxMessageSize' | 'interopShardingKey'>;

/** Checks messages and puts them into the form of the wire. Whatever is wrong with one is thrown here, before anything is sent. */
export class OutgoingFactory {
  readonly #options: OutgoingOptions;
  readonly #rules: Rules<CheckedMessage>;
  readonly #ids: MessageIdGenerator;
  readonly #clock: Clock;

  constructor(options: OutgoingOptions, ids: MessageIdGenerator, clock: Clock) {
    this.#options = options;
    this.#rules = messageRules(options.maxMessageSize);
    this.#ids = ids;
    this.#clock = clock;
  }

  /** @throws ValidationError, or MessageFormatError `ERR_ROCKETMQ_BODY_TOO_LARGE` */
  message(message: ProducerMessage): Outgoing {
    const checked = this.#check(message, 'message');
    const msgId = this.#ids.next(this.#clock.wallTime());
    return {
      topic: checked.topic,
      wireTopic: this.#wireTopic(checked.topic, 'message.topic'),
      body: checked.body,
      properties: this.#properties(checked, msgId, 'message'),
      flag: checked.flag,
      msgId,
      shardingKey: checked.shardingKey,
      batch: false,
      source: message,
    };
  }

  /**
   * A batch: messages of one topic that are stored together, in this order, at consecutive offsets of one queue.
   *
   * @throws ValidationError, or MessageFormatError `ERR_ROCKETMQ_BODY_TOO_LARGE` when together they are too long
   */
  batch(messages: readonly ProducerMessage[], allowSeveralKeys: boolean): Outgoing {
    if (!Array.isArray(messages) || messages.length === 0) {
      throw new ValidationError('messages', messages, 'an array with at least one message');
    }
    const checked = messages.map((message: ProducerMessage, index) => this.#check(message, `messages[${index}]`));
    const [first] = checked as [CheckedMessage];
    for (const [index, message] of checked.entries()) {
      checkBatchMember(message, first, `messages[${index}]`, allowSeveralKeys);
    }
    const wallTime = this.#clock.wallTime();
    const ids = checked.map(() => this.#ids.next(wallTime));
    const records = checked.map((message, index) => ({
      flag: message.flag,
      body: message.body,
      properties: this.#properties(message, ids[index] ?? '', `messages[${index}]`),
    }));
    const body = encodeBatch(records);
    checkSize(body, this.#options.maxMessageSize, 'the batch');
    return {
      topic: first.topic,
      wireTopic: this.#wireTopic(first.topic, 'messages[0].topic'),
      body,
      properties: this.#batchProperties(first),
      flag: 0,
      msgId: ids.join(','),
      shardingKey: checked.every((message) => message.shardingKey === first.shardingKey)
        ? first.shardingKey
        : undefined,
      batch: true,
      source: messages[0] as ProducerMessage,
    };
  }

  #check(message: ProducerMessage, field: string): CheckedMessage {
    const checked = applyRules(this.#rules, message, MESSAGE_HINTS, field);
    const times = [checked.delayTimeLevel > 0, checked.deliverAt !== undefined, checked.delayMs > 0];
    if (times.filter(Boolean).length > 1) {
      throw new ValidationError(field, 'several of them', 'one of delayTimeLevel, deliverAt and delayMs');
    }
    return checked;
  }

  #wireTopic(topic: string, field: string): string {
    const wrapped = withNamespace(this.#options.namespace, topic);
    return wrapped === topic ? topic : checkSendTopic(wrapped, field);
  }

  /** In the reference's order; the user's own come last. */
  #properties(message: CheckedMessage, msgId: string, field: string): string {
    const { keys, tags, shardingKey } = message;
    const properties: Record<string, string> = {};
    if (keys !== undefined && keys.length > 0) properties[PropertyName.KEYS] = keys.join(KEY_SEPARATOR);
    properties[PropertyName.UNIQ_KEY] = msgId;
    properties[PropertyName.WAIT] = String(message.waitStoreMsgOk);
    if (tags !== undefined) properties[PropertyName.TAGS] = tags;
    if (shardingKey !== undefined) {
      properties[PropertyName.SHARDING_KEY] = shardingKey;
      if (this.#options.interopShardingKey) properties[PropertyName.GO_SHARDING_KEY] = shardingKey;
    }
    if (message.delayTimeLevel > 0) properties[PropertyName.DELAY] = String(message.delayTimeLevel);
    if (message.deliverAt !== undefined) properties[PropertyName.TIMER_DELIVER_MS] = String(message.deliverAt);
    if (message.delayMs > 0) properties[PropertyName.TIMER_DELAY_MS] = String(message.delayMs);
    this.#addNamespace(properties);
    const own = message.properties === undefined ? '' : encodeProperties(message.properties);
    return checkEncodedProperties(encodeProperties(properties) + own, `${field}.properties`);
  }

  /**
   * The batch's own. Brokers of 4.x add them to those of each message, where they win: so there is no id among them,
   * unlike in the reference since 5.0, whose batches get one id for all their messages there.
   */
  #batchProperties(first: CheckedMessage): string {
    const properties: Record<string, string> = { [PropertyName.WAIT]: String(first.waitStoreMsgOk) };
    this.#addNamespace(properties);
    return encodeProperties(properties);
  }

  #addNamespace(properties: Record<string, string>): void {
    if (this.#options.namespace !== undefined) properties[PropertyName.INSTANCE_ID] = this.#options.namespace;
  }
}

/** The broker's rules for batches, and one of ordering: a batch lands in one queue, so it can't serve several keys. */
function checkBatchMember(
  message: CheckedMessage,
  first: CheckedMessage,
  field: string,
  allowSeveralKeys: boolean,
): void {
  if (message.topic !== first.topic) {
    throw new ValidationError(
      `${field}.topic`,
      message.topic,
      `${first.topic}, as all messages of a batch have one topic`,
    );
  }
  if (isRetryTopic(message.topic)) {
    throw new ValidationError(
      `${field}.topic`,
      message.topic,
      'a topic that is no retry topic, as brokers refuse those',
    );
  }
  if (message.waitStoreMsgOk !== first.waitStoreMsgOk) {
    throw new ValidationError(
      `${field}.waitStoreMsgOk`,
      message.waitStoreMsgOk,
      'the same for all messages of a batch',
    );
  }
  const delayed = [
    ['delayTimeLevel', message.delayTimeLevel > 0],
    ['deliverAt', message.deliverAt !== undefined],
    ['delayMs', message.delayMs > 0],
  ] as const;
  for (const [name, isSet] of delayed) {
    if (isSet) throw new ValidationError(`${field}.${name}`, message[name], 'absent, as brokers do not delay batches');
  }
  if (message.shardingKey !== first.shardingKey && !allowSeveralKeys) {
    throw new ValidationError(
      `${field}.shardingKey`,
      message.shardingKey,
      'the same for all messages of a batch, or a queue or selector for the whole batch',
    );
  }
}
