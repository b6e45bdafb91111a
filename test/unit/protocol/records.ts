import fc from 'fast-check';
import type { MessageRecord } from '../../../lib/protocol/message.js';
import { messageBodyCrc } from '../../../lib/protocol/message.js';
import { CompressionType, MessageSysFlag } from '../../../lib/protocol/sys-flag.js';
import { anyBuffer, anyInt32, anyOffset, anyText } from './wire.js';

/** Stored messages for the tests of this folder. */

/** A record written by the reference: the bytes, and what they mean. */
export const GOLDEN_RECORD: MessageRecord = {
  topic: 'T1',
  queueId: 1,
  queueOffset: 42,
  commitLogOffset: 123456,
  flag: 0,
  sysFlag: 0,
  bornTimestamp: 1700000000000,
  bornHost: '10.0.0.1:1234',
  storeTimestamp: 1700000000001,
  storeHost: '10.0.0.2:10911',
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  body: Buffer.from('hello'),
  bodyCrc: 907060870,
  properties: 'KEYS\u0001k1\u0002UNIQ_KEY\u00010A00000104D218B4AAC20000000000\u0002TAGS\u0001TagA\u0002',
};

export const GOLDEN_BYTES = Buffer.from(
  '0000009cdaa320a73610a6860000000100000000000000000000002a000000000001e240000000000000018bcfe568000a00' +
    '0001000004d20000018bcfe568010a00000200002a9f0000000000000000000000000000000568656c6c6f025431003a4b45' +
    '5953016b3102554e49515f4b4559013041303030303031303444323138423441414332303030303030303030300254414753' +
    '015461674102',
  'hex',
);

/** The same with IPv6 hosts, a flag, reconsume times and a prepared transaction offset. */
export const GOLDEN_V6_BYTES = Buffer.from(
  '00000081daa320a7000000000000000100000009000000000000002a000000000001e240000000300000018bcfe5680020010db8000000000000' +
    '000000000001000004d20000018bcfe56801fe80000000000000000a00000000000100002a9f00000002000000000000004d0000000568656c6c' +
    '6f025431000754414753016102',
  'hex',
);

export const GOLDEN_V6_RECORD: MessageRecord = {
  ...GOLDEN_RECORD,
  sysFlag: MessageSysFlag.BORNHOST_V6 | MessageSysFlag.STOREHOST_V6,
  flag: 9,
  reconsumeTimes: 2,
  preparedTransactionOffset: 77,
  bornHost: '[2001:db8::1]:1234',
  storeHost: '[fe80::a:0:0:1]:10911',
  bodyCrc: 0,
  properties: 'TAGS\u0001a\u0002',
};

const anyHost = (): fc.Arbitrary<{ host: string; isV6: boolean }> =>
  fc
    .tuple(fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::1', '::', 'fe80::a:0:0:1')), fc.nat({ max: 65_535 }))
    .map(([ip, port]) => ({
      isV6: ip.includes(':'),
      host: ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`,
    }));

/** A record whose body is not compressed, whatever its bytes; its sysFlag tells of IPv6 exactly where there is some. */
export const anyRecord = (): fc.Arbitrary<MessageRecord> =>
  fc
    .record({
      topic: anyText({ minLength: 1, maxLength: 20 }),
      queueId: fc.nat({ max: 1_000 }),
      queueOffset: anyOffset(),
      commitLogOffset: anyOffset(),
      flag: anyInt32(),
      transaction: fc.constantFrom(0, MessageSysFlag.TRANSACTION_PREPARED, MessageSysFlag.TRANSACTION_ROLLBACK),
      bornTimestamp: anyOffset(),
      born: anyHost(),
      storeTimestamp: anyOffset(),
      store: anyHost(),
      reconsumeTimes: fc.nat(),
      preparedTransactionOffset: anyOffset(),
      body: anyBuffer(),
      properties: anyText(),
    })
    .map(({ transaction, born, store, ...rest }) => ({
      ...rest,
      bornHost: born.host,
      storeHost: store.host,
      sysFlag:
        transaction |
        (born.isV6 ? MessageSysFlag.BORNHOST_V6 : 0) |
        (store.isV6 ? MessageSysFlag.STOREHOST_V6 : 0) |
        (CompressionType.ZSTD << 8),
      bodyCrc: messageBodyCrc(rest.body),
    }));
