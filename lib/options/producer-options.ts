import { ResponseCode } from '../protocol/codes.js';
import { ValidationError } from '../errors.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { AUTO_CREATE_TOPIC } from '../protocol/namespace.js';
import { checkGroup, checkTopic, MAX_PROPERTIES_BYTES } from '../validation.js';
import { CLIENT_HINTS, CLIENT_RULES, type ClientOptions, type ResolvedClientOptions } from './client-options.js';
import { applyRules, boolean, delay, integer, isObject, oneOf, withDefault, word, type Rules } from './rules.js';

/** Which queues a sharding key may be sent to: see {@link ProducerOptions.queuePolicy}. */
export type QueuePolicy = 'route' | { readonly fixed: readonly MessageQueue[] } | { readonly count: number };

/**
 * What a producer can be told. Names, defaults and ranges are those of the reference's `DefaultMQProducer` unless an
 * option says otherwise.
 */
export interface ProducerOptions extends ClientOptions {
  /**
   * The group: 1 to 120 of the characters a-z A-Z 0-9 % | _ -. Brokers ask any producer of it about transactions.
   * @default 'rocketmq-ordered-producer'
   */
  readonly producerGroup?: string | undefined;

  /** How long a send may take with all its retries, in milliseconds, [1, 2147483647]. @default 3000 */
  readonly sendMsgTimeout?: number | undefined;

  /** How often a send is tried again after a failure that may pass, [0, 100]. @default 2 */
  readonly retryTimesWhenSendFailed?: number | undefined;

  /**
   * From how many bytes on a body is compressed, [0, 2147483647]; the message is sent as it is when that doesn't make it
   * smaller. Batches never are. @default 4096
   */
  readonly compressMsgBodyOverHowmuch?: number | undefined;

  /**
   * How bodies are compressed. Consumers must know it: 'LZ4' and 'ZSTD' since 5.0. 'LZ4' needs the optional package
   * lz4-napi, 'ZSTD' needs Node 22.15 or newer. @default 'ZLIB'
   */
  readonly compressType?: 'ZLIB' | 'LZ4' | 'ZSTD' | undefined;

  /** From 0, not at all, to 9, as small as possible. 'LZ4' has no levels. @default 5 */
  readonly compressLevel?: number | undefined;

  /**
   * The longest body that is sent, in bytes, [1, 16711680]. Brokers have a limit of their own, 4 MiB by default.
   * @default 4194304
   */
  readonly maxMessageSize?: number | undefined;

  /** How many queues a topic gets that is created by sending to it, [1, 1000]. @default 4 */
  readonly defaultTopicQueueNums?: number | undefined;

  /** The topic whose route stands in for one that doesn't exist yet. @default 'TBW102' */
  readonly createTopicKey?: string | undefined;

  /**
   * Try another broker when a message is stored less safely than configured (any status but SEND_OK); that makes
   * duplicates. @default false
   */
  readonly retryAnotherBrokerWhenNotStoreOK?: boolean | undefined;

  /** After which answers of a broker a send is tried again. @default [1, 2, 14, 16, 17, 204, 205, 1500] */
  readonly retryResponseCodes?: readonly number[] | ReadonlySet<number> | undefined;

  /**
   * Which queues sharding keys are spread over. Not in the reference, which does 'route'.
   *
   * - 'route': all writable queues of the topic. When their number changes, keys move to other queues, and the order of
   *   a key is lost across that moment.
   * - `{ fixed }`: these queues, in this order, whatever the route says. Sending to one that isn't writable fails.
   * - `{ count }`: the topic must have exactly this many writable queues, else sending fails.
   *
   * @default 'route'
   */
  readonly queuePolicy?: QueuePolicy | undefined;

  /**
   * How a sharding key becomes a number: 'java' sends a key to the same queue as the reference's
   * `SelectMessageQueueByHash`, 'fnv1a32' as the Go client's hash selector. @default 'java'
   */
  readonly hash?: 'java' | 'fnv1a32' | undefined;

  /**
   * What follows when an ordered message finally could not be sent. Not in the reference.
   *
   * - 'continue': the next message of its key is sent.
   * - 'block-key': further messages of its key fail at once, until the key is released.
   *
   * @default 'continue'
   */
  readonly orderedFailure?: 'continue' | 'block-key' | undefined;

  /** Add the sharding key under the Go client's own property name as well. Not in the reference. @default false */
  readonly interopShardingKey?: boolean | undefined;
}

type OwnOptions = Omit<ProducerOptions, keyof ClientOptions>;

/** {@link ProducerOptions} with every default filled in. */
export type ResolvedProducerOptions = ResolvedClientOptions & {
  readonly [K in Exclude<keyof OwnOptions, 'retryResponseCodes'>]-?: Exclude<OwnOptions[K], undefined>;
} & {
  readonly retryResponseCodes: ReadonlySet<number>;
};

const MAX_INT = 2_147_483_647;
const MIB = 1024 * 1024;

/** Frames end at 16 MiB: twice the longest properties are left for them, and for the header that repeats them. */
const MAX_BODY = 16 * MIB - 2 * (MAX_PROPERTIES_BYTES + 1);

/** The reference's list: what may pass, or may be another broker's. */
const RETRY_RESPONSE_CODES: readonly number[] = [
  ResponseCode.SYSTEM_ERROR,
  ResponseCode.SYSTEM_BUSY,
  ResponseCode.SERVICE_NOT_AVAILABLE,
  ResponseCode.NO_PERMISSION,
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.NO_BUYER_ID,
  ResponseCode.NOT_IN_CURRENT_UNIT,
  ResponseCode.GO_AWAY,
];

export const PRODUCER_RULES: Rules<ResolvedProducerOptions> = {
  ...CLIENT_RULES,
  producerGroup: withDefault('rocketmq-ordered-producer', checkGroup),
  sendMsgTimeout: withDefault(3_000, delay),
  retryTimesWhenSendFailed: withDefault(2, integer(0, 100)),
  compressMsgBodyOverHowmuch: withDefault(4_096, integer(0, MAX_INT)),
  compressType: withDefault('ZLIB', oneOf('ZLIB', 'LZ4', 'ZSTD')),
  compressLevel: withDefault(5, integer(0, 9)),
  maxMessageSize: withDefault(4 * MIB, integer(1, MAX_BODY)),
  defaultTopicQueueNums: withDefault(4, integer(1, 1_000)),
  createTopicKey: withDefault(AUTO_CREATE_TOPIC, checkTopic),
  retryAnotherBrokerWhenNotStoreOK: withDefault(false, boolean),
  retryResponseCodes: { fallback: () => new Set(RETRY_RESPONSE_CODES), read: readCodes },
  queuePolicy: withDefault('route', readQueuePolicy),
  hash: withDefault('java', oneOf('java', 'fnv1a32')),
  orderedFailure: withDefault('continue', oneOf('continue', 'block-key')),
  interopShardingKey: withDefault(false, boolean),
};

const PRODUCER_HINTS: Readonly<Record<string, string>> = {
  ...CLIENT_HINTS,
  group: "the option 'producerGroup'",
  groupName: "the option 'producerGroup'",
  retryTimesWhenSendAsyncFailed: "the option 'retryTimesWhenSendFailed', as every send here is asynchronous",
  retryTimes: "the option 'retryTimesWhenSendFailed'",
};

/**
 * Checks the options of a producer, and fills in the defaults.
 *
 * @throws ValidationError naming the first option that isn't acceptable
 */
export function resolveProducerOptions(options: ProducerOptions = {}): ResolvedProducerOptions {
  return applyRules(PRODUCER_RULES, options, PRODUCER_HINTS);
}

function readCodes(value: unknown, name: string): ReadonlySet<number> {
  const codes = Array.isArray(value) || value instanceof Set ? [...(value as Iterable<unknown>)] : undefined;
  const valid = codes?.filter((code) => typeof code === 'number' && Number.isInteger(code));
  if (codes === undefined || valid === undefined || valid.length < codes.length) {
    throw new ValidationError(name, value, 'an array or a Set of response codes');
  }
  return new Set(valid as number[]);
}

function readQueuePolicy(value: unknown, name: string): QueuePolicy {
  if (value === 'route') return value;
  if (isObject(value) && Object.keys(value).length === 1) {
    if ('count' in value) return { count: integer(1, MAX_INT)(value.count, `${name}.count`) };
    if ('fixed' in value) return { fixed: readQueues(value.fixed, `${name}.fixed`) };
  }
  throw new ValidationError(name, value, "'route', { fixed: [...] } or { count: n }");
}

function readQueues(value: unknown, name: string): readonly MessageQueue[] {
  if (!Array.isArray(value) || value.length === 0) throw new ValidationError(name, value, 'an array of message queues');
  return value.map((queue: unknown, index) => {
    const field = `${name}[${index}]`;
    if (!isObject(queue)) throw new ValidationError(field, queue, 'an object with topic, brokerName and queueId');
    return {
      topic: checkTopic(queue.topic, `${field}.topic`),
      brokerName: word(queue.brokerName, `${field}.brokerName`),
      queueId: integer(0, MAX_INT)(queue.queueId, `${field}.queueId`),
    };
  });
}
