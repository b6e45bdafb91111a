import { inspect } from 'node:util';
import { compressSync } from '../../../lib/protocol/compression.js';
import { MAX_PROPERTIES_LENGTH } from '../../../lib/protocol/message-batch.js';
import { decodeBatch, decodeMessages, encodeBatch, encodeMessage } from '../../../lib/protocol/message.js';
import type { DecodedMessages, MessageSource, StoredMessage } from '../../../lib/protocol/message.js';
import { CompressionType, INNER_BATCH_MASK, withCompression } from '../../../lib/protocol/sys-flag.js';
import { MessageFormatError, RocketMQError } from '../../../lib/errors.js';
import { Discrepancy, type FuzzTarget } from '../target.js';
import { expectSame } from '../equal.js';
import { lz4Tree, zstdFrame, zstdTree } from '../model/compressed.js';
import { goldenFrames } from '../model/golden.js';
import { bytes, group, packed, type Piece } from '../model/piece.js';
import { isStoredMessages, miniRecordTree, recordTree, storedMessages } from '../model/records.js';
import { SAMPLE_RECORD, SAMPLE_V6_RECORD } from './sample-record.js';

/** Stored messages: every part of them, decoded in every way there is. */

/** What bodies may unpack to here. */
export const BODY_LIMIT = 320 * 1024;
/** Messages of one input that are looked at in every detail. */
const LOOKED_AT = 6;

const source: MessageSource = { brokerName: 'broker-a', topic: 'Orders', offsetDelta: 0 };

const minis = (): Piece =>
  group(
    miniRecordTree(1, Buffer.from('first'), { TAGS: 'a', KEYS: 'k' }),
    miniRecordTree(-1, Buffer.from('second'), { UNIQ_KEY: '0A', __SHARDINGKEY: 's' }),
    miniRecordTree(0, Buffer.alloc(0), {}),
  );
const zlib = (content: Buffer): Buffer => compressSync(CompressionType.ZLIB, content);

function plainSeeds(): Piece[] {
  const golden = goldenFrames().filter((frame) => frame.isResponse && isStoredMessages(frame.command.body));
  return [
    ...golden.map(({ command }) => storedMessages(command.body)),
    group(recordTree(SAMPLE_RECORD), recordTree(SAMPLE_V6_RECORD, 2), recordTree({ ...SAMPLE_RECORD, queueOffset: 43 })),
    group(recordTree(SAMPLE_RECORD, 2), recordTree({ ...SAMPLE_RECORD, sysFlag: INNER_BATCH_MASK }, 1, minis())),
    recordTree(SAMPLE_V6_RECORD),
  ];
} // prettier-ignore

const zstdHello = Buffer.from('28b52ffd00586400003068656c6c6f200100994b11010000', 'hex');

function packedSeeds(): Piece[] {
  const { LZ4, ZSTD, ZLIB } = CompressionType;
  const compressed = (type: CompressionType, body: Piece, flags = 0): Piece =>
    recordTree({ ...SAMPLE_RECORD, sysFlag: withCompression(flags, type) }, 1, body);
  return [
    compressed(ZLIB, packed(bytes(SAMPLE_RECORD.body), zlib)),
    compressed(ZLIB, bytes(zlib(Buffer.alloc(5_000, 'ab')))),
    compressed(ZLIB, packed(minis(), zlib), INNER_BATCH_MASK),
    compressed(LZ4, lz4Tree(Buffer.alloc(300, 'abcd'), { contentSize: true })),
    compressed(
      LZ4,
      packed(minis(), (content) => compressSync(LZ4, content)),
      INNER_BATCH_MASK,
    ),
    compressed(ZSTD, zstdTree([{ stored: Buffer.from('hello') }, { byte: 97, times: 400 }], 2)),
    compressed(ZSTD, zstdFrame(zstdHello)),
  ];
}

/** Both ways of holding on to the bytes, with all that can be seen of each message. */
function readMessages(input: Buffer): unknown {
  const held = decodeMessages(input, source);
  const copied = decodeMessages(input, { ...source, volatile: true });
  expectSame(copied.messages.length, held.messages.length, 'the number of messages');
  expectSame(copied.error?.code, held.error?.code, 'the error of messages');
  checkBatches(input, held);
  const [first] = held.messages;
  if (first !== undefined && !inspect(first).includes('queueOffset'))
    throw new Discrepancy('what is shown of a message: no offset');
  for (const [i, message] of held.messages.slice(0, LOOKED_AT).entries()) {
    const other = copied.messages[i] as StoredMessage;
    const seen = everythingOf(message);
    expectSame(everythingOf(other), seen, 'a message held and copied');
    checkProperties(message);
    rewrite(message);
  }
  if (held.error !== undefined) throw held.error;
  const failure = held.messages.find((message) => message.bodyError !== undefined)?.bodyError;
  if (failure !== undefined) throw failure;
  return { held, copied };
}

/** Without a look into batches there are as many records or fewer, and no batch is cut in two. */
function checkBatches(input: Buffer, expanded: DecodedMessages): void {
  const { messages } = decodeMessages(input, { ...source, expandBatches: false });
  const hasBatch = messages.some((message) => (message.sysFlag & INNER_BATCH_MASK) === INNER_BATCH_MASK);
  if (!hasBatch) expectSame(messages.length, expanded.messages.length, 'the number of records');
}

function everythingOf(message: StoredMessage): unknown {
  const { topic, brokerName, queueId, queueOffset, reconsumeTimes, sysFlag, bodyLength, flag, bodyCrc, storeSize } = message;
  const { bornTimestamp, storeTimestamp, bornHost, storeHost, commitLogOffset, preparedTransactionOffset } = message;
  const { msgId, offsetMsgId, tags, keys, shardingKey, properties, rawBody, isCompressed } = message;
  const body = bodyOf(message);
  return [
    ...[topic, brokerName, queueId, queueOffset, reconsumeTimes, sysFlag, bodyLength, flag, bodyCrc, storeSize],
    ...[bornTimestamp, storeTimestamp, bornHost, storeHost, commitLogOffset, preparedTransactionOffset],
    ...[msgId, offsetMsgId, tags, keys, shardingKey, properties, rawBody, isCompressed, body],
  ];
} // prettier-ignore

/** The body, or why there is none. */
function bodyOf(message: StoredMessage): Buffer | string {
  try {
    const body = message.unpack(BODY_LIMIT);
    if (body.length > Math.max(BODY_LIMIT, message.bodyLength)) throw new Discrepancy('a body: over the limit');
    return body;
  } catch (error) {
    if (!(error instanceof MessageFormatError) || error !== message.bodyError) throw error;
    return error.code;
  }
}

/** One property found by itself is the one among all. */
function checkProperties(message: StoredMessage): void {
  const { properties } = message;
  for (const name of [...Object.keys(properties).slice(0, 5), 'TAGS', 'KEYS', '', '__proto__', 'toString']) {
    const among = Object.hasOwn(properties, name) ? properties[name] : undefined;
    expectSame(message.getProperty(name), among, 'a property by itself and among others');
  }
}

/** What is written of a message reads like it. Numbers that JavaScript has rounded, and bytes that are no text, can't. */
function rewrite(message: StoredMessage): void {
  const record = message.toRecord();
  let written: Buffer;
  try {
    written = encodeMessage(record);
  } catch (error) {
    if (error instanceof RocketMQError) return;
    throw error;
  }
  const [again, ...others] = decodeMessages(written, { ...source, expandBatches: false }).messages;
  expectSame(others.length, 0, 'the number of messages written again');
  expectSame(again?.toRecord(), record, 'a message that is written again');
}

const batch: FuzzTarget = {
  name: 'batch',
  weight: 4,
  seeds: [minis(), group(minis(), minis()), miniRecordTree(7, Buffer.from('x'.repeat(300)), { a: 'b' })],
  run(input) {
    const messages = decodeBatch(input);
    // A Java short tells how long properties are; what is longer was read and can't be written.
    if (messages.every(({ properties }) => Buffer.byteLength(properties) <= MAX_PROPERTIES_LENGTH)) {
      expectSame(decodeBatch(encodeBatch(messages)), messages, 'a batch that is written again');
    }
    return messages;
  },
};

export const messageTargets: readonly FuzzTarget[] = [
  { name: 'messages', weight: 8, seeds: plainSeeds(), run: readMessages },
  {
    name: 'messages-compressed',
    weight: 4,
    seeds: packedSeeds(),
    run: readMessages,
    // Each message, held and copied, may unpack up to the limit.
    allowance: () => 64 * BODY_LIMIT,
  },
  batch,
];
