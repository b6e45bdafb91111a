import { expect } from 'chai';
import { checkTransactionState } from '../../../../lib/protocol/requests/check-transaction-state.js';
import { endTransaction } from '../../../../lib/protocol/requests/end-transaction.js';
import type { TransactionState } from '../../../../lib/protocol/requests/end-transaction.js';
import { sendBatchMessage } from '../../../../lib/protocol/requests/send-batch-message.js';
import { sendMessage } from '../../../../lib/protocol/requests/send-message.js';
import type { SendStatus } from '../../../../lib/protocol/requests/send-message.js';
import { sendMessageV2 } from '../../../../lib/protocol/requests/send-message-v2.js';
import { errorOf, transmitRequest, transmitResponse } from '../wire.js';
import { itAnswers, itNeeds, itPassesErrorsOn, itSends } from './wire-form.js';

const body = Buffer.from([0xff, 0x00, 0x01]);
const request = {
  producerGroup: 'pg',
  topic: 'T1',
  defaultTopic: 'TBW102',
  defaultTopicQueueNums: 4,
  queueId: 0,
  sysFlag: 0,
  bornTimestamp: 1700000000000,
  flag: 0,
  properties: 'KEYS\u0001k\u0002',
  reconsumeTimes: 0,
  unitMode: false,
  batch: false,
  brokerName: 'broker-a',
  body,
};
const shortNames = {
  a: 'pg',
  b: 'T1',
  c: 'TBW102',
  d: '4',
  e: '0',
  f: '0',
  g: '1700000000000',
  h: '0',
  i: 'KEYS\u0001k\u0002',
  j: '0',
  k: 'false',
  m: 'false',
  n: 'broker-a',
};
const longNames = {
  producerGroup: 'pg',
  topic: 'T1',
  defaultTopic: 'TBW102',
  defaultTopicQueueNums: '4',
  queueId: '0',
  sysFlag: '0',
  bornTimestamp: '1700000000000',
  flag: '0',
  properties: 'KEYS\u0001k\u0002',
  reconsumeTimes: '0',
  unitMode: 'false',
  batch: 'false',
  bname: 'broker-a',
};

describe('SEND_MESSAGE', () => {
  itSends('', sendMessage, request, { ext: longNames, body });
  itSends(
    ' of a message that is sent back',
    sendMessage,
    { ...request, reconsumeTimes: 3, maxReconsumeTimes: 2 },
    {
      ext: { ...longNames, reconsumeTimes: '3', maxReconsumeTimes: '2' },
      body,
    },
  );
  itNeeds(sendMessage, request, [
    'producerGroup', 'topic', 'defaultTopic', 'defaultTopicQueueNums', 'queueId', 'sysFlag', 'bornTimestamp', 'flag',
  ]); // prettier-ignore

  it('reads what an old client leaves out', () => {
    const { properties: _, reconsumeTimes: __, unitMode: ___, batch: ____, ...least } = longNames;
    expect(sendMessage.decode(transmitRequest({ code: 10, extFields: least }))).to.include({
      properties: '',
      reconsumeTimes: 0,
      unitMode: false,
      batch: false,
      maxReconsumeTimes: undefined,
    });
  });
});

describe('SEND_MESSAGE_V2', () => {
  itSends('', sendMessageV2, request, { ext: shortNames, body });
  itSends(
    ' of a message that is sent back',
    sendMessageV2,
    { ...request, reconsumeTimes: 3, maxReconsumeTimes: 2, unitMode: true },
    { ext: { ...shortNames, j: '3', k: 'true', l: '2' }, body },
  );
  itNeeds(sendMessageV2, request, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);

  it('reads what an old client leaves out', () => {
    const { i: _, j: __, k: ___, m: ____, n: _____, ...least } = shortNames;
    expect(sendMessageV2.decode(transmitRequest({ code: 310, extFields: least }))).to.include({
      properties: '',
      reconsumeTimes: 0,
      unitMode: false,
      batch: false,
      brokerName: undefined,
    });
  });
});

describe('SEND_BATCH_MESSAGE', () => {
  itSends('', sendBatchMessage, { ...request, batch: true }, { ext: { ...shortNames, m: 'true' }, body });
  itNeeds(sendBatchMessage, request, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
});

for (const type of [sendMessage, sendMessageV2, sendBatchMessage]) {
  describe(`the answer to request ${type.code}`, () => {
    const statuses: [SendStatus, number][] = [
      ['SEND_OK', 0],
      ['FLUSH_DISK_TIMEOUT', 10],
      ['SLAVE_NOT_AVAILABLE', 11],
      ['FLUSH_SLAVE_TIMEOUT', 12],
    ];
    for (const [status, code] of statuses) {
      itAnswers(
        ` ${status}`,
        type,
        { status, offsetMsgId: '0A00', queueId: 3, queueOffset: 42, regionId: 'DefaultRegion', traceOn: true },
        {
          code,
          ext: { msgId: '0A00', queueId: '3', queueOffset: '42', MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' },
        },
      );
    }
    itAnswers(
      ' of a transaction and a batch',
      type,
      {
        status: 'SEND_OK',
        offsetMsgId: '0A00,0A01',
        queueId: 3,
        queueOffset: 42,
        transactionId: 'tx',
        batchUniqId: 'bu',
        recallHandle: 'rh',
      },
      {
        ext: {
          msgId: '0A00,0A01',
          queueId: '3',
          queueOffset: '42',
          transactionId: 'tx',
          batchUniqId: 'bu',
          recallHandle: 'rh',
        },
      },
    );
    itPassesErrorsOn(type);

    it('is refused without the place of the message', () => {
      for (const ext of [{}, { msgId: 'a' }, { msgId: 'a', queueId: '1' }]) {
        const error = errorOf(() => type.decodeReply(transmitResponse({ code: 0, extFields: ext })));
        expect(error.code).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
      }
    });
  });
}

describe('END_TRANSACTION', () => {
  const end = {
    topic: 'T1',
    producerGroup: 'pg',
    tranStateTableOffset: 7,
    commitLogOffset: 123_456,
    fromTransactionCheck: true,
    msgId: 'id',
    transactionId: 'tx',
    brokerName: 'broker-a',
  };
  const states: [TransactionState, string][] = [
    ['COMMIT', '8'],
    ['ROLLBACK', '12'],
    ['UNKNOWN', '0'],
  ];
  for (const [state, commitOrRollback] of states) {
    itSends(
      ` ${state}`,
      endTransaction,
      { ...end, state },
      {
        ext: {
          topic: 'T1',
          producerGroup: 'pg',
          tranStateTableOffset: '7',
          commitLogOffset: '123456',
          commitOrRollback,
          fromTransactionCheck: 'true',
          msgId: 'id',
          transactionId: 'tx',
          bname: 'broker-a',
        },
      },
    );
  }
  itNeeds(endTransaction, { ...end, state: 'COMMIT' }, [
    'producerGroup', 'tranStateTableOffset', 'commitLogOffset', 'commitOrRollback', 'msgId',
  ]); // prettier-ignore

  it('fills in and checks what a client may do differently', () => {
    const extFields = { producerGroup: 'pg', tranStateTableOffset: '7', commitLogOffset: '1', msgId: 'id' };
    const decode = (commitOrRollback: string): unknown =>
      endTransaction.decode(transmitRequest({ code: 37, extFields: { ...extFields, commitOrRollback } }));
    expect(decode('8')).to.include({ fromTransactionCheck: false, topic: undefined });
    expect(errorOf(() => decode('4')).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
    const { fromTransactionCheck: _, ...bare } = end;
    expect(endTransaction.encode({ ...bare, state: 'COMMIT' }).extFields).to.include({ fromTransactionCheck: 'false' });
  });

  itAnswers('', endTransaction, undefined, {});
});

describe('CHECK_TRANSACTION_STATE', () => {
  const check = {
    topic: 'T1',
    tranStateTableOffset: 7,
    commitLogOffset: 123_456,
    msgId: 'id',
    transactionId: 'tx',
    offsetMsgId: '0A00',
    brokerName: 'broker-a',
    body,
  };
  itSends('', checkTransactionState, check, {
    ext: {
      topic: 'T1',
      tranStateTableOffset: '7',
      commitLogOffset: '123456',
      msgId: 'id',
      transactionId: 'tx',
      offsetMsgId: '0A00',
      bname: 'broker-a',
    },
    body,
  });
  itNeeds(checkTransactionState, check, ['tranStateTableOffset', 'commitLogOffset']);
  itAnswers('', checkTransactionState, undefined, {});
});
