import { decodeMessages, encodeMessage, type MessageRecord, type StoredMessage } from '../../lib/protocol/message.js';

/** A stored message as a pull would have brought it, of which only what is given matters. */
export function storedMessage(fields: Partial<MessageRecord>): StoredMessage {
  const record: MessageRecord = { ...BLANK, ...fields };
  const { messages } = decodeMessages(encodeMessage(record), { brokerName: 'broker-a', topic: record.topic });
  const message = messages[0];
  if (message === undefined) throw new Error('the record does not decode');
  return message;
}

const BLANK: MessageRecord = {
  topic: 'T',
  queueId: 0,
  queueOffset: 0,
  body: Buffer.from('body'),
  flag: 0,
  sysFlag: 0,
  bornTimestamp: 1_700_000_000_000,
  bornHost: '10.0.0.1:1234',
  storeTimestamp: 1_700_000_000_001,
  storeHost: '10.0.0.2:10911',
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  commitLogOffset: 0,
  properties: '',
};
