import { deflateSync } from 'node:zlib';
import { encodeBatch } from '../../lib/protocol/message.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { consumerSendMsgBack } from '../../lib/protocol/requests/consumer-send-msg-back.js';
import { sendBatchMessage } from '../../lib/protocol/requests/send-batch-message.js';
import { sendMessage } from '../../lib/protocol/requests/send-message.js';
import { updateAndCreateSubscriptionGroup } from '../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateAndCreateTopic } from '../../lib/protocol/requests/update-and-create-topic.js';
import { buildSubscription } from '../../lib/protocol/subscription.js';
import { PARITY_ADMIN_CASES } from './parity-admin-cases.js';
import { PARITY_POP_CASES, PARITY_REPLY_CASES } from './parity-pop-cases.js';
import {
  at,
  C,
  type Case,
  G,
  into,
  message,
  NAMES,
  NOBODY,
  plain,
  pull,
  queueOf,
  send,
  sql,
  stored,
  SUB_VERSION,
  T,
} from './parity-requests.js';

/** What a real and a mock broker are asked, in this order: later answers depend on earlier requests. */

export const PARITY_CASES: readonly Case[] = [
  {
    name: 'route of an unknown topic',
    to: 'nameServer',
    request: plain(C.GET_ROUTEINFO_BY_TOPIC, { topic: 'Nobody' }),
  },
  { name: 'route without a topic', to: 'nameServer', request: plain(C.GET_ROUTEINFO_BY_TOPIC), freeRemark: true },
  { name: 'unknown request to a name server', to: 'nameServer', request: plain(9999), since5: true },
  { name: 'unknown request to a broker', request: plain(9999) },

  { name: 'members of an unknown group', request: plain(C.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: NOBODY }) },
  { name: 'members of a group', request: plain(C.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: G }), body: String },

  { name: 'pull: found', request: pull() },
  { name: 'pull: found, limited', request: pull({ maxMsgNums: 2 }) },
  { name: 'pull: found, limited to 0', request: pull({ maxMsgNums: 0 }) },
  { name: 'pull: found in the middle', request: pull({ queueOffset: 3 }) },
  { name: 'pull: at the end', request: pull({ queueOffset: 5 }) },
  { name: 'pull: past the end by one', request: pull({ queueOffset: 6 }) },
  { name: 'pull: past the end', request: pull({ queueOffset: 99 }) },
  { name: 'pull: negative', request: pull({ queueOffset: -1 }) },
  { name: 'pull: empty queue', request: pull({ queueId: 1 }) },
  { name: 'pull: empty queue, not its start', request: pull({ queueId: 1, queueOffset: 5 }) },
  { name: 'pull: empty queue, negative', request: pull({ queueId: 1, queueOffset: -5 }) },
  { name: 'pull: queue id too great', request: pull({ queueId: 4 }) },
  { name: 'pull: queue id negative', request: pull({ queueId: -1 }) },
  { name: 'pull: unknown topic', request: pull({ topic: 'Nobody' }) },
  { name: 'pull: topic not readable', request: pull({ topic: NAMES.writeOnly }) },
  { name: 'pull: group disabled', request: pull({ consumerGroup: NAMES.disabled }) },
  { name: 'pull: group without heartbeat', request: pull({ consumerGroup: NAMES.silent }) },
  { name: 'pull: illegal group', request: pull({ consumerGroup: 'a b' }) },
  { name: 'pull: topic not subscribed', request: pull({ topic: NAMES.narrow }) },
  { name: 'pull: subscription too new', request: pull({ subVersion: SUB_VERSION + 1 }) },
  { name: 'pull: subscription older', request: pull({ subVersion: 1 }) },
  { name: 'pull: own tags', request: pull({ sysFlag: 4, subscription: 'A' }) },
  { name: 'pull: own tags, none match', request: pull({ sysFlag: 4, subscription: 'C || D' }) },
  { name: 'pull: own tags, none left', request: pull({ sysFlag: 4, subscription: '||' }) },
  { name: 'pull: own tags, missing', request: pull({ sysFlag: 4 }) },
  { name: 'pull: own SQL', request: pull({ sysFlag: 4, subscription: "TAGS = 'B'", expressionType: 'SQL92' }) },
  { name: 'pull: own SQL, missing', request: pull({ sysFlag: 4, expressionType: 'SQL92' }) },
  { name: 'pull: own SQL, broken', request: pull({ sysFlag: 4, subscription: 'a >', expressionType: 'SQL92' }) },
  {
    name: 'pull: a field is missing',
    request: plain(C.PULL_MESSAGE, { consumerGroup: G, topic: T, queueId: '0' }),
    freeRemark: true,
  },

  { name: 'offset: none, queue young', request: plain(14, { consumerGroup: NOBODY, ...at(T, 0) }) },
  { name: 'offset: none, queue empty', request: plain(14, { consumerGroup: NOBODY, ...at(T, 1) }) },
  { name: 'offset: none, queue unknown', request: plain(14, { consumerGroup: NOBODY, ...at(T, 77) }) },
  { name: 'offset: none, topic unknown', request: plain(14, { consumerGroup: NOBODY, ...at('Nobody', 0) }) },
  {
    name: 'offset: none, not to become zero',
    request: plain(14, { consumerGroup: NOBODY, ...at(T, 0), setZeroIfNotFound: 'false' }),
    since5: true,
  },
  {
    name: 'offset: none, to become zero',
    request: plain(14, { consumerGroup: NOBODY, ...at(T, 0), setZeroIfNotFound: 'true' }),
  },
  {
    name: 'commit: unknown group',
    request: plain(15, { consumerGroup: NOBODY, ...at(T, 0), commitOffset: '1' }),
    since5: true,
  },
  {
    name: 'commit: unknown topic',
    request: plain(15, { consumerGroup: G, ...at('Nobody', 0), commitOffset: '1' }),
    since5: true,
  },
  { name: 'commit: no queue', request: plain(15, { consumerGroup: G, topic: T, commitOffset: '1' }), since5: true },
  { name: 'commit: no offset', request: plain(15, { consumerGroup: G, ...at(T, 0) }), since5: true },
  { name: 'commit', request: plain(15, { consumerGroup: G, ...at(T, 0), commitOffset: '4' }) },
  { name: 'offset after a commit', request: plain(14, { consumerGroup: G, ...at(T, 0) }) },
  { name: 'commit: lower', request: plain(15, { consumerGroup: G, ...at(T, 0), commitOffset: '2' }) },
  { name: 'offset after a lower commit', request: plain(14, { consumerGroup: G, ...at(T, 0) }) },
  { name: 'commit: past the end', request: plain(15, { consumerGroup: G, ...at(T, 0), commitOffset: '1000' }) },
  { name: 'offset after a commit past the end', request: plain(14, { consumerGroup: G, ...at(T, 0) }) },
  { name: 'commit: queue out of range', request: plain(15, { consumerGroup: G, ...at(T, 50), commitOffset: '7' }) },
  { name: 'offset of a queue out of range', request: plain(14, { consumerGroup: G, ...at(T, 50) }) },
  { name: 'pull that commits', request: pull({ queueOffset: 5, sysFlag: 1, commitOffset: 3 }) },
  { name: 'offset after a pull that commits', request: plain(14, { consumerGroup: G, ...at(T, 0) }) },
  { name: 'pull that commits, refused', request: pull({ topic: NAMES.narrow, sysFlag: 1, commitOffset: 2 }) },
  { name: 'pull that commits, past the end', request: pull({ queueOffset: 50, sysFlag: 1, commitOffset: 1 }) },
  { name: 'offset after a pull past the end', request: plain(14, { consumerGroup: G, ...at(T, 0) }) },

  { name: 'max offset', request: plain(30, at(T, 0)) },
  { name: 'max offset of an empty queue', request: plain(30, at(T, 1)) },
  { name: 'max offset of an unknown queue', request: plain(30, at(T, 88)) },
  { name: 'max offset of an unknown topic', request: plain(30, at('Nobody', 0)) },
  { name: 'min offset', request: plain(31, at(T, 0)) },
  { name: 'min offset of an empty queue', request: plain(31, at(T, 1)) },
  { name: 'min offset of an unknown queue', request: plain(31, at(T, 88)) },
  { name: 'min offset of an unknown topic', request: plain(31, at('Nobody', 0)) },
  { name: 'search: past', request: plain(29, { ...at(T, 0), timestamp: '0', boundaryType: 'LOWER' }) },
  { name: 'search: future', request: plain(29, { ...at(T, 0), timestamp: '9999999999999', boundaryType: 'lower' }) },
  {
    name: 'search: past, upper',
    request: plain(29, { ...at(T, 0), timestamp: '0', boundaryType: 'UPPER' }),
    since5: true,
  },
  {
    name: 'search: future, upper',
    request: plain(29, { ...at(T, 0), timestamp: '9999999999999', boundaryType: 'UPPER' }),
    since5: true,
  },
  { name: 'search: no boundary', request: plain(29, { ...at(T, 0), timestamp: '0' }) },
  { name: 'search: empty queue', request: plain(29, { ...at(T, 1), timestamp: '0' }) },
  { name: 'search: unknown topic', request: plain(29, { ...at('Nobody', 0), timestamp: '0' }) },
  { name: 'earliest', request: plain(32, at(T, 0)), variable: ['timestamp'] },
  { name: 'earliest of an empty queue', request: plain(32, at(T, 1)) },
  { name: 'earliest of an unknown topic', request: plain(32, at('Nobody', 0)) },

  { name: 'message at no place', request: plain(33, { offset: '123456789012' }) },
  { name: 'message at a negative place', request: plain(33, { offset: '-1' }) },
  {
    name: 'message by an unknown key',
    request: plain(12, { topic: T, key: 'none', maxNum: '10', beginTimestamp: '0', endTimestamp: '9999999999999' }),
    variable: ['indexLastUpdateTimestamp', 'indexLastUpdatePhyoffset'],
  },

  {
    name: 'lock',
    request: (side) => plain(41, {}, { consumerGroup: G, clientId: 'p1', mqSet: [queueOf(side, 1), queueOf(side, 0)] }),
    body: (body) =>
      (JSON.parse(body.toString()) as { lockOKMQSet: { queueId: number }[] }).lockOKMQSet.map((q) => q.queueId).sort(),
  },
  {
    name: 'lock what another holds',
    request: (side) => plain(41, {}, { consumerGroup: G, clientId: 'p2', mqSet: [queueOf(side, 1), queueOf(side, 2)] }),
    body: (body) =>
      (JSON.parse(body.toString()) as { lockOKMQSet: { queueId: number }[] }).lockOKMQSet.map((q) => q.queueId),
  },
  {
    name: 'lock nothing',
    request: plain(41, {}, { consumerGroup: G, clientId: 'p2', mqSet: [] }),
    body: (body) => JSON.parse(body.toString()) as unknown,
  },
  {
    name: 'lock in a group nobody knows',
    request: (side) => plain(41, {}, { consumerGroup: NOBODY, clientId: 'p2', mqSet: [queueOf(side, 99)] }),
    body: (body) =>
      (JSON.parse(body.toString()) as { lockOKMQSet: { queueId: number }[] }).lockOKMQSet.map((q) => q.queueId),
  },
  { name: 'lock: broken body', request: plain(41, {}, '{"consumerGroup":'), freeRemark: true },
  {
    name: 'send to the retry topic of a group with locks',
    request: send({ topic: `%RETRY%${G}`, queueId: 0 }),
    variable: ['msgId', 'queueOffset'],
  },
  { settles: true, name: 'its dead letters', request: plain(30, at(`%DLQ%${G}`, 0)), since5: true },
  {
    name: 'unlock',
    request: (side) => plain(42, {}, { consumerGroup: G, clientId: 'p1', mqSet: [queueOf(side, 1), queueOf(side, 0)] }),
  },
  {
    name: 'unlock what another holds',
    request: (side) => plain(42, {}, { consumerGroup: G, clientId: 'p1', mqSet: [queueOf(side, 2)] }),
  },
  {
    name: 'unlock the rest',
    request: (side) => plain(42, {}, { consumerGroup: G, clientId: 'p2', mqSet: [queueOf(side, 2), queueOf(side, 1)] }),
  },
  {
    name: 'unlock in an unknown group',
    request: (side) => plain(42, {}, { consumerGroup: 'nobody-else', clientId: 'p1', mqSet: [queueOf(side, 2)] }),
  },

  { name: 'heartbeat: broken body', request: plain(34, {}, '{'), freeRemark: true },
  {
    name: 'heartbeat: of a producer',
    request: plain(34, {}, { clientID: 'x', producerDataSet: [{ groupName: 'p' }], consumerDataSet: [] }),
    since5: true,
  },
  {
    name: 'unregister nobody',
    request: plain(35, { clientID: 'x', consumerGroup: NOBODY, producerGroup: 'nobody' }),
  },

  {
    name: 'check: tags',
    request: plain(46, {}, { clientId: 'c', group: G, subscriptionData: buildSubscription(T, 'A', 'TAG', 1) }),
  },
  { name: 'check: SQL', request: plain(46, {}, sql('a > 1 AND b IS NOT NULL')) },
  { name: 'check: broken SQL', request: plain(46, {}, sql('a >')), freeRemark: true },

  { name: 'send', request: send(), variable: ['msgId'] },
  { name: 'send, old names', request: sendMessage.encode(message()), variable: ['msgId'] },
  { name: 'send without a unique key', request: send({ properties: '' }), variable: ['msgId', 'transactionId'] },
  { name: 'send to a topic of an illegal name', request: send({ topic: 'a b' }) },
  { name: 'send to a topic of a long name', request: send({ topic: 'x'.repeat(128) }) },
  { name: 'send to a topic without name', request: send({ topic: '' }) },
  { name: 'send to the schedule topic', request: send({ topic: 'SCHEDULE_TOPIC_XXXX' }) },
  { name: 'send to an unknown topic without a model', request: send({ topic: 'Nobody', defaultTopic: 'Nobody' }) },
  { name: 'send to a queue out of range', request: send({ queueId: 4 }) },
  {
    name: 'send to a queue that can only be read',
    request: send({ topic: NAMES.narrow, queueId: 3 }),
    variable: ['msgId'],
  },
  { name: 'send to a topic not writable', request: send({ topic: NAMES.readOnly, queueId: 0 }), variable: ['msgId'] },
  { name: 'send an empty body', request: send({ body: Buffer.alloc(0) }), freeRemark: true, variable: ['msgId'] },
  {
    name: 'send too long properties',
    request: send({ properties: encodeProperties({ a: 'x'.repeat(32_750) }) }),
    variable: ['msgId'],
  },
  {
    name: 'send part of a batch',
    request: send({ properties: encodeProperties({ INNER_NUM: '2' }) }),
    variable: ['msgId'],
  },
  { name: 'send as an inner batch', request: send({ sysFlag: 0xc0 }), variable: ['msgId'] },
  {
    name: 'send with a delay',
    request: send({ properties: encodeProperties({ DELAY: '18', UNIQ_KEY: 'U' }) }),
    variable: ['msgId', 'queueOffset'],
  },
  {
    name: 'send with a timer out of range',
    request: send({ properties: encodeProperties({ TIMER_DELIVER_MS: '99999999999999' }) }),
    since5: true,
  },
  {
    name: 'send with a timer that is no number',
    request: send({ properties: encodeProperties({ TIMER_DELAY_SEC: 'x' }) }),
    since5: true,
  },
  {
    name: 'send with a timer in the past',
    request: send({ properties: encodeProperties({ TIMER_DELIVER_MS: '1', UNIQ_KEY: 'U' }) }),
    variable: ['msgId'],
    since5: true,
  },
  {
    name: 'send to a retry topic',
    request: send({ topic: `%RETRY%${NAMES.silent}`, queueId: 0 }),
    variable: ['msgId', 'queueOffset'],
  },
  {
    name: 'send to a retry topic too often',
    request: send({ topic: `%RETRY%${NAMES.silent}`, queueId: 0, reconsumeTimes: 3, maxReconsumeTimes: 2 }),
    variable: ['msgId', 'queueOffset'],
  },
  { settles: true, name: 'what is dead then', request: plain(30, at(`%DLQ%${NAMES.silent}`, 0)) },
  {
    name: 'send to a retry topic as an old client',
    request: send({ topic: `%RETRY%${NAMES.silent}`, queueId: 0, reconsumeTimes: 3, maxReconsumeTimes: 2 }),
    version: 120,
    variable: ['msgId', 'queueOffset'],
  },
  { settles: true, name: 'what is dead then', request: plain(30, at(`%DLQ%${NAMES.silent}`, 0)) },
  { name: 'send to the retry topic of an illegal group', request: send({ topic: '%RETRY%a|%b c', queueId: 0 }) },
  {
    name: 'send a batch',
    request: sendBatchMessage.encode(
      message({
        batch: true,
        body: encodeBatch(
          [1, 2, 3].map((n) => ({
            flag: 0,
            body: Buffer.from(`b${n}`),
            properties: encodeProperties({ KEYS: `k${n}` }),
          })),
        ),
      }),
    ),
    variable: ['msgId'],
  },
  {
    since5: true,
    name: 'send a batch to a retry topic',
    request: sendBatchMessage.encode(message({ batch: true, topic: `%RETRY%${NAMES.silent}`, queueId: 0 })),
  },

  {
    name: 'send back what is not there',
    request: consumerSendMsgBack.encode({ offset: 123456789012, group: G, delayLevel: 0 }),
  },
  {
    name: 'send back to an illegal group',
    request: consumerSendMsgBack.encode({ offset: 0, group: 'a b', delayLevel: 0 }),
  },

  {
    name: 'end of an unknown transaction',
    request: plain(37, {
      producerGroup: 'p',
      tranStateTableOffset: '0',
      commitLogOffset: '123456789012',
      commitOrRollback: '8',
      msgId: 'm',
      fromTransactionCheck: 'false',
    }),
    freeRemark: true,
  },

  {
    name: 'reset: unknown topic',
    request: plain(222, { topic: 'Nobody', group: G, timestamp: '0', isForce: 'true', queueId: '-1' }),
    since5: true,
  },
  {
    name: 'reset: unknown group',
    request: plain(222, { topic: T, group: NOBODY, timestamp: '0', isForce: 'true', queueId: '-1' }),
    since5: true,
  },
  {
    name: 'reset: out of range',
    request: plain(222, { topic: T, group: G, timestamp: '0', isForce: 'true', queueId: '0', offset: '999' }),
    since5: true,
  },
  {
    name: 'reset',
    request: plain(222, { topic: T, group: G, timestamp: '0', isForce: 'true', queueId: '0', offset: '2' }),
    since5: true,
  },
  {
    name: 'commit while a reset is pending',
    request: plain(15, { consumerGroup: G, ...at(T, 0), commitOffset: '4' }),
    since5: true,
  },
  { name: 'offset while a reset is pending', request: plain(14, { consumerGroup: G, ...at(T, 0) }), since5: true },
  {
    name: 'pull while a reset is pending',
    request: pull({ queueOffset: 5, sysFlag: 3, commitOffset: 5, suspendTimeoutMillis: 15_000 }),
    since5: true,
  },
  { name: 'offset after the reset', request: plain(14, { consumerGroup: G, ...at(T, 0) }), since5: true },
  { name: 'pull after the reset', request: pull({ queueOffset: 2 }), since5: true },

  {
    name: 'create a topic of an illegal name',
    request: updateAndCreateTopic.encode({ topic: 'a b', readQueueNums: 1, writeQueueNums: 1, perm: 6 }),
    since5: true,
  },
  {
    name: 'create a system topic',
    request: updateAndCreateTopic.encode({ topic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: 6 }),
    since5: true,
  },
  {
    name: 'create a group of an illegal name',
    request: updateAndCreateSubscriptionGroup.encode({ groupName: 'a b' }),
    since5: true,
  },
  { name: 'delete no topic', request: plain(215, { topic: '' }), since5: true },
  { name: 'delete a system topic', request: plain(215, { topic: 'TBW102' }), since5: true },
  { name: 'delete an unknown topic', request: plain(215, { topic: 'Nobody' }) },

  // What is stored, as it is stored.
  {
    name: 'send with everything',
    request: into(
      0,
      { TAGS: 'A', KEYS: 'k1 k2', UNIQ_KEY: 'U0', __SHARDINGKEY: 's', POP_CK: 'x', own: 'v' },
      { flag: 7, reconsumeTimes: 2 },
    ),
    variable: ['msgId'],
  },
  stored('with everything', NAMES.contents, 0),
  {
    name: 'send with delay level 1',
    request: into(1, { TAGS: 'A', UNIQ_KEY: 'U1', DELAY: '1' }),
    variable: ['msgId', 'queueOffset'],
  },
  stored('with delay level 1', NAMES.contents, 1),
  {
    name: 'send with a timer',
    request: into(2, { TAGS: 'A', UNIQ_KEY: 'U2', TIMER_DELAY_MS: '1000' }),
    variable: ['msgId', 'queueOffset', 'recallHandle'],
    since5: true,
  },
  stored('with a timer', NAMES.contents, 2, { since5: true }),
  {
    name: 'send batch',
    request: sendBatchMessage.encode(
      message({
        topic: NAMES.contents,
        queueId: 3,
        batch: true,
        properties: encodeProperties({ UNIQ_KEY: 'U3', WAIT: 'true' }),
        body: encodeBatch(
          ['x', 'y'].map((tag) => ({
            flag: 3,
            body: Buffer.from(tag),
            properties: encodeProperties({ TAGS: tag, UNIQ_KEY: `U3${tag}` }),
          })),
        ),
      }),
    ),
    variable: ['msgId'],
  },
  stored('batch', NAMES.contents, 3, { since5: true }),
  {
    name: 'send compressed',
    request: into(4, { UNIQ_KEY: 'U4' }, { sysFlag: 0x301, body: deflateSync('long') }),
    variable: ['msgId'],
  },
  stored('compressed', NAMES.contents, 4),
  {
    name: 'send a half message',
    request: into(5, { UNIQ_KEY: 'U5', TRAN_MSG: 'true', PGROUP: 'parity-producer' }, { sysFlag: 4 }),
    variable: ['msgId', 'queueOffset'],
  },
  {
    name: 'pull of a half message',
    request: pull({ consumerGroup: NAMES.silent, topic: NAMES.contents, queueId: 5, sysFlag: 4, subscription: '*' }),
  },
  {
    name: 'send to the retry topic',
    request: send({
      topic: `%RETRY%${NAMES.retrying}`,
      queueId: 0,
      properties: encodeProperties({ UNIQ_KEY: 'U6', DELAY: '1', RETRY_TOPIC: T }),
      reconsumeTimes: 1,
      maxReconsumeTimes: 2,
    }),
    variable: ['msgId', 'queueOffset'],
  },
  stored('in the retry topic', `%RETRY%${NAMES.retrying}`, 0),
  {
    name: 'send to the dead letters',
    request: send({
      topic: `%RETRY%${NAMES.retrying}`,
      queueId: 0,
      properties: encodeProperties({ UNIQ_KEY: 'U7', DELAY: '5', RETRY_TOPIC: T }),
      reconsumeTimes: 3,
      maxReconsumeTimes: 2,
    }),
    variable: ['msgId', 'queueOffset'],
  },
  stored('dead letters', `%DLQ%${NAMES.retrying}`, 0, { since5: true }),
  ...PARITY_POP_CASES,
  ...PARITY_ADMIN_CASES,
  ...PARITY_REPLY_CASES,
];
