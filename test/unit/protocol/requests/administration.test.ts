import { expect } from 'chai';
import { getBrokerClusterInfo } from '../../../../lib/protocol/requests/get-broker-cluster-info.js';
import { getEarliestMsgStoretime } from '../../../../lib/protocol/requests/get-earliest-msg-storetime.js';
import { getMaxOffset } from '../../../../lib/protocol/requests/get-max-offset.js';
import { getMinOffset } from '../../../../lib/protocol/requests/get-min-offset.js';
import { getRouteInfoByTopic } from '../../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { invokeBrokerToResetOffset } from '../../../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { queryMessage } from '../../../../lib/protocol/requests/query-message.js';
import { searchOffsetByTimestamp } from '../../../../lib/protocol/requests/search-offset-by-timestamp.js';
import { updateAndCreateSubscriptionGroup } from '../../../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateAndCreateTopic } from '../../../../lib/protocol/requests/update-and-create-topic.js';
import { viewMessageById } from '../../../../lib/protocol/requests/view-message-by-id.js';
import { errorOf, transmitRequest, transmitResponse } from '../wire.js';
import { itAnswers, itNeeds, itNeedsItsBody, itPassesErrorsOn, itSends } from './wire-form.js';

const queue = { topic: 'T1', queueId: 3, brokerName: 'broker-a' };
const queueExt = { topic: 'T1', queueId: '3', bname: 'broker-a' };

describe('GET_MAX_OFFSET', () => {
  itSends('', getMaxOffset, { ...queue, committed: false }, { ext: { ...queueExt, committed: 'false' } });
  itSends(
    ' with its default',
    getMaxOffset,
    queue,
    { ext: { ...queueExt, committed: 'true' } },
    { ...queue, committed: true },
  );
  itNeeds(getMaxOffset, queue, ['topic', 'queueId']);
  itAnswers('', getMaxOffset, { offset: 42 }, { ext: { offset: '42' } });
  itPassesErrorsOn(getMaxOffset);

  it('reads an old client that does not tell what counts', () => {
    const command = transmitRequest({ code: 30, extFields: { topic: 'T1', queueId: '0' } });
    expect(getMaxOffset.decode(command)).to.include({ committed: true });
  });
});

describe('GET_MIN_OFFSET', () => {
  itSends('', getMinOffset, queue, { ext: queueExt });
  itNeeds(getMinOffset, queue, ['topic', 'queueId']);
  itAnswers('', getMinOffset, { offset: 0 }, { ext: { offset: '0' } });
  itPassesErrorsOn(getMinOffset);
});

describe('SEARCH_OFFSET_BY_TIMESTAMP', () => {
  const request = { ...queue, timestamp: 1700000000000, boundaryType: 'UPPER' } as const;
  const ext = { ...queueExt, timestamp: '1700000000000' };
  itSends('', searchOffsetByTimestamp, request, { ext: { ...ext, boundaryType: 'UPPER' } });
  itSends(
    ' with its default',
    searchOffsetByTimestamp,
    { ...queue, timestamp: 1700000000000 },
    { ext: { ...ext, boundaryType: 'LOWER' } },
    { ...request, boundaryType: 'LOWER' },
  );
  itNeeds(searchOffsetByTimestamp, request, ['topic', 'queueId', 'timestamp']);
  itAnswers('', searchOffsetByTimestamp, { offset: 42 }, { ext: { offset: '42' } });
  itPassesErrorsOn(searchOffsetByTimestamp);

  it('reads a boundary in any letter case, and an old client that tells none', () => {
    const read = (boundaryType?: string): unknown =>
      searchOffsetByTimestamp.decode(transmitRequest({ code: 29, extFields: { ...ext, boundaryType } })).boundaryType;
    expect([read('upper'), read('Lower'), read()]).to.deep.equal(['UPPER', 'LOWER', 'LOWER']);
  });
});

describe('GET_EARLIEST_MSG_STORETIME', () => {
  itSends('', getEarliestMsgStoretime, queue, { ext: queueExt });
  itNeeds(getEarliestMsgStoretime, queue, ['topic', 'queueId']);
  itAnswers('', getEarliestMsgStoretime, { timestamp: -1 }, { ext: { timestamp: '-1' } });
  itPassesErrorsOn(getEarliestMsgStoretime);
});

describe('VIEW_MESSAGE_BY_ID', () => {
  itSends(
    '',
    viewMessageById,
    { offset: 123_456, topic: 'T1', brokerName: 'b' },
    {
      ext: { offset: '123456', topic: 'T1', bname: 'b' },
    },
  );
  itNeeds(viewMessageById, { offset: 1 }, ['offset']);
  const body = Buffer.from([0, 0, 0, 1, 255]);
  itAnswers('', viewMessageById, { body }, { body });
  itPassesErrorsOn(viewMessageById);
});

describe('QUERY_MESSAGE', () => {
  const request = {
    topic: 'T1',
    key: 'k',
    maxNum: 32,
    beginTimestamp: 0,
    endTimestamp: 1700000000000,
    uniqueKey: true,
    brokerName: 'b',
  };
  const ext = { topic: 'T1', key: 'k', maxNum: '32', beginTimestamp: '0', endTimestamp: '1700000000000' };
  itSends('', queryMessage, request, { ext: { ...ext, _UNIQUE_KEY_QUERY: 'true', bname: 'b' } });
  const { uniqueKey: _, brokerName: __, ...bare } = request;
  itSends(
    ' with its default',
    queryMessage,
    bare,
    { ext: { ...ext, _UNIQUE_KEY_QUERY: 'false' } },
    { ...bare, uniqueKey: false },
  );
  itNeeds(queryMessage, request, ['topic', 'key', 'maxNum', 'beginTimestamp', 'endTimestamp']);

  it('reads the greatest number of Java for "no end"', () => {
    const read = (endTimestamp: string): unknown =>
      queryMessage.decode(transmitRequest({ code: 12, extFields: { ...ext, endTimestamp } }));
    expect(read('9223372036854775807')).to.include({ endTimestamp: Number.MAX_SAFE_INTEGER, uniqueKey: false });
    expect(errorOf(() => read('soon')).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
  });

  const body = Buffer.from('messages');
  itAnswers(
    '',
    queryMessage,
    { body, indexLastUpdateTimestamp: 5, indexLastUpdatePhyoffset: 6 },
    { ext: { indexLastUpdateTimestamp: '5', indexLastUpdatePhyoffset: '6' }, body },
  );
  itAnswers(
    ' with its defaults',
    queryMessage,
    { body },
    { ext: { indexLastUpdateTimestamp: '0', indexLastUpdatePhyoffset: '0' }, body },
    { body, indexLastUpdateTimestamp: 0, indexLastUpdatePhyoffset: 0 },
  );
  itAnswers(
    ' that there is none',
    queryMessage,
    { body: Buffer.alloc(0) },
    {
      code: 22,
      remark: 'can not find message, maybe time range not correct',
    },
  );
  itPassesErrorsOn(queryMessage);
});

describe('GET_ROUTEINFO_BY_TOPIC', () => {
  itSends('', getRouteInfoByTopic, { topic: 'T1' }, { ext: { topic: 'T1' } });
  itSends(
    ' for standard JSON',
    getRouteInfoByTopic,
    { topic: 'T1', acceptStandardJsonOnly: true },
    {
      ext: { topic: 'T1', acceptStandardJsonOnly: 'true' },
    },
  );
  itNeeds(getRouteInfoByTopic, { topic: 'T1' }, ['topic']);
  const body =
    '{"brokerDatas":[{"brokerAddrs":{"0":"h:10911"},"brokerName":"broker-a","cluster":"c","enableActingMaster":true}],' +
    '"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","readQueueNums":4,"writeQueueNums":4,"perm":6,' +
    '"topicSysFlag":0}]}';
  itAnswers(
    '',
    getRouteInfoByTopic,
    {
      queueDatas: [{ brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 }],
      brokerDatas: [{ cluster: 'c', brokerName: 'broker-a', brokerAddrs: { 0: 'h:10911' }, enableActingMaster: true }],
    },
    { body },
  );
  itNeedsItsBody(
    (bytes) => getRouteInfoByTopic.decodeReply(transmitResponse({ code: 0, body: bytes })),
    Buffer.from(body),
  );
  itPassesErrorsOn(getRouteInfoByTopic);
});

describe('INVOKE_BROKER_TO_RESET_OFFSET', () => {
  const request = { topic: 't', group: 'g', timestamp: 5, isForce: true, queueId: 3, offset: 42, brokerName: 'b' };
  const ext = { topic: 't', group: 'g', timestamp: '5', isForce: 'true' };
  itSends('', invokeBrokerToResetOffset, request, { ext: { ...ext, queueId: '3', offset: '42', bname: 'b' } });
  itSends(
    ' with its defaults',
    invokeBrokerToResetOffset,
    { topic: 't', group: 'g', timestamp: 5, isForce: true },
    { ext: { ...ext, queueId: '-1' } },
    { topic: 't', group: 'g', timestamp: 5, isForce: true, queueId: -1 },
  );
  itNeeds(invokeBrokerToResetOffset, request, ['topic', 'group', 'timestamp']);

  it('reads a tool that tells neither force nor queue', () => {
    const extFields = { topic: 't', group: 'g', timestamp: '5' };
    const decoded = invokeBrokerToResetOffset.decode(transmitRequest({ code: 222, extFields }));
    expect(decoded).to.include({ isForce: false, queueId: -1, offset: undefined });
  });

  const body = '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:5}}';
  const reply = { offsets: [{ queue: { topic: 't', brokerName: 'b', queueId: 0 }, offset: 5 }] };
  itAnswers('', invokeBrokerToResetOffset, reply, { body });
  const read = (bytes: Buffer): unknown =>
    invokeBrokerToResetOffset.decodeReply(transmitResponse({ code: 0, body: bytes }));
  itNeedsItsBody(read, Buffer.from(body));
  itPassesErrorsOn(invokeBrokerToResetOffset);
});

describe('GET_BROKER_CLUSTER_INFO', () => {
  itSends('', getBrokerClusterInfo, {}, {});
  const body =
    '{"brokerAddrTable":{"b":{"brokerAddrs":{"0":"h:1","1":"h:2"},"brokerName":"b","cluster":"c",' +
    '"enableActingMaster":false}},"clusterAddrTable":{"c":["b"]}}';
  const reply = {
    brokers: { b: { cluster: 'c', brokerName: 'b', brokerAddrs: { 0: 'h:1', 1: 'h:2' }, enableActingMaster: false } },
    clusters: { c: ['b'] },
  };
  itAnswers('', getBrokerClusterInfo, reply, { body });
  const read = (bytes: Buffer): unknown => getBrokerClusterInfo.decodeReply(transmitResponse({ code: 0, body: bytes }));
  itNeedsItsBody(read, Buffer.from(body));
  itPassesErrorsOn(getBrokerClusterInfo);

  it('makes __proto__ a name like any other', () => {
    const written =
      '{"brokerAddrTable":{"__proto__":{"brokerName":"x","brokerAddrs":{}}},"clusterAddrTable":{"__proto__":["x"]}}';
    const { brokers, clusters } = read(Buffer.from(written)) as { brokers: object; clusters: object };
    expect(Object.keys(brokers)).to.deep.equal(['__proto__']);
    expect(Object.entries(clusters)).to.deep.equal([['__proto__', ['x']]]);
  });

  it('reads what the reference writes', () => {
    const written =
      '{"brokerAddrTable":{"b":{"brokerAddrs":{0:"h:1",1:"h:2"},"brokerName":"b","cluster":"c",' +
      '"enableActingMaster":false}},"clusterAddrTable":{"c":["b"]}}';
    expect(read(Buffer.from(written))).to.deep.equal(reply);
  });
});

describe('UPDATE_AND_CREATE_TOPIC', () => {
  const request = {
    topic: 'T1',
    readQueueNums: 4,
    writeQueueNums: 8,
    perm: 6,
    topicSysFlag: 1,
    order: true,
    attributes: '+message.type=FIFO',
    brokerName: 'b',
  };
  const ext = {
    topic: 'T1',
    defaultTopic: 'TBW102',
    readQueueNums: '4',
    writeQueueNums: '8',
    perm: '6',
    topicFilterType: 'SINGLE_TAG',
  };
  itSends('', updateAndCreateTopic, request, {
    ext: { ...ext, topicSysFlag: '1', order: 'true', attributes: '+message.type=FIFO', bname: 'b' },
  });
  const bare = { topic: 'T1', readQueueNums: 4, writeQueueNums: 8, perm: 6 };
  itSends(
    ' with its defaults',
    updateAndCreateTopic,
    bare,
    { ext: { ...ext, topicSysFlag: '0', order: 'false' } },
    { ...bare, topicSysFlag: 0, order: false },
  );
  itNeeds(updateAndCreateTopic, request, ['topic', 'readQueueNums', 'writeQueueNums', 'perm']);

  it('reads a tool that leaves out what it may', () => {
    const extFields = { topic: 'T1', readQueueNums: '4', writeQueueNums: '8', perm: '6' };
    expect(updateAndCreateTopic.decode(transmitRequest({ code: 17, extFields }))).to.include({
      topicSysFlag: 0,
      order: false,
    });
  });
  itAnswers('', updateAndCreateTopic, undefined, {});
  itPassesErrorsOn(updateAndCreateTopic);
});

describe('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', () => {
  const defaults = {
    groupName: 'g',
    brokerId: 0,
    consumeBroadcastEnable: true,
    consumeEnable: true,
    consumeFromMinEnable: true,
    consumeMessageOrderly: false,
    consumeTimeoutMinute: 15,
    groupSysFlag: 0,
    notifyConsumerIdsChangedEnable: true,
    retryMaxTimes: 16,
    retryQueueNums: 1,
    whichBrokerWhenConsumeSlowly: 1,
  };
  const body =
    '{"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,' +
    '"consumeMessageOrderly":false,"consumeTimeoutMinute":15,"groupName":"g","groupSysFlag":0,' +
    '"notifyConsumerIdsChangedEnable":true,"retryMaxTimes":16,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}';
  itSends(
    ' with the defaults of the reference',
    updateAndCreateSubscriptionGroup,
    { groupName: 'g' },
    { body },
    defaults,
  );
  const other = {
    groupName: 'g',
    brokerId: 2,
    consumeBroadcastEnable: false,
    consumeEnable: false,
    consumeFromMinEnable: false,
    consumeMessageOrderly: true,
    consumeTimeoutMinute: 1,
    groupSysFlag: 3,
    notifyConsumerIdsChangedEnable: false,
    retryMaxTimes: 4,
    retryQueueNums: 5,
    whichBrokerWhenConsumeSlowly: 6,
  };
  itSends('', updateAndCreateSubscriptionGroup, other, {
    body:
      '{"brokerId":2,"consumeBroadcastEnable":false,"consumeEnable":false,"consumeFromMinEnable":false,' +
      '"consumeMessageOrderly":true,"consumeTimeoutMinute":1,"groupName":"g","groupSysFlag":3,' +
      '"notifyConsumerIdsChangedEnable":false,"retryMaxTimes":4,"retryQueueNums":5,"whichBrokerWhenConsumeSlowly":6}',
  });
  const read = (bytes: Buffer): unknown =>
    updateAndCreateSubscriptionGroup.decode(transmitRequest({ code: 200, body: bytes }));
  itNeedsItsBody(read, Buffer.from(body));

  it('reads a tool that leaves out what it may', () => {
    expect(read(Buffer.from('{"groupName":"g","groupRetryPolicy":{"type":"CUSTOMIZED"}}'))).to.deep.equal(defaults);
  });
  itAnswers('', updateAndCreateSubscriptionGroup, undefined, {});
  itPassesErrorsOn(updateAndCreateSubscriptionGroup);
});
