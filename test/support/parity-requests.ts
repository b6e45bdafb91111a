import { RequestCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, RequestCommand } from '../../lib/protocol/command.js';
import { decodeMessages, type StoredMessage } from '../../lib/protocol/message.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import type { PullMessageRequest } from '../../lib/protocol/requests/pull-message.js';
import { pullMessage } from '../../lib/protocol/requests/pull-message.js';
import type { SendMessageRequest } from '../../lib/protocol/requests/send-message.js';
import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import { buildSubscription } from '../../lib/protocol/subscription.js';
import type { RawClient } from './raw-client.js';

/** Requests that a real and a mock broker are both asked, and what of their answers can be compared. */

export const RUN = Date.now().toString(36);
export const NAMES = {
  topic: `Parity${RUN}`,
  readOnly: `ParityRO${RUN}`,
  writeOnly: `ParityWO${RUN}`,
  narrow: `ParityNarrow${RUN}`,
  group: `parity-g-${RUN}`,
  disabled: `parity-off-${RUN}`,
  silent: `parity-silent-${RUN}`,
  contents: `ParityContents${RUN}`,
  retrying: `parity-retry-${RUN}`,
};
/** A group nobody has created; brokers create it when it pulls or registers, so each run has its own. */
export const NOBODY = `parity-nobody-${RUN}`;
export const SUB_VERSION = 1000;

export const CONSUMER = {
  consumeType: 'CONSUME_PASSIVELY',
  messageModel: 'CLUSTERING',
  consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
  unitMode: false,
} as const;

export interface Side {
  /** Of the broker. */
  readonly address: string;
  readonly broker: RawClient;
  readonly nameServer: RawClient;
  readonly brokerName: string;
}

export interface Case {
  readonly name: string;
  readonly to?: 'nameServer';
  readonly request: RequestCommand | ((side: Side) => RequestCommand);
  readonly version?: number;
  /** Header fields whose values differ by their nature. */
  readonly variable?: readonly string[];
  /** The remark holds texts of the Java runtime. */
  readonly freeRemark?: boolean;
  /** Brokers of 4.9 do it differently: not compared there. */
  readonly since5?: boolean;
  /** A real broker shows it a moment after it has stored something: asked again until the answers are equal. */
  readonly settles?: boolean;
  /** What of the body to compare. */
  readonly body?: (body: Buffer) => unknown;
}

export function pull(change: Partial<PullMessageRequest> = {}): RequestCommand {
  return pullMessage.encode({
    consumerGroup: NAMES.group,
    topic: NAMES.topic,
    queueId: 0,
    queueOffset: 0,
    maxMsgNums: 32,
    sysFlag: 0,
    commitOffset: 0,
    suspendTimeoutMillis: 0,
    subVersion: SUB_VERSION,
    expressionType: 'TAG',
    ...change,
  });
}

export function message(change: Partial<SendMessageRequest> = {}): SendMessageRequest {
  return {
    producerGroup: 'parity-producer',
    topic: NAMES.topic,
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: 4,
    queueId: 3,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    flag: 0,
    properties: encodeProperties({ UNIQ_KEY: '7F0000010000000000000000000A0001', WAIT: 'true' }),
    reconsumeTimes: 0,
    unitMode: false,
    batch: false,
    body: Buffer.from('body'),
    ...change,
  };
}

export const send = (change?: Partial<SendMessageRequest>): RequestCommand => sendMessageV2.encode(message(change));

/** A message for one queue of the topic whose contents are compared. */
export const into = (
  queueId: number,
  properties: Record<string, string>,
  more: Partial<SendMessageRequest> = {},
): RequestCommand => send({ topic: NAMES.contents, queueId, properties: encodeProperties(properties), ...more });

export function plain(code: number, extFields: Record<string, string> = {}, body?: unknown): RequestCommand {
  if (body === undefined) return { code, extFields };
  return { code, extFields, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) };
}

export function sql(subString: string): object {
  const subscription = { ...buildSubscription(NAMES.topic, '*', 'TAG', 1), subString, expressionType: 'SQL92' };
  return { clientId: 'c', group: NAMES.group, subscriptionData: subscription };
}

/** What is stored in a queue, as a group without subscription pulls it. */
export const stored = (name: string, topic: string, queueId: number, more: Partial<Case> = {}): Case => ({
  name: `stored: ${name}`,
  request: pull({ consumerGroup: NAMES.silent, topic, queueId, sysFlag: 4, subscription: '*' }),
  settles: true,
  body: (body) => decodeMessages(body, { brokerName: '' }).messages.map(comparableMessage),
  ...more,
});

/** Properties whose values tell when or where. */
export const VARIABLE_PROPERTIES = new Set([
  'TIMER_OUT_MS',
  'TIMER_ENQUEUE_MS',
  'TIMER_DEQUEUE_MS',
  'ORIGIN_MESSAGE_ID',
]);

export function comparableMessage(message: StoredMessage): object {
  const properties: Record<string, string> = {};
  for (const name of Object.keys(message.properties).sort()) {
    properties[name] = VARIABLE_PROPERTIES.has(name) ? '<varies>' : (message.properties[name] ?? '');
  }
  const { topic, queueId, queueOffset, flag, sysFlag, reconsumeTimes, bornTimestamp, preparedTransactionOffset } =
    message;
  return { topic, queueId, queueOffset, flag, sysFlag, reconsumeTimes, bornTimestamp, preparedTransactionOffset: preparedTransactionOffset > 0, properties, body: message.body.toString() }; // prettier-ignore
}

export const queueOf = (side: Side, queueId: number): object => ({
  topic: NAMES.topic,
  brokerName: side.brokerName,
  queueId,
});
export const at = (topic: string, queueId: number): Record<string, string> => ({ topic, queueId: String(queueId) });
export const { topic: T, group: G } = NAMES;
export const C = RequestCode;

/** Addresses and ports differ. */
export function normalRemark(remark: string | undefined): string | undefined {
  return remark?.replace(/\/?(127\.0\.0\.1|\[[0-9a-f:.]+\]):\d+/g, '<address>');
}

export interface Comparable {
  readonly code: number;
  readonly remark?: string | undefined;
  readonly ext: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export function comparable(reply: RemotingCommand, one: Case): Comparable {
  const ext: Record<string, string> = {};
  for (const name of Object.keys(reply.extFields).sort()) {
    ext[name] = one.variable?.includes(name) === true ? '<varies>' : (reply.extFields[name] ?? '');
  }
  return {
    code: reply.code,
    ...(one.freeRemark !== true && { remark: normalRemark(reply.remark) }),
    ext,
    ...(one.body !== undefined && reply.body.length > 0 && { body: one.body(reply.body) }),
  };
}
