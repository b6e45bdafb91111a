import { ValidationError } from '../lib/errors.js';
import { compressSync } from '../lib/protocol/compression.js';
import { javaStringHash } from '../lib/protocol/java-hash.js';
import { encodeBatch } from '../lib/protocol/message.js';
import { encodeProperties, KEY_SEPARATOR, PropertyName } from '../lib/protocol/properties.js';
import { CompressionType, INNER_BATCH_MASK, withCompression } from '../lib/protocol/sys-flag.js';
import { Perm } from '../lib/protocol/topic-route.js';
import type { MockBroker } from './broker.js';
import { CLUSTER_NAME } from './broker-state.js';
import type { MessageDraft } from './store/message-store.js';
import { putMessage } from './store/put-message.js';

/** Messages put into a mock cluster by the program it runs in, past the wire. */

/** One message to store. */
export interface ProducedMessage {
  readonly body: string | Buffer;
  readonly tags?: string;
  readonly keys?: string | readonly string[];
  /** Also chooses the queue, as the reference's hash selector does, unless `queueId` is given. */
  readonly shardingKey?: string;
  /** Any others, reserved names too. */
  readonly properties?: Readonly<Record<string, string>>;
  /** @default by `shardingKey`, else each queue in turn */
  readonly queueId?: number;
  /** @default the first broker that has the topic when `queueId` is given, else each in turn */
  readonly brokerName?: string;
  /** Stores the body compressed. `zstd` needs Node 22.15. */
  readonly compression?: 'zlib' | 'lz4' | 'zstd';
  /** Stores these bytes as they are, whatever `body` and `compression` say; set `sysFlag` to match, or not to. */
  readonly storedBody?: Buffer;
  /** The message's `sysFlag`. @default what `compression` and `innerBatch` need */
  readonly sysFlag?: number;
  /** User flag. @default 0 */
  readonly flag?: number;
  /** Stores these as one batch record that takes as many offsets; `body` is ignored. */
  readonly innerBatch?: readonly { readonly body: string | Buffer; readonly tags?: string; readonly keys?: string }[];
  /** Delay level, 1 to 18. */
  readonly delayLevel?: number;
  /** @default 0 */
  readonly reconsumeTimes?: number;
  /** @default now */
  readonly bornTimestamp?: number;
}

/** Where a message was stored. */
export interface ProduceResult {
  /** The `UNIQ_KEY`. */
  readonly msgId: string;
  readonly offsetMsgId: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly queueOffset: number;
}

/** A queue that can be written to. */
interface WritableQueue {
  readonly broker: MockBroker;
  readonly queueId: number;
}

const COMPRESSION_TYPES = { zlib: CompressionType.ZLIB, lz4: CompressionType.LZ4, zstd: CompressionType.ZSTD } as const;

export class Producer {
  readonly #brokers: readonly MockBroker[];
  readonly #createUniqKey: () => string;
  readonly #turns = new Map<string, number>();

  constructor(brokers: readonly MockBroker[], createUniqKey: () => string) {
    this.#brokers = brokers;
    this.#createUniqKey = createUniqKey;
  }

  /** @throws ValidationError when the topic, broker or queue isn't there, or the message is more than a broker takes */
  produce(topic: string, message: ProducedMessage): ProduceResult {
    const { broker, queueId } = this.#choose(topic, message);
    const draft = this.#draft(broker, topic, queueId, message);
    const { state } = broker;
    // A batch stored as one is refused on the wire, where topics of that kind don't exist.
    const result = message.innerBatch === undefined ? putMessage(state, draft) : { entry: state.store.append(draft) };
    if ('refused' in result) throw new ValidationError('message', topic, result.refused.remark);
    return {
      msgId: draft.properties[PropertyName.UNIQ_KEY] ?? '',
      offsetMsgId: state.store.offsetMsgId(result.entry),
      brokerName: broker.name,
      queueId,
      queueOffset: result.entry.queueOffset,
    };
  }

  #choose(topic: string, message: ProducedMessage): WritableQueue {
    const { brokerName, queueId, shardingKey } = message;
    const queues = this.#writableQueues(topic, brokerName);
    if (queues.length === 0) {
      throw new ValidationError('topic', topic, `a topic with a queue to write to on ${brokerName ?? 'some broker'}`);
    }
    if (queueId !== undefined) {
      const chosen = queues.find((queue) => queue.queueId === queueId);
      if (chosen === undefined) throw new ValidationError('message.queueId', queueId, `a queue of ${topic}`);
      return chosen;
    }
    const at = shardingKey === undefined ? this.#nextTurn(topic) : Math.abs(javaStringHash(shardingKey));
    return queues[at % queues.length] as WritableQueue;
  }

  #writableQueues(topic: string, brokerName: string | undefined): WritableQueue[] {
    return this.#brokers
      .filter((broker) => brokerName === undefined || broker.name === brokerName)
      .flatMap((broker) => {
        const config = broker.state.topics.get(topic);
        const count = config === undefined || (config.perm & Perm.WRITE) === 0 ? 0 : config.writeQueueNums;
        return Array.from({ length: count }, (_, queueId) => ({ broker, queueId }));
      });
  }

  #nextTurn(topic: string): number {
    const turn = this.#turns.get(topic) ?? 0;
    this.#turns.set(topic, turn + 1);
    return turn;
  }

  #draft(broker: MockBroker, topic: string, queueId: number, message: ProducedMessage): MessageDraft {
    const { body, sysFlag } = storedBody(message);
    const { state } = broker;
    return {
      topic,
      queueId,
      body,
      sysFlag: message.sysFlag ?? sysFlag,
      flag: message.flag ?? 0,
      bornTimestamp: message.bornTimestamp ?? state.now(),
      bornHost: state.options.ipv6Hosts ? '[::1]:0' : '127.0.0.1:0',
      reconsumeTimes: message.reconsumeTimes ?? 0,
      properties: this.#properties(message),
      ...(message.innerBatch && { count: message.innerBatch.length }),
    };
  }

  #properties(message: ProducedMessage): Record<string, string> {
    const { tags, keys, shardingKey, delayLevel, innerBatch } = message;
    const properties: Record<string, string | undefined> = {
      [PropertyName.TAGS]: tags,
      [PropertyName.KEYS]: keys === undefined || typeof keys === 'string' ? keys : keys.join(KEY_SEPARATOR),
      [PropertyName.SHARDING_KEY]: shardingKey,
      [PropertyName.DELAY]: delayLevel?.toString(),
      [PropertyName.INNER_NUM]: innerBatch?.length.toString(),
      [PropertyName.UNIQ_KEY]: this.#createUniqKey(),
      [PropertyName.MSG_REGION]: 'DefaultRegion',
      [PropertyName.TRACE_ON]: 'true',
      [PropertyName.CLUSTER]: CLUSTER_NAME,
      [PropertyName.WAIT]: 'true',
      ...message.properties,
    };
    return Object.fromEntries(
      Object.entries(properties).filter((property): property is [string, string] => property[1] !== undefined),
    );
  }
}

/** The bytes to store and the flag that tells what they are. */
function storedBody(message: ProducedMessage): { body: Buffer; sysFlag: number } {
  const { body, compression, innerBatch } = message;
  if (message.storedBody !== undefined) return { body: message.storedBody, sysFlag: 0 };
  if (innerBatch !== undefined) return { body: encodeInnerBatch(innerBatch), sysFlag: INNER_BATCH_MASK };
  const plain = typeof body === 'string' ? Buffer.from(body) : body;
  if (compression === undefined) return { body: plain, sysFlag: 0 };
  const type = COMPRESSION_TYPES[compression];
  return { body: compressSync(type, plain), sysFlag: withCompression(0, type) };
}

function encodeInnerBatch(messages: NonNullable<ProducedMessage['innerBatch']>): Buffer {
  return encodeBatch(
    messages.map(({ body, tags, keys }) => ({
      flag: 0,
      body: typeof body === 'string' ? Buffer.from(body) : body,
      properties: encodeProperties({
        ...(keys !== undefined && { [PropertyName.KEYS]: keys }),
        ...(tags !== undefined && { [PropertyName.TAGS]: tags }),
      }),
    })),
  );
}
