import type { RequestCommand } from '../../lib/protocol/command.js';
import { decodeMessages } from '../../lib/protocol/message.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import { updateAndCreateSubscriptionGroup } from '../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateAndCreateTopic } from '../../lib/protocol/requests/update-and-create-topic.js';
import { C, type Case, comparableMessage, message, NAMES, plain, RUN, send, stored, T } from './parity-requests.js';

/** What consumers ask that pop, and what is asked about them; replies to requests, and messages called back. */

const TOPIC = `ParityPop${RUN}`;
const GROUP = `parity-pop-${RUN}`;

type Fields = Readonly<Record<string, string | number | boolean>>;

function texts(fields: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}

/** Made when it is sent: an old one is refused. */
const pop =
  (change: Fields = {}) =>
  (): RequestCommand =>
    plain(
      C.POP_MESSAGE,
      texts({
        consumerGroup: GROUP,
        topic: TOPIC,
        queueId: 0,
        maxMsgNums: 2,
        invisibleTime: 60_000,
        pollTime: 0,
        bornTime: Date.now(),
        initMode: 0,
        ...change,
      }),
    );

/** A handle of a pop that never was will do. */
const HANDLE = `0 ${Date.now()} 60000 0 0 broker 0 0`;
const ack = (change: Fields = {}): RequestCommand =>
  plain(
    C.ACK_MESSAGE,
    texts({ consumerGroup: GROUP, topic: TOPIC, queueId: 0, offset: 0, extraInfo: HANDLE, ...change }),
  );
const change = (fields: Fields = {}): RequestCommand =>
  plain(
    C.CHANGE_MESSAGE_INVISIBLETIME,
    texts({
      consumerGroup: GROUP,
      topic: TOPIC,
      queueId: 0,
      offset: 0,
      extraInfo: HANDLE,
      invisibleTime: 60_000,
      ...fields,
    }),
  );
const notification =
  (fields: Fields = {}) =>
  (): RequestCommand =>
    plain(
      C.NOTIFICATION,
      texts({ consumerGroup: GROUP, topic: TOPIC, queueId: 0, pollTime: 0, bornTime: Date.now(), ...fields }),
    );
const pollingInfo = (fields: Fields = {}): RequestCommand =>
  plain(C.POLLING_INFO, texts({ consumerGroup: GROUP, topic: TOPIC, queueId: 0, ...fields }));

const assignment = (fields: object = {}): RequestCommand =>
  plain(C.QUERY_ASSIGNMENT, {}, { topic: T, consumerGroup: NAMES.group, clientId: 'parity-client', strategyName: 'AVG', messageModel: 'CLUSTERING', ...fields }); // prettier-ignore
const setMode = (fields: object = {}): RequestCommand =>
  plain(C.SET_MESSAGE_REQUEST_MODE, {}, { topic: T, consumerGroup: NAMES.group, mode: 'POP', popShareQueueNum: 0, ...fields }); // prettier-ignore

const reply = (properties: Record<string, string>): RequestCommand => ({
  ...sendMessageV2.encode(
    message({ topic: 'DefaultCluster_REPLY_TOPIC', queueId: 0, properties: encodeProperties(properties) }),
  ),
  code: C.SEND_REPLY_MESSAGE_V2,
});

const messages = (body: Buffer): unknown => decodeMessages(body, { brokerName: '' }).messages.map(comparableMessage);

/** Without brokers' names and in one order. */
function queues(body: Buffer): unknown {
  const { messageQueueAssignments: found } = JSON.parse(body.toString()) as { messageQueueAssignments?: object[] };
  return found?.map((one) => JSON.stringify(one)).sort();
}

const POPPED = ['popTime', 'reviveQid'];
const sendTo = (queueId: number, tag: string): Case => ({
  name: `pop: a message ${tag} into queue ${queueId}`,
  request: send({
    topic: TOPIC,
    queueId,
    properties: encodeProperties({ UNIQ_KEY: `pop-${queueId}-${tag}`, TAGS: tag }),
  }),
  variable: ['msgId'],
});

export const PARITY_POP_CASES: readonly Case[] = (
  [
    { name: 'pop: its topic', request: updateAndCreateTopic.encode({ topic: TOPIC, readQueueNums: 2, writeQueueNums: 2, perm: 6 }) }, // prettier-ignore
    { name: 'pop: its group', request: updateAndCreateSubscriptionGroup.encode({ groupName: GROUP }) },
    ...['A', 'B', 'A', 'B'].flatMap((tag) => [sendTo(0, tag), sendTo(1, tag)]),
    stored('what is to be popped', TOPIC, 0),
    stored('what is to be popped in order', TOPIC, 1),

    { name: 'pop: unknown topic', request: pop({ topic: 'Nobody' }) },
    { name: 'pop: topic not readable', request: pop({ topic: NAMES.writeOnly }) },
    { name: 'pop: queue id too great', request: pop({ queueId: 2 }) },
    { name: 'pop: too many', request: pop({ maxMsgNums: 33 }) },
    { name: 'pop: illegal group', request: pop({ consumerGroup: 'a b' }) },
    { name: 'pop: group disabled', request: pop({ consumerGroup: NAMES.disabled }) },
    { name: 'pop: broken SQL', request: pop({ exp: 'a >', expType: 'SQL92' }) },
    { name: 'pop: too late', request: pop({ bornTime: Date.now() - 60_000 }) },
    { name: 'pop: a field is missing', request: plain(C.POP_MESSAGE, { topic: TOPIC }), freeRemark: true },
    { name: 'pop: found', request: pop(), variable: POPPED, body: messages },
    { name: 'pop: found, by tags', request: pop({ exp: 'B', expType: 'TAG' }), variable: POPPED, body: messages },
    { name: 'pop: nothing left', request: pop(), variable: POPPED },
    { name: 'pop: in order', request: pop({ queueId: 1, order: true }), variable: POPPED, body: messages },
    { name: 'pop: in order, blocked', request: pop({ queueId: 1, order: true }), variable: POPPED },

    { name: 'notification: nothing', request: notification() },
    { name: 'notification: something', request: notification({ queueId: 1 }) },
    { name: 'notification: blocked', request: notification({ queueId: 1, order: true }) },
    { name: 'notification: unknown topic', request: notification({ topic: 'Nobody' }) },
    { name: 'notification: queue id too great', request: notification({ queueId: 2 }) },
    { name: 'notification: group disabled', request: notification({ consumerGroup: NAMES.disabled }) },

    { name: 'polling info', request: pollingInfo() },
    { name: 'polling info: unknown topic', request: pollingInfo({ topic: 'Nobody' }) },

    { name: 'ack: what never was popped', request: ack() },
    { name: 'ack: unknown topic', request: ack({ topic: 'Nobody' }) },
    { name: 'ack: queue id too great', request: ack({ queueId: 2 }) },
    { name: 'ack: queue id negative', request: ack({ queueId: -1 }) },
    { name: 'ack: past the end by one', request: ack({ offset: 4 }) },
    { name: 'ack: past the end', request: ack({ offset: 5 }) },
    { name: 'ack: no handle', request: ack({ extraInfo: 'nonsense' }), freeRemark: true },
    { name: 'ack: an empty batch', request: plain(C.BATCH_ACK_MESSAGE, {}, { brokerName: 'broker', acks: [] }) },
    { name: 'ack: no batch', request: plain(C.BATCH_ACK_MESSAGE) },

    { name: 'change: what never was popped', request: change(), variable: ['popTime'] },
    { name: 'change: unknown topic', request: change({ topic: 'Nobody' }) },
    { name: 'change: queue id too great', request: change({ queueId: 2 }) },
    { name: 'change: past the end', request: change({ offset: 4 }) },
    { name: 'change: no handle', request: change({ extraInfo: 'nonsense' }), freeRemark: true },

    { name: 'assignment: pulling', request: assignment(), body: queues },
    { name: 'assignment: of a stranger', request: assignment({ clientId: 'nobody' }), body: queues },
    { name: 'assignment: unknown topic', request: assignment({ topic: 'Nobody' }), body: queues },
    { name: 'assignment: unknown group', request: assignment({ consumerGroup: 'nobody' }), body: queues },
    { name: 'assignment: unknown strategy', request: assignment({ strategyName: 'MINE' }), body: queues },
    { name: 'assignment: broadcasting', request: assignment({ messageModel: 'BROADCASTING' }), body: queues },
    { name: 'request mode: unknown topic', request: setMode({ topic: 'Nobody' }) },
    { name: 'request mode: retry topic', request: setMode({ topic: `%RETRY%${NAMES.group}` }) },
    { name: 'request mode: illegal group', request: setMode({ consumerGroup: 'a b' }) },
    { name: 'request mode: popping', request: setMode() },
    { name: 'assignment: popping', request: assignment(), body: queues },

    { name: 'recall: forbidden', request: plain(C.RECALL_MESSAGE, { topic: TOPIC, recallHandle: 'x' }) },
  ] satisfies Case[]
).map((one) => ({ ...one, since5: true }));

export const PARITY_REPLY_CASES: readonly Case[] = [
  { name: 'reply: to nobody', request: reply({ CORRELATION_ID: '1' }), variable: ['msgId', 'queueOffset'] },
  {
    name: 'reply: to who is not there',
    request: reply({ CORRELATION_ID: '1', REPLY_TO_CLIENT: 'nobody' }),
    variable: ['msgId', 'queueOffset'],
  },
];
