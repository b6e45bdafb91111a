import debug from 'debug';
import { MessageFormatError } from '../errors.js';
import { isCompressionReady, prepareCompression } from '../protocol/compression.js';
import { decodeMessages, firstRecordSize } from '../protocol/message.js';
import type { DecodedMessages, MessageSource, StoredMessage } from '../protocol/message.js';
import type { PullMessageReply } from '../protocol/requests/pull-message.js';
import { CompressionType } from '../protocol/sys-flag.js';
import type { FrameMemory } from '../remoting/receive-buffer.js';
import type { AssignedQueue } from './assigned-queue.js';
import { ReadingHabit } from './reading-habit.js';

const log = debug('rocketmq:pull');

/** Limit of a message body after decompression, in bytes: far above the 4 MiB a broker takes by default. */
const MAX_INFLATED_BODY = 64 * 1024 * 1024;

/**
 * Bytes. Messages up to this size, of which nobody reads body or properties, are copied out of the memory they were read
 * into, so that it can be used again; for others the memory is kept, and they stay where they are.
 */
const LARGEST_COPIED_RECORD = 2_048;

const NO_MESSAGES: readonly StoredMessage[] = [];

/** What a pull brought. */
export interface PullResult {
  readonly reply: PullMessageReply;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  readonly messages: readonly StoredMessage[];
  /** Why what follows the messages can't be read. */
  readonly error: MessageFormatError | undefined;
}

/** Decodes what the pulls of a queue bring, and sees to it that bodies are ready. */
export class PullReader {
  readonly #queue: AssignedQueue;
  readonly #habit: ReadingHabit;

  constructor(queue: AssignedQueue) {
    this.#queue = queue;
    this.#habit = new ReadingHabit(queue.buffer);
  }

  /** The promise, for which bodies or a codec have to be waited for, is not rejected. */
  read(reply: PullMessageReply, tookMs: number, memory: FrameMemory): PullResult | Promise<PullResult> {
    if (reply.status !== 'FOUND') return { reply, tookMs, messages: NO_MESSAGES, error: undefined };
    const { topic, brokerName } = this.#queue.messageQueue;
    const volatile = !this.#habit.reads && isCopiedAtLittleCost(reply);
    if (!volatile) memory.keep();
    const source: MessageSource = { brokerName, topic, offsetDelta: reply.offsetDelta, volatile };
    const decoded = decodeMessages(reply.body, source);
    if (decoded.error?.code === 'ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE' && !isCompressionReady(CompressionType.ZSTD)) {
      // An inner batch is unpacked at once; its codec is loaded when the first one comes.
      memory.keep();
      const loaded = prepareCompression(CompressionType.ZSTD).catch((error: unknown) => log('no zstd: %s', error));
      return loaded.then(() => resultOf(reply, tookMs, decodeMessages(reply.body, source)));
    }
    return resultOf(reply, tookMs, decoded);
  }

  /** To be told of each result whose messages go into the queue's buffer. */
  taken({ reply, messages }: PullResult): void {
    // A large one would be kept for its sample's sake until the next pull, which may be long.
    if (isCopiedAtLittleCost(reply)) this.#habit.pulled(messages);
  }
}

/** Copied out of the memory it was read into. */
function isCopiedAtLittleCost({ body }: PullMessageReply): boolean {
  return firstRecordSize(body) <= LARGEST_COPIED_RECORD;
}

/** What was read of an answer, when the bodies are ready. */
function resultOf(
  reply: PullMessageReply,
  tookMs: number,
  { messages, error = messages.length === 0 ? nothingFound() : undefined }: DecodedMessages,
): PullResult | Promise<PullResult> {
  const result = { reply, tookMs, messages, error };
  const inflating = inflateCompressed(messages);
  return inflating === undefined ? result : inflating.then(() => result);
}

/** Going on at the offset such an answer names would jump over whatever was lost on its way. */
function nothingFound(): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_MESSAGE_TRUNCATED', 'an answer says it brings messages, and has none');
}

/** Makes the bodies of compressed messages ready; `undefined` when there is nothing to wait for. */
function inflateCompressed(messages: readonly StoredMessage[]): Promise<unknown> | undefined {
  let waiting: Promise<void>[] | undefined;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as StoredMessage;
    if (!message.isCompressed) continue;
    const inflating = message.inflate(MAX_INFLATED_BODY);
    if (inflating !== undefined) (waiting ??= []).push(inflating);
  }
  return waiting === undefined ? undefined : Promise.all(waiting);
}
