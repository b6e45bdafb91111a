import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createResponse, decodeCommand, encodeCommand, type RemotingCommand } from '../../lib/protocol/command.js';
import { decodeMessages, encodeMessage, type StoredMessage } from '../../lib/protocol/message.js';
import { pullMessage } from '../../lib/protocol/requests/pull-message.js';
import { PROJECT_ROOT } from '../harness/project-root.js';

/** What a pull brings by default. */
export const PULL_BATCH = 32;
export const TOPIC = 'BenchMicro';
export const BROKER = 'broker-a';
const BODY = Buffer.alloc(512, 'rocketmq-ordered ');

/** The answer of a real 5.5.0 broker to a pull, without its length field. */
export function realPullReply(): Buffer {
  const wanted = '"name":"raw/pull-found/PULL_MESSAGE/response.SUCCESS"';
  const lines = readFileSync(join(PROJECT_ROOT, 'test/fixtures/frames-5.5.0.jsonl'), 'utf8').split('\n');
  const line = lines.find((text) => text.includes(wanted));
  if (line === undefined) throw new Error(`there is no frame with ${wanted}`);
  const { hex } = JSON.parse(line) as { hex: string };
  return Buffer.from(hex, 'hex').subarray(4);
}

/** Stored messages of one queue, as bytes, with the properties brokers and clients give an ordered message. */
export function records(firstOffset: number, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => record(firstOffset + i)));
}

function record(queueOffset: number): Buffer {
  const properties = {
    MIN_OFFSET: '0',
    MAX_OFFSET: '200000',
    KEYS: `order-3-${queueOffset}`,
    TAGS: 'Created',
    __SHARDINGKEY: 'order-3',
    UNIQ_KEY: `7F00000100002A139D8${(1_000_000 + queueOffset).toString(16)}`,
    CLUSTER: 'DefaultCluster',
    WAIT: 'true',
  };
  return encodeMessage({
    topic: TOPIC,
    queueId: 3,
    queueOffset,
    body: BODY,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: '10.0.0.1:51234',
    storeTimestamp: 1_700_000_000_001,
    storeHost: '10.0.0.2:10911',
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    commitLogOffset: 1_000_000 + queueOffset * 800,
    properties: Object.entries(properties)
      .map(([name, value]) => `${name}\u0001${value}\u0002`)
      .join(''),
  });
}

export function messages(firstOffset: number, count: number): StoredMessage[] {
  return decodeMessages(records(firstOffset, count), { brokerName: BROKER, topic: TOPIC }).messages;
}

/** A broker's answer with a full batch. */
export function pullReply(opaque: number, firstOffset: number): RemotingCommand {
  const reply = pullMessage.encodeReply({
    status: 'FOUND',
    nextBeginOffset: firstOffset + PULL_BATCH,
    minOffset: 0,
    maxOffset: 200_000,
    suggestWhichBrokerId: 0,
    topicSysFlag: 0,
    groupSysFlag: 0,
    body: records(firstOffset, PULL_BATCH),
  });
  return createResponse({ opaque, flag: 0 }, reply, { language: 'JAVA' });
}

/** Whole frames one behind the other, as they come out of a socket: the answers to that many pulls. */
export function pullStream(pulls: number): Buffer {
  return Buffer.concat(Array.from({ length: pulls }, (_, i) => encodeCommand(pullReply(i, i * PULL_BATCH))));
}

/** The same header in the other form. */
export function inForm(frame: Buffer, serializeType: RemotingCommand['serializeType']): Buffer {
  return encodeCommand({ ...decodeCommand(frame), serializeType }).subarray(4);
}
