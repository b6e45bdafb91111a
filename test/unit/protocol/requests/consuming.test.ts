import { expect } from 'chai';
import { buildSubscription } from '../../../../lib/protocol/subscription.js';
import { checkClientConfig } from '../../../../lib/protocol/requests/check-client-config.js';
import { consumerSendMsgBack } from '../../../../lib/protocol/requests/consumer-send-msg-back.js';
import { getConsumerListByGroup } from '../../../../lib/protocol/requests/get-consumer-list-by-group.js';
import { heartBeat } from '../../../../lib/protocol/requests/heart-beat.js';
import { lockBatchMq } from '../../../../lib/protocol/requests/lock-batch-mq.js';
import { decodeCommand, SerializeType, writeHead, type RequestCommand } from '../../../../lib/protocol/command.js';
import { pullMessage, PullRequests } from '../../../../lib/protocol/requests/pull-message.js';
import type { PullStatus } from '../../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../../lib/protocol/requests/query-consumer-offset.js';
import { unlockBatchMq } from '../../../../lib/protocol/requests/unlock-batch-mq.js';
import { unregisterClient } from '../../../../lib/protocol/requests/unregister-client.js';
import { updateConsumerOffset } from '../../../../lib/protocol/requests/update-consumer-offset.js';
import { RequestEncoder } from '../../../../lib/remoting/request-encoder.js';
import { errorOf, transmitRequest, transmitResponse } from '../wire.js';
import { itAnswers, itNeeds, itNeedsItsBody, itPassesErrorsOn, itSends } from './wire-form.js';

const queues = [
  { topic: 'T1', brokerName: 'broker-a', queueId: 0 },
  { topic: 'T1', brokerName: 'broker-a', queueId: 3 },
];

describe('PullRequests', () => {
  const constant = {
    consumerGroup: 'g"1\\',
    topic: 'T1',
    queueId: 2,
    maxMsgNums: 32,
    suspendTimeoutMillis: 15_000,
    subscription: 'a > "x" AND b = \u00fc',
    subVersion: 1_700_000_000_000,
    expressionType: 'SQL92',
    maxMsgBytes: 262_144,
    brokerName: 'broker-a',
  };
  const position = { queueOffset: 2 ** 40, sysFlag: 3, commitOffset: -1 };

  for (const [name, options] of [
    ['JSON', {}],
    ['the binary form', { serializeType: SerializeType.ROCKETMQ }],
    ['signed', { acl: { accessKey: 'a', secretKey: 's' } }],
    ['of a tenant', { namespaceV2: 'ns' }],
    ['of a language', { language: 'NODE_JS' }],
  ] as const) {
    it(`writes the same request as the fields do: ${name}`, () => {
      const sent = (command: RequestCommand): unknown => {
        const header = new RequestEncoder(options).encode(command, -5, false);
        const head = Buffer.alloc(8 + 3 * header.length);
        const end = writeHead(header, 0, head, 0);
        const { extFields, ...rest } = decodeCommand(head.subarray(4, end));
        return { ...rest, extFields: { ...extFields } };
      };
      expect(sent(new PullRequests(constant).encode(position))).to.deep.equal(
        sent(pullMessage.encode({ ...constant, ...position })),
      );
    });
  }
});

describe('PULL_MESSAGE', () => {
  const request = {
    consumerGroup: 'g1',
    topic: 'T1',
    queueId: 3,
    queueOffset: 42,
    maxMsgNums: 32,
    sysFlag: 3,
    commitOffset: 40,
    suspendTimeoutMillis: 15_000,
    subVersion: 1700000000000,
    expressionType: 'TAG',
    maxMsgBytes: 262_144,
    brokerName: 'broker-a',
  };
  itSends('', pullMessage, request, {
    ext: {
      consumerGroup: 'g1',
      topic: 'T1',
      queueId: '3',
      queueOffset: '42',
      maxMsgNums: '32',
      sysFlag: '3',
      commitOffset: '40',
      suspendTimeoutMillis: '15000',
      subVersion: '1700000000000',
      expressionType: 'TAG',
      maxMsgBytes: '262144',
      bname: 'broker-a',
    },
  });
  const { expressionType: _, maxMsgBytes: __, brokerName: ___, ...bare } = request;
  itSends(
    ' with a subscription of its own',
    pullMessage,
    { ...bare, subscription: 'a||b', commitOffset: -1 },
    {
      ext: {
        consumerGroup: 'g1',
        topic: 'T1',
        queueId: '3',
        queueOffset: '42',
        maxMsgNums: '32',
        sysFlag: '3',
        commitOffset: '-1',
        suspendTimeoutMillis: '15000',
        subscription: 'a||b',
        subVersion: '1700000000000',
      },
    },
  );
  itNeeds(pullMessage, request, [
    'consumerGroup', 'topic', 'queueId', 'queueOffset', 'maxMsgNums', 'sysFlag', 'commitOffset', 'suspendTimeoutMillis',
    'subVersion',
  ]); // prettier-ignore

  const offsets = { nextBeginOffset: 43, minOffset: 0, maxOffset: 50, suggestWhichBrokerId: 1 };
  const ext = { suggestWhichBrokerId: '1', nextBeginOffset: '43', minOffset: '0', maxOffset: '50' };
  const body = Buffer.from('messages');
  itAnswers(
    ' with messages',
    pullMessage,
    { status: 'FOUND', ...offsets, body, remark: 'FOUND' },
    { ext, body, remark: 'FOUND' },
  );
  const empty = Buffer.alloc(0);
  const others: [PullStatus, number, string][] = [
    ['NO_NEW_MSG', 19, 'OFFSET_OVERFLOW_ONE'],
    ['NO_MATCHED_MSG', 20, 'NO_MATCHED_MESSAGE'],
    ['OFFSET_ILLEGAL', 21, 'OFFSET_OVERFLOW_BADLY'],
  ];
  for (const [status, code, remark] of others) {
    itAnswers(
      ` ${status}`,
      pullMessage,
      { status, ...offsets, body: empty },
      { code, ext, remark },
      { status, ...offsets, body: empty, remark },
    );
  }
  itAnswers(
    ' with all there is in words of its own',
    pullMessage,
    {
      status: 'OFFSET_ILLEGAL',
      ...offsets,
      offsetDelta: 5,
      topicSysFlag: 1,
      groupSysFlag: 2,
      body: empty,
      remark: 'OFFSET_RESET',
    },
    { code: 21, ext: { ...ext, offsetDelta: '5', topicSysFlag: '1', groupSysFlag: '2' }, remark: 'OFFSET_RESET' },
  );
  itPassesErrorsOn(pullMessage);

  it('takes flow control for a refusal that passes', () => {
    const error = errorOf(() => pullMessage.decodeReply(transmitResponse({ code: 215 })));
    expect(error).to.include({ responseCode: 215, retryable: true });
  });

  it('refuses a reply that does not tell where to go on', () => {
    for (const name of Object.keys(ext)) {
      const reply = transmitResponse({ code: 19, extFields: { ...ext, [name]: undefined } });
      expect(errorOf(() => pullMessage.decodeReply(reply)).code).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
    }
  });
});

describe('QUERY_CONSUMER_OFFSET', () => {
  const request = { consumerGroup: 'g1', topic: 'T1', queueId: 3, setZeroIfNotFound: false, brokerName: 'broker-a' };
  const ext = { consumerGroup: 'g1', topic: 'T1', queueId: '3', setZeroIfNotFound: 'false', bname: 'broker-a' };
  itSends('', queryConsumerOffset, request, { ext });
  itSends(
    " with the broker's own default",
    queryConsumerOffset,
    { consumerGroup: 'g1', topic: 'T1', queueId: 3 },
    {
      ext: { consumerGroup: 'g1', topic: 'T1', queueId: '3' },
    },
  );
  itNeeds(queryConsumerOffset, request, ['consumerGroup', 'topic', 'queueId']);
  itAnswers('', queryConsumerOffset, { offset: 42 }, { ext: { offset: '42' } });
  itAnswers(
    ' that there is none',
    queryConsumerOffset,
    { offset: undefined },
    {
      code: 22,
      remark: 'Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first',
    },
  );
  itPassesErrorsOn(queryConsumerOffset);

  it('never takes a failure for "none"', () => {
    for (const code of [1, 2, 17]) {
      expect(errorOf(() => queryConsumerOffset.decodeReply(transmitResponse({ code }))).code).to.equal(
        'ERR_ROCKETMQ_BROKER',
      );
    }
    const bare = transmitResponse({ code: 0 });
    expect(errorOf(() => queryConsumerOffset.decodeReply(bare)).code).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
  });
});

describe('UPDATE_CONSUMER_OFFSET', () => {
  const request = { consumerGroup: 'g1', topic: 'T1', queueId: 3, commitOffset: 42, brokerName: 'broker-a' };
  itSends('', updateConsumerOffset, request, {
    ext: { consumerGroup: 'g1', topic: 'T1', queueId: '3', commitOffset: '42', bname: 'broker-a' },
  });
  itNeeds(updateConsumerOffset, request, ['consumerGroup', 'topic', 'queueId', 'commitOffset']);
  itAnswers('', updateConsumerOffset, { ignored: false }, {});
  itAnswers(
    ' that it was ignored',
    updateConsumerOffset,
    { ignored: true },
    { remark: 'Offset has been previously reset' },
  );
  itPassesErrorsOn(updateConsumerOffset);
});

describe('HEART_BEAT', () => {
  const request = {
    clientId: '10.0.0.1@1234#5678',
    producerGroups: ['CLIENT_INNER_PRODUCER'],
    consumers: [
      {
        groupName: 'g1',
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: 'CLUSTERING',
        consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
        unitMode: false,
        subscriptions: [
          buildSubscription('T1', 'TagA || TagB', 'TAG', 1700000000000),
          buildSubscription('%RETRY%g1', '*', 'TAG', 1700000000000),
        ],
      },
    ],
    fingerprint: 0,
    withoutSub: false,
  };
  const body =
    '{"clientID":"10.0.0.1@1234#5678","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET",' +
    '"consumeType":"CONSUME_PASSIVELY","groupName":"g1","messageModel":"CLUSTERING","subscriptionDataSet":[' +
    '{"classFilterMode":false,"codeSet":[2598919,2598920],"expressionType":"TAG","subString":"TagA || TagB",' +
    '"subVersion":1700000000000,"tagsSet":["TagA","TagB"],"topic":"T1"},{"classFilterMode":false,"codeSet":[],' +
    '"expressionType":"TAG","subString":"*","subVersion":1700000000000,"tagsSet":[],"topic":"%RETRY%g1"}],' +
    '"unitMode":false}],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"CLIENT_INNER_PRODUCER"}],' +
    '"withoutSub":false}';
  itSends('', heartBeat, request, { body });
  const { fingerprint: _, withoutSub: __, ...bare } = request;
  itSends(' with its defaults', heartBeat, bare, { body }, request);
  const read = (bytes: Buffer): unknown => heartBeat.decode(transmitRequest({ code: 34, body: bytes }));
  itNeedsItsBody(read, Buffer.from(body));

  it('reads what a smaller client leaves out', () => {
    const decoded = heartBeat.decode(
      transmitRequest({ code: 34, body: Buffer.from('{"clientID":"c","consumerDataSet":[{"groupName":"g"}]}') }),
    );
    expect(decoded).to.deep.equal({
      clientId: 'c',
      producerGroups: [],
      consumers: [
        {
          groupName: 'g',
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: 'CLUSTERING',
          consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
          unitMode: false,
          subscriptions: [],
        },
      ],
      fingerprint: 0,
      withoutSub: false,
    });
  });

  // The version is that of the sender's header, which is this package's own here.
  const reply = { version: 479, isSubChange: true, supportV2: false };
  itAnswers('', heartBeat, reply, { ext: { IS_SUPPORT_HEART_BEAT_V2: 'false', IS_SUB_CHANGE: 'true' } });

  it('reads the reply of an old broker', () => {
    const old = { ...transmitResponse({ code: 0 }), version: 407 };
    expect(heartBeat.decodeReply(old)).to.deep.equal({ version: 407, isSubChange: false, supportV2: false });
  });
  itPassesErrorsOn(heartBeat);
});

describe('UNREGISTER_CLIENT', () => {
  const request = { clientId: 'c1', consumerGroup: 'g1' };
  itSends(' of a consumer', unregisterClient, request, { ext: { clientID: 'c1', consumerGroup: 'g1' } });
  itSends(
    ' of a producer',
    unregisterClient,
    { clientId: 'c1', producerGroup: 'p1', brokerName: 'b' },
    {
      ext: { clientID: 'c1', producerGroup: 'p1', bname: 'b' },
    },
  );
  itNeeds(unregisterClient, request, ['clientID']);
  itAnswers('', unregisterClient, undefined, {});
  itPassesErrorsOn(unregisterClient);
});

describe('GET_CONSUMER_LIST_BY_GROUP', () => {
  itSends(
    '',
    getConsumerListByGroup,
    { consumerGroup: 'g1', brokerName: 'b' },
    { ext: { consumerGroup: 'g1', bname: 'b' } },
  );
  itNeeds(getConsumerListByGroup, { consumerGroup: 'g1' }, ['consumerGroup']);
  const body = '{"consumerIdList":["10.0.0.1@1#b","10.0.0.1@10"]}';
  itAnswers('', getConsumerListByGroup, { consumerIds: ['10.0.0.1@1#b', '10.0.0.1@10'] }, { body });
  itNeedsItsBody(
    (bytes) => getConsumerListByGroup.decodeReply(transmitResponse({ code: 0, body: bytes })),
    Buffer.from(body),
  );
  itPassesErrorsOn(getConsumerListByGroup);

  it('refuses ids that are no text', () => {
    const reply = transmitResponse({ code: 0, body: Buffer.from('{"consumerIdList":[1]}') });
    expect(errorOf(() => getConsumerListByGroup.decodeReply(reply)).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
  });
});

for (const [name, type] of [
  ['LOCK_BATCH_MQ', lockBatchMq],
  ['UNLOCK_BATCH_MQ', unlockBatchMq],
] as const) {
  describe(name, () => {
    const request = { consumerGroup: 'g1', clientId: 'c1', queues, onlyThisBroker: false };
    const body =
      '{"clientId":"c1","consumerGroup":"g1","mqSet":[{"brokerName":"broker-a","queueId":0,"topic":"T1"},' +
      '{"brokerName":"broker-a","queueId":3,"topic":"T1"}],"onlyThisBroker":false}';
    itSends('', type, request, { body });
    const { onlyThisBroker: _, ...bare } = request;
    itSends(' with its default', type, bare, { body }, request);
    itSends(
      ' between brokers',
      type,
      { ...request, queues: [], onlyThisBroker: true, brokerName: 'b' },
      { ext: { bname: 'b' }, body: '{"clientId":"c1","consumerGroup":"g1","mqSet":[],"onlyThisBroker":true}' },
    );
    itNeedsItsBody((bytes) => type.decode(transmitRequest({ code: type.code, body: bytes })), Buffer.from(body));
    itPassesErrorsOn(type);
  });
}

describe('LOCK_BATCH_MQ', () => {
  const body = '{"lockOKMQSet":[{"brokerName":"broker-a","queueId":3,"topic":"T1"}]}';
  itAnswers('', lockBatchMq, { lockedQueues: queues.slice(1) }, { body });
  itNeedsItsBody((bytes) => lockBatchMq.decodeReply(transmitResponse({ code: 0, body: bytes })), Buffer.from(body));
});

describe('UNLOCK_BATCH_MQ', () => {
  itAnswers('', unlockBatchMq, undefined, {});
});

describe('CHECK_CLIENT_CONFIG', () => {
  const request = { clientId: 'c', group: 'g', subscription: buildSubscription('t', 'a > 5', 'SQL92', 1) };
  const subscription =
    '{"classFilterMode":false,"codeSet":[],"expressionType":"SQL92","subString":"a > 5","subVersion":1,"tagsSet":[],' +
    '"topic":"t"}';
  const body = `{"clientId":"c","group":"g","subscriptionData":${subscription}}`;
  itSends('', checkClientConfig, request, { body });
  itSends(
    ' with a namespace',
    checkClientConfig,
    { ...request, namespace: 'ns' },
    { body: `{"clientId":"c","group":"g","namespace":"ns","subscriptionData":${subscription}}` },
  );
  itNeedsItsBody((bytes) => checkClientConfig.decode(transmitRequest({ code: 46, body: bytes })), Buffer.from(body));
  itAnswers('', checkClientConfig, undefined, {});
  itPassesErrorsOn(checkClientConfig);
});

describe('CONSUMER_SEND_MSG_BACK', () => {
  const request = {
    offset: 123_456,
    group: 'g1',
    delayLevel: 3,
    originMsgId: 'id',
    originTopic: 'T1',
    unitMode: false,
    maxReconsumeTimes: 16,
    brokerName: 'broker-a',
  };
  itSends('', consumerSendMsgBack, request, {
    ext: {
      offset: '123456',
      group: 'g1',
      delayLevel: '3',
      originMsgId: 'id',
      originTopic: 'T1',
      unitMode: 'false',
      maxReconsumeTimes: '16',
      bname: 'broker-a',
    },
  });
  itSends(
    ' with the least there may be',
    consumerSendMsgBack,
    { offset: 1, group: 'g1', delayLevel: -1 },
    { ext: { offset: '1', group: 'g1', delayLevel: '-1', unitMode: 'false' } },
    { offset: 1, group: 'g1', delayLevel: -1, unitMode: false },
  );
  it('reads a client that tells no unit mode', () => {
    const command = transmitRequest({ code: 36, extFields: { offset: '1', group: 'g', delayLevel: '0' } });
    expect(consumerSendMsgBack.decode(command)).to.include({ unitMode: false });
  });
  itNeeds(consumerSendMsgBack, request, ['offset', 'group', 'delayLevel']);
  itAnswers('', consumerSendMsgBack, undefined, {});
  itPassesErrorsOn(consumerSendMsgBack);
});
