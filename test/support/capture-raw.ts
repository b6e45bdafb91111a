import { SerializeType, type RemotingCommand } from '../../lib/protocol/command.js';
import {
  heartbeat,
  lock,
  miniRecords,
  properties,
  pull,
  PullFlag,
  sendV1,
  sendV2,
  subscription,
} from './capture-requests.js';
import type { Recorder } from './capture-relay.js';
import { RawConnection, type RawRequest } from './raw-connection.js';
import { until } from './until.js';

/** The situations played by hand, one request after the other. Each is recorded under `raw/<situation>`. */

export interface RawStage {
  readonly recorder: Recorder;
  /** Addresses of the recording relays. */
  readonly namesrv: string;
  readonly broker: string;
  /** The broker itself. */
  readonly brokerDirect: string;
  readonly version: string;
}

const TOPIC = 'CaptureRaw';
const GROUP = 'capture-raw';
const CLIENT = '127.0.0.1@capture#1';
/** Java hash of `TagA`. */
const TAG_A_HASH = 2_598_919;

/** Its retry topic is longer than the 127 bytes a record of the first version has room for. */
export const LONG_GROUP = 'a-long-group-name-'.repeat(8);

type Ask = (situation: string, request: RawRequest) => Promise<RemotingCommand>;

function asking(stage: RawStage, connection: RawConnection): Ask {
  return async (situation, request) => {
    stage.recorder.situation = `raw/${situation}`;
    const reply = await connection.request(request);
    stage.recorder.situation = 'setup';
    return reply;
  };
}

export async function playNameServer(stage: RawStage): Promise<void> {
  const connection = await RawConnection.connect(stage.namesrv);
  const ask = asking(stage, connection);
  const route = { code: 105, ext: { topic: TOPIC } };
  await ask('route-standard-json', route);
  await ask('route-unquoted-keys', { ...route, version: 393 });
  await ask('route-standard-json-asked-for', {
    code: 105,
    version: 393,
    ext: { topic: TOPIC, acceptStandardJsonOnly: true },
  });
  await ask('route-binary-header', { ...route, serializeType: SerializeType.ROCKETMQ });
  await ask('route-unknown-topic', { code: 105, ext: { topic: 'NoSuchTopic' } });
  await ask('cluster-info', { code: 106 });
  await ask('cluster-info-old-version', { code: 106, version: 393 });
  // A name server of 4.x does not answer at all.
  if (stage.version.startsWith('5.')) await ask('unknown-request', { code: 9999 });
  connection.close();
}

export async function playBroker(stage: RawStage): Promise<void> {
  const connection = await RawConnection.connect(stage.broker);
  const ask = asking(stage, connection);
  await ask('create-topic', {
    code: 17,
    ext: {
      topic: TOPIC, defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6,
      topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false,
    }, // prettier-ignore
  });
  await playGroup(ask);
  await playSends(ask);
  await playOffsets(ask);
  await playPulls(ask, stage, connection);
  await playRetry(ask, connection);
  await playTransaction(ask, connection);
  await playErrors(ask);
  await playServerSideReset(ask);
  await ask('binary-header', {
    code: 30,
    ext: { topic: TOPIC, queueId: 0, committed: true },
    serializeType: SerializeType.ROCKETMQ,
  });
  await ask('unregister', { code: 35, ext: { clientID: CLIENT, consumerGroup: GROUP } });
  connection.close();
}

async function playGroup(ask: Ask): Promise<void> {
  await ask('create-group', {
    code: 200,
    body: {
      groupName: GROUP,
      brokerId: 0,
      consumeEnable: true,
      consumeBroadcastEnable: true,
      retryMaxTimes: 3,
      retryQueueNums: 1,
    },
  });
  await ask('heartbeat', heartbeat(CLIENT, GROUP, [
    subscription({ topic: TOPIC, subString: 'TagA', tags: ['TagA'], codes: [TAG_A_HASH] }),
    subscription({ topic: `%RETRY%${GROUP}`, subString: '*' }),
  ])); // prettier-ignore
  await ask('consumer-list', { code: 38, ext: { consumerGroup: GROUP } });
  await ask('consumer-list-unknown-group', { code: 38, ext: { consumerGroup: 'no-such-group' } });
  const sql = (subString: string): RawRequest => ({
    code: 46,
    body: {
      clientId: CLIENT,
      group: GROUP,
      subscriptionData: subscription({ topic: TOPIC, subString, type: 'SQL92' }),
    },
  });
  await ask('check-config', sql('price > 10 AND region IS NOT NULL'));
  await ask('check-config-malformed', sql('price >'));
  await ask('lock-granted', lock(41, GROUP, CLIENT, TOPIC, [0, 1]));
  await ask('lock-partly-granted', lock(41, GROUP, '127.0.0.1@other#2', TOPIC, [1, 2]));
  await ask('lock-refused', lock(41, GROUP, '127.0.0.1@other#2', TOPIC, [0]));
  await ask('unlock', lock(42, GROUP, CLIENT, TOPIC, [0, 1]));
}

async function playSends(ask: Ask): Promise<void> {
  const tagA = properties({ KEYS: 'k1 k2', TAGS: 'TagA', UNIQ_KEY: '0A0000010004D218B4AAC2000000', WAIT: 'true' });
  await ask('send-v1', sendV1({ topic: TOPIC, properties: tagA, body: 'first' }));
  await ask(
    'send-v2',
    sendV2({ topic: TOPIC, properties: properties({ TAGS: 'TagB', price: 5 }), body: 'second \u4e2d\u6587' }),
  );
  await ask('send-v2-binary-header', {
    ...sendV2({ topic: TOPIC, properties: tagA, body: 'third' }),
    serializeType: SerializeType.ROCKETMQ,
  });
  await ask('send-batch', sendV2({
    topic: TOPIC,
    batch: true,
    body: miniRecords(['b0', 'b1', 'b2'].map((body, index) => ({ body, properties: properties({ TAGS: 'TagA', UNIQ_KEY: `BATCH${index}` }) }))),
  })); // prettier-ignore
  await ask('send-topic-missing', sendV2({ topic: 'NoSuchTopic', defaultTopic: 'NoSuchDefault', body: 'x' }));
  await ask('send-queue-illegal', sendV2({ topic: TOPIC, queueId: 99, body: 'x' }));
  await ask('send-empty-body-flag', sendV2({ topic: TOPIC, queueId: 1, body: Buffer.from([0]) }));
}

async function playOffsets(ask: Ask): Promise<void> {
  const queue = { topic: TOPIC, queueId: 0, bname: 'broker-a' };
  const own = { consumerGroup: GROUP, ...queue };
  await ask('max-offset', { code: 30, ext: { ...queue, committed: true } });
  await ask('min-offset', { code: 31, ext: queue });
  await ask('search-offset', { code: 29, ext: { ...queue, timestamp: 1, boundaryType: 'LOWER' } });
  await ask('earliest-storetime', { code: 32, ext: queue });
  await ask('offset-young-topic', { code: 14, ext: own });
  await ask('offset-none', { code: 14, ext: { ...own, setZeroIfNotFound: false } });
  await ask('offset-commit', { code: 15, ext: { ...own, commitOffset: 2 } });
  await ask('offset-committed', { code: 14, ext: own });
  await ask('offset-commit-missing-field', { code: 15, ext: { consumerGroup: GROUP, topic: TOPIC, queueId: 0 } });
  await ask('query-by-key', {
    code: 12,
    ext: {
      topic: TOPIC,
      key: 'k1',
      maxNum: 4,
      beginTimestamp: 0,
      endTimestamp: 4_000_000_000_000,
      _UNIQUE_KEY_QUERY: false,
    },
  });
  await ask('query-by-key-nothing', {
    code: 12,
    ext: {
      topic: TOPIC,
      key: 'nothing',
      maxNum: 4,
      beginTimestamp: 0,
      endTimestamp: 4_000_000_000_000,
      _UNIQUE_KEY_QUERY: false,
    },
  });
}

async function playPulls(ask: Ask, stage: RawStage, connection: RawConnection): Promise<void> {
  // The broker dispatches to its consume queues beside the answer to a send.
  const found = await until('the messages are in their queue', async () => {
    const reply = await connection.request(pull(GROUP, TOPIC, 0));
    return reply.extFields['nextBeginOffset'] === '6' ? reply : undefined;
  });
  await ask('pull-found', pull(GROUP, TOPIC, 0));
  await ask('pull-found-filtered', pull(GROUP, TOPIC, 0, { subscription: 'TagB' }));
  await ask('pull-found-sql', pull(GROUP, TOPIC, 0, { subscription: 'price < 10', expressionType: 'SQL92' }));
  await ask('pull-found-by-heartbeat', pull(GROUP, TOPIC, 0, { sysFlag: 0, subscription: undefined }));
  await ask(
    'pull-commit',
    pull(GROUP, TOPIC, 3, { sysFlag: PullFlag.SUBSCRIPTION | PullFlag.COMMIT_OFFSET, commitOffset: 3 }),
  );
  await ask('pull-no-new', pull(GROUP, TOPIC, 6));
  await ask('pull-no-match', pull(GROUP, TOPIC, 0, { subscription: 'TagC' }));
  await ask('pull-offset-too-large', pull(GROUP, TOPIC, 1000));
  await ask('pull-empty-queue', pull(GROUP, TOPIC, 0, { queueId: 3 }));
  await ask('pull-empty-queue-offset', pull(GROUP, TOPIC, 7, { queueId: 3 }));
  await ask('pull-topic-missing', pull(GROUP, 'NoSuchTopic', 0));
  await ask('pull-queue-illegal', pull(GROUP, TOPIC, 0, { queueId: 99 }));
  await ask('pull-parse-failed', pull(GROUP, TOPIC, 0, { subscription: '||' }));
  // The broker takes an expression it can't parse for no filter at all.
  await ask('pull-sql-malformed', pull(GROUP, TOPIC, 0, { subscription: 'price >', expressionType: 'SQL92' }));
  await ask('pull-group-unknown', pull('no-such-group-yet', TOPIC, 0, { sysFlag: 0, subscription: undefined }));
  await ask('pull-topic-not-subscribed', pull(GROUP, 'TBW102', 0, { sysFlag: 0, subscription: undefined }));
  await ask(
    'pull-subscription-not-latest',
    pull(GROUP, TOPIC, 0, { sysFlag: 0, subscription: undefined, subVersion: 4_000_000_000_000 }),
  );
  await ask('pull-commit-log-offset', { code: 33, ext: { offset: commitLogOffsetOf(found.body), topic: TOPIC } });
  await ask('view-message-nonsense', { code: 33, ext: { offset: 123_456_789_012 } });
  const held = ask(
    'pull-held',
    pull(GROUP, TOPIC, 0, { sysFlag: PullFlag.SUBSCRIPTION | PullFlag.SUSPEND, queueId: 2 }),
  );
  await RawConnection.once(stage.brokerDirect, sendV2({ topic: TOPIC, queueId: 2, body: 'wakes the pull' }));
  await held;
}

function commitLogOffsetOf(record: Buffer): string {
  return record.readBigInt64BE(28).toString();
}

async function playRetry(ask: Ask, connection: RawConnection): Promise<void> {
  const retry = `%RETRY%${GROUP}`;
  const back = (request: Record<string, string | number | boolean>): RawRequest => ({
    code: 36,
    ext: {
      group: GROUP,
      originMsgId: 'ORIGIN',
      originTopic: TOPIC,
      unitMode: false,
      maxReconsumeTimes: 16,
      bname: 'broker-a',
      ...request,
    },
  });
  const all = await ask('retry-look', pull(GROUP, TOPIC, 0));
  const offset = commitLogOffsetOf(all.body);
  await ask('send-back', back({ offset, delayLevel: 1 }));
  await ask('send-back-to-dlq', back({ offset, delayLevel: -1 }));
  await ask('send-back-new-group', back({ offset, delayLevel: 1, group: 'no-such-group-at-all' }));
  await ask('send-back-nonsense', back({ offset: 123_456_789_012, delayLevel: 1 }));
  await ask(
    'send-delayed',
    sendV2({ topic: TOPIC, queueId: 3, properties: properties({ DELAY: 1, TAGS: 'TagA' }), body: 'a second late' }),
  );
  // What an ordered consumer sends at the end of its attempts: one more than allowed, so the broker diverts it. 4.x
  // lets the delay stand: the dead letter appears after it.
  await ask('send-exhausted', sendV2({
    topic: retry,
    producerGroup: 'CLIENT_INNER_PRODUCER',
    reconsumeTimes: 3,
    maxReconsumeTimes: 2,
    properties: properties({ RETRY_TOPIC: TOPIC, ORIGIN_MESSAGE_ID: 'ORIGIN', RECONSUME_TIME: 3, MAX_RECONSUME_TIMES: 2, DELAY: 1, UNIQ_KEY: 'EXHAUSTED' }),
    body: 'exhausted',
  })); // prettier-ignore
  const held = { sysFlag: PullFlag.SUBSCRIPTION | PullFlag.SUSPEND };
  await ask('pull-delayed', pull(GROUP, TOPIC, 0, { ...held, queueId: 3 }));
  await ask('pull-retry', pull(GROUP, retry, 0, held));
  await until('two dead letters', async () => {
    const reply = await connection.request(pull(GROUP, `%DLQ%${GROUP}`, 0));
    return reply.extFields['maxOffset'] === '2' ? true : undefined;
  });
  const dead = await ask('pull-dead-letters', pull(GROUP, `%DLQ%${GROUP}`, 0));
  if (!dead.body.includes('exhausted')) throw new Error('the exhausted message is no dead letter');
}

async function playTransaction(ask: Ask, connection: RawConnection): Promise<void> {
  const topic = 'CaptureTransaction';
  const sent = await ask('send-half', sendV2({
    topic,
    sysFlag: 4,
    properties: properties({ TRAN_MSG: 'true', PGROUP: 'capture-producer', UNIQ_KEY: 'HALF' }),
    body: 'half',
  })); // prettier-ignore
  const { msgId = '', queueOffset = '' } = sent.extFields;
  await ask('end-transaction', {
    code: 37,
    ext: {
      topic, producerGroup: 'capture-producer', tranStateTableOffset: queueOffset,
      commitLogOffset: BigInt(`0x${msgId.slice(-16)}`).toString(), commitOrRollback: 8, fromTransactionCheck: false,
      msgId: 'HALF', transactionId: 'HALF', bname: 'broker-a',
    },
  }); // prettier-ignore
  await until('the transaction message is visible', async () => {
    const reply = await connection.request(pull(GROUP, topic, 0));
    return reply.code === 0 ? true : undefined;
  });
  await ask('pull-transaction', pull(GROUP, topic, 0));
}

async function playErrors(ask: Ask): Promise<void> {
  await ask('unknown-request-broker', { code: 9999 });
  await ask('missing-field', { code: 11, ext: { topic: TOPIC } });
  const perm = (value: number): RawRequest => ({
    code: 17,
    ext: {
      topic: 'CaptureReadOnly', defaultTopic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: value,
      topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false,
    }, // prettier-ignore
  });
  await ask('setup-read-only', perm(4));
  // Accepted: for a send only the broker's own permission counts. Clients keep away by the route.
  await ask('send-read-only-topic', sendV2({ topic: 'CaptureReadOnly', body: 'x' }));
  await ask('setup-write-only', perm(2));
  await ask('pull-no-permission', pull(GROUP, 'CaptureReadOnly', 0));
}

/** 5.x keeps a reset at the broker until the next pull; 4.x knows only the push to connected clients. */
async function playServerSideReset(ask: Ask): Promise<void> {
  const reset = { topic: TOPIC, group: GROUP, timestamp: -1, isForce: true, queueId: 0, offset: 1 };
  const reply = await ask('reset-offset', { code: 222, ext: reset });
  if (reply.code !== 0) return;
  const own = { consumerGroup: GROUP, topic: TOPIC, queueId: 0, bname: 'broker-a' };
  await ask('offset-commit-after-reset', { code: 15, ext: { ...own, commitOffset: 5 } });
  await ask('pull-after-reset', pull(GROUP, TOPIC, 6));
}

/** Records only 5.x makes: inner batches, topic names of more than 127 bytes; and hosts of IPv6, where there are any. */
export async function playRecordForms(stage: RawStage): Promise<void> {
  const connection = await RawConnection.connect(stage.broker);
  const ask = asking(stage, connection);
  if (stage.version.startsWith('5.')) {
    await ask('setup-batch-topic', {
      code: 17,
      ext: {
        topic: 'CaptureInnerBatch', defaultTopic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: 6,
        topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, attributes: '+queue.type=BatchCQ',
      },
    }); // prettier-ignore
    const batch = miniRecords(
      ['i0', 'i1', 'i2'].map((body, index) => ({
        body,
        properties: properties({ TAGS: 'TagA', UNIQ_KEY: `INNER${index}` }),
      })),
    );
    await ask(
      'send-inner-batch',
      sendV2({
        topic: 'CaptureInnerBatch',
        batch: true,
        body: batch,
        properties: properties({ INNER_NUM: 3, UNIQ_KEY: 'INNER', WAIT: 'true' }),
      }),
    );
    await pullWhenThere(ask, connection, 'pull-inner-batch', 'CaptureInnerBatch');
    const long = `%RETRY%${LONG_GROUP}`;
    await ask('send-long-topic', sendV2({ topic: long, body: 'in a record of version 2' }));
    await pullWhenThere(ask, connection, 'pull-long-topic', long);
  }
  const v6 = await RawConnection.connect(`[::1]:${stage.brokerDirect.split(':').at(-1)}`).catch(() => undefined);
  if (v6 !== undefined) {
    await v6.request(sendV2({ topic: 'CaptureIpv6', body: 'from ::1' }));
    v6.close();
    await pullWhenThere(ask, connection, 'pull-ipv6-born-host', 'CaptureIpv6');
  }
  connection.close();
}

async function pullWhenThere(ask: Ask, connection: RawConnection, situation: string, topic: string): Promise<void> {
  await until(`${topic} has a message`, async () => {
    const reply = await connection.request(pull(GROUP, topic, 0));
    return reply.code === 0 ? true : undefined;
  });
  await ask(situation, pull(GROUP, topic, 0));
}
