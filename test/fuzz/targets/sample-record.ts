import type { MessageRecord } from '../../../lib/protocol/message.js';

/** A stored message with something in every part. */
export const SAMPLE_RECORD: MessageRecord = {
  topic: 'Orders',
  queueId: 3,
  queueOffset: 42,
  commitLogOffset: 123_456,
  flag: 9,
  sysFlag: 0,
  bornTimestamp: 1_700_000_000_000,
  bornHost: '10.0.0.1:1234',
  storeTimestamp: 1_700_000_000_001,
  storeHost: '10.0.0.2:10911',
  reconsumeTimes: 1,
  preparedTransactionOffset: 7,
  body: Buffer.from('hello hello hello hello'),
  properties:
    'KEYS\u0001k1 k2\u0002UNIQ_KEY\u00010A00000104D218B4AAC20000000000\u0002TAGS\u0001a\u0002__SHARDINGKEY\u0001o-1\u0002',
};

/** The same from and to hosts with IPv6 addresses. */
export const SAMPLE_V6_RECORD: MessageRecord = {
  ...SAMPLE_RECORD,
  sysFlag: 0x30,
  bornHost: '[2001:db8::1]:1234',
  storeHost: '[fe80::a:0:0:1]:10911',
};
