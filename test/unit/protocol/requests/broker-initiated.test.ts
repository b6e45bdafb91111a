import { expect } from 'chai';
import { buildSubscription } from '../../../../lib/protocol/subscription.js';
import { consumeMessageDirectly } from '../../../../lib/protocol/requests/consume-message-directly.js';
import type { ConsumeResult } from '../../../../lib/protocol/requests/consume-message-directly.js';
import { getConsumerRunningInfo } from '../../../../lib/protocol/requests/get-consumer-running-info.js';
import { getConsumerStatusFromClient } from '../../../../lib/protocol/requests/get-consumer-status-from-client.js';
import { notifyConsumerIdsChanged } from '../../../../lib/protocol/requests/notify-consumer-ids-changed.js';
import { resetConsumerClientOffset } from '../../../../lib/protocol/requests/reset-consumer-client-offset.js';
import { errorOf, transmitRequest, transmitResponse } from '../wire.js';
import { itAnswers, itNeeds, itNeedsItsBody, itPassesErrorsOn, itSends } from './wire-form.js';

const offsets = [
  { queue: { topic: 't', brokerName: 'b', queueId: 0 }, offset: 5 },
  { queue: { topic: 't', brokerName: 'b', queueId: 1 }, offset: -1 },
];
/** As the reference writes it. */
const objectKeys = '{{"brokerName":"b","queueId":0,"topic":"t"}:5,{"brokerName":"b","queueId":1,"topic":"t"}:-1}';
const stringKeys =
  '{"{\\"brokerName\\":\\"b\\",\\"queueId\\":0,\\"topic\\":\\"t\\"}":5,' +
  '"{\\"brokerName\\":\\"b\\",\\"queueId\\":1,\\"topic\\":\\"t\\"}":-1}';
const list =
  '[{"brokerName":"b","queueId":0,"topic":"t","offset":5},{"brokerName":"b","queueId":1,"topic":"t","offset":-1}]';

describe('NOTIFY_CONSUMER_IDS_CHANGED', () => {
  itSends('', notifyConsumerIdsChanged, { consumerGroup: 'g1' }, { ext: { consumerGroup: 'g1' } });
  itNeeds(notifyConsumerIdsChanged, { consumerGroup: 'g1' }, ['consumerGroup']);
  itAnswers('', notifyConsumerIdsChanged, undefined, {});
});

describe('RESET_CONSUMER_CLIENT_OFFSET', () => {
  const request = { topic: 't', group: 'g', timestamp: 1700000000000, isForce: true, queueId: -1, offsets };
  const ext = { topic: 't', group: 'g', timestamp: '1700000000000', isForce: 'true', queueId: '-1' };
  itSends('', resetConsumerClientOffset, request, { ext, body: `{"offsetTable":${objectKeys}}` });
  itSends(
    ' in standard JSON',
    resetConsumerClientOffset,
    { ...request, form: 'string-keys' },
    { ext, body: `{"offsetTable":${stringKeys}}` },
    request,
  );
  itSends(
    ' as a list, as for C++ clients',
    resetConsumerClientOffset,
    { ...request, form: 'list' },
    { ext, body: `{"offsetTable":${list}}` },
    request,
  );
  itSends(
    ' with its default',
    resetConsumerClientOffset,
    { topic: 't', group: 'g', timestamp: 1, isForce: false, offsets: [] },
    { ext: { ...ext, timestamp: '1', isForce: 'false' }, body: '{"offsetTable":{}}' },
    { topic: 't', group: 'g', timestamp: 1, isForce: false, offsets: [], queueId: -1 },
  );
  itNeeds(resetConsumerClientOffset, request, ['topic', 'group', 'timestamp']);

  const decode = (body: string | Buffer, extFields: Record<string, string> = ext): unknown =>
    resetConsumerClientOffset.decode(transmitRequest({ code: 220, extFields, body: Buffer.from(body) }));
  itNeedsItsBody(decode, Buffer.from(`{"offsetTable":${objectKeys}}`));

  it('reads an old broker that tells neither force nor queue', () => {
    const decoded = decode('{"offsetTable":{}}', { topic: 't', group: 'g', timestamp: '1' });
    expect(decoded).to.include({ isForce: false, queueId: -1 });
  });

  const broken = {
    'no table': '{}',
    'a table of null': '{"offsetTable":null}',
    'a key that is no queue': '{"offsetTable":{"x":1}}',
    'a key without a topic': '{"offsetTable":{{"brokerName":"b","queueId":0}:1}}',
    'an offset that is text': '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:"1"}}',
    'an offset past 2^53 - 1': '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:9007199254740993}}',
    'a list entry without an offset': '{"offsetTable":[{"brokerName":"b","queueId":0,"topic":"t"}]}',
  };
  for (const [name, body] of Object.entries(broken)) {
    it(`refuses a body with ${name}`, () => {
      expect(errorOf(() => decode(body)).name).to.equal('ProtocolError');
    });
  }
});

describe('GET_CONSUMER_STATUS_FROM_CLIENT', () => {
  itSends(
    '',
    getConsumerStatusFromClient,
    { topic: 't', group: 'g', clientAddr: 'h:1' },
    {
      ext: { topic: 't', group: 'g', clientAddr: 'h:1' },
    },
  );
  itNeeds(getConsumerStatusFromClient, { topic: 't', group: 'g' }, ['topic', 'group']);
  const body = `{"consumerTable":{},"messageQueueTable":${objectKeys}}`;
  itAnswers('', getConsumerStatusFromClient, { offsets }, { body });
  const read = (bytes: Buffer): unknown =>
    getConsumerStatusFromClient.decodeReply(transmitResponse({ code: 0, body: bytes }));
  itNeedsItsBody(read, Buffer.from(body));
  itPassesErrorsOn(getConsumerStatusFromClient);

  it('reads a client that writes standard JSON', () => {
    expect(read(Buffer.from(`{"messageQueueTable":${stringKeys}}`))).to.deep.equal({ offsets });
  });
});

describe('GET_CONSUMER_RUNNING_INFO', () => {
  itSends(
    '',
    getConsumerRunningInfo,
    { consumerGroup: 'g', clientId: 'c', jstackEnable: true },
    {
      ext: { consumerGroup: 'g', clientId: 'c', jstackEnable: 'true' },
    },
  );
  itSends(
    ' with its default',
    getConsumerRunningInfo,
    { consumerGroup: 'g', clientId: 'c' },
    { ext: { consumerGroup: 'g', clientId: 'c', jstackEnable: 'false' } },
    { consumerGroup: 'g', clientId: 'c', jstackEnable: false },
  );
  itNeeds(getConsumerRunningInfo, { consumerGroup: 'g', clientId: 'c' }, ['consumerGroup', 'clientId']);

  it('reads a tool that asks for no stack', () => {
    const command = transmitRequest({ code: 307, extFields: { consumerGroup: 'g', clientId: 'c' } });
    expect(getConsumerRunningInfo.decode(command)).to.include({ jstackEnable: false });
  });

  const info = {
    commitOffset: 7,
    cachedMsgMinOffset: 8,
    cachedMsgMaxOffset: 9,
    cachedMsgCount: 2,
    cachedMsgSizeInMiB: 0,
    transactionMsgMinOffset: 0,
    transactionMsgMaxOffset: 0,
    transactionMsgCount: 0,
    locked: true,
    tryUnlockTimes: 0,
    lastLockTimestamp: 1700000000000,
    droped: false,
    lastPullTimestamp: 1700000000001,
    lastConsumeTimestamp: 1700000000002,
  };
  const status = {
    pullRT: 1.5,
    pullTPS: 2,
    consumeRT: 0.1,
    consumeOKTPS: 1e-7,
    consumeFailedTPS: 0,
    consumeFailedMsgs: 3,
  };
  const subscription = buildSubscription('t', 'A||B', 'TAG', 1);
  const subscriptionText =
    '{"classFilterMode":false,"codeSet":[65,66],"expressionType":"TAG","subString":"A||B","subVersion":1,' +
    '"tagsSet":["A","B"],"topic":"t"}';
  const reply = {
    properties: { PROP_CONSUMEORDERLY: 'true' },
    subscriptions: [subscription],
    queues: [{ queue: { topic: 't', brokerName: 'b', queueId: 0 }, info }],
    statusByTopic: { t: status },
    userConsumerInfo: { a: 'b' },
    jstack: 'x',
  };
  itAnswers('', getConsumerRunningInfo, reply, {
    body:
      `{"mqTable":{{"brokerName":"b","queueId":0,"topic":"t"}:${JSON.stringify(info)}},"mqPopTable":{},` +
      `"properties":{"PROP_CONSUMEORDERLY":"true"},"statusTable":{"t":${JSON.stringify(status)}},` +
      `"subscriptionSet":[${subscriptionText}],"userConsumerInfo":{"a":"b"},"jstack":"x"}`,
  });
  itAnswers(
    ' of a consumer that has nothing yet',
    getConsumerRunningInfo,
    { properties: {}, subscriptions: [], queues: [], statusByTopic: {} },
    {
      body: '{"mqTable":{},"mqPopTable":{},"properties":{},"statusTable":{},"subscriptionSet":[],"userConsumerInfo":{}}',
    },
    { properties: {}, subscriptions: [], queues: [], statusByTopic: {}, userConsumerInfo: {} },
  );

  const read = (body: string): unknown =>
    getConsumerRunningInfo.decodeReply(transmitResponse({ code: 0, body: Buffer.from(body) }));

  it('reads what the reference writes', () => {
    const decoded = read(
      '{"jstack":"x","mqPopTable":{},"mqTable":{{"brokerName":"b","queueId":0,"topic":"t"}:{"cachedMsgCount":0,' +
        '"cachedMsgMaxOffset":0,"cachedMsgMinOffset":0,"cachedMsgSizeInMiB":0,"commitOffset":7,"droped":false,' +
        '"lastConsumeTimestamp":0,"lastLockTimestamp":0,"lastPullTimestamp":0,"locked":true,"transactionMsgCount":0,' +
        '"transactionMsgMaxOffset":0,"transactionMsgMinOffset":0,"tryUnlockTimes":0}},' +
        '"properties":{"PROP_CONSUMEORDERLY":"true"},"statusTable":{"t":{"consumeFailedMsgs":0,"consumeFailedTPS":0.0,' +
        '"consumeOKTPS":1.0E-7,"consumeRT":0.0,"pullRT":1.5,"pullTPS":0.0}},"subscriptionSet":[{"classFilterMode":false,' +
        '"codeSet":[],"expressionType":"TAG","subString":"A||B","subVersion":1,"tagsSet":["A"],"topic":"t"}],' +
        '"userConsumerInfo":{}}',
    );
    expect(decoded).to.have.nested.property('queues[0].info.commitOffset', 7);
    expect(decoded).to.have.nested.property('queues[0].info.locked', true);
    expect(decoded).to.have.nested.property('statusByTopic.t.consumeOKTPS', 1e-7);
    expect(decoded).to.have.nested.property('subscriptions[0].tagsSet[0]', 'A');
    expect(decoded).to.have.property('jstack', 'x');
  });

  it('reads what an older client leaves out, but not a queue without an offset', () => {
    const key = '{"brokerName":"b","queueId":0,"topic":"t"}';
    expect(read(`{"mqTable":{${key}:{"commitOffset":7}}}`)).to.have.nested.property('queues[0].info.locked', false);
    expect(errorOf(() => read(`{"mqTable":{${key}:{}}}`)).code).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
  });
  itPassesErrorsOn(getConsumerRunningInfo);
});

describe('CONSUME_MESSAGE_DIRECTLY', () => {
  const body = Buffer.from([1, 2, 3]);
  const request = {
    consumerGroup: 'g',
    clientId: 'c',
    msgId: 'id',
    brokerName: 'b',
    topic: 't',
    topicSysFlag: 0,
    groupSysFlag: 1,
    body,
  };
  itSends('', consumeMessageDirectly, request, {
    ext: {
      consumerGroup: 'g',
      clientId: 'c',
      msgId: 'id',
      brokerName: 'b',
      topic: 't',
      topicSysFlag: '0',
      groupSysFlag: '1',
    },
    body,
  });
  itSends(
    ' with the least there may be',
    consumeMessageDirectly,
    { consumerGroup: 'g', body },
    {
      ext: { consumerGroup: 'g' },
      body,
    },
  );
  itNeeds(consumeMessageDirectly, request, ['consumerGroup']);

  const results: ConsumeResult[] = [
    'CR_SUCCESS', 'CR_LATER', 'CR_ROLLBACK', 'CR_COMMIT', 'CR_THROW_EXCEPTION', 'CR_RETURN_NULL',
  ]; // prettier-ignore
  for (const consumeResult of results) {
    itAnswers(
      ` ${consumeResult}`,
      consumeMessageDirectly,
      { order: true, autoCommit: false, consumeResult, remark: 'r', spentTimeMills: 3 },
      { body: `{"autoCommit":false,"consumeResult":"${consumeResult}","order":true,"remark":"r","spentTimeMills":3}` },
    );
  }
  const read = (text: string | Buffer): unknown =>
    consumeMessageDirectly.decodeReply(transmitResponse({ code: 0, body: Buffer.from(text) }));
  itNeedsItsBody(read, Buffer.from('{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":true,"spentTimeMills":0}'));

  it('reads what a client leaves out, but no result it does not know', () => {
    expect(read('{"consumeResult":"CR_SUCCESS"}')).to.include({ order: false, autoCommit: true, spentTimeMills: 0 });
    expect(errorOf(() => read('{"consumeResult":"CR_MAYBE"}')).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
  });
  itPassesErrorsOn(consumeMessageDirectly);
});
