import { decodeMessages, type MessageRecord } from '../../../lib/protocol/message.js';
import { encodeHost } from '../../../lib/protocol/host-address.js';
import { encodeProperties } from '../../../lib/protocol/properties.js';
import { bytes, group, int, sized, type Piece } from './piece.js';

/** Stored messages, batches and properties as trees. */

const MAGIC = { 1: 0xdaa320a7 | 0, 2: 0xdaa320ab | 0 } as const;

export function isStoredMessages(body: Buffer): boolean {
  const { messages, error } = decodeMessages(body, { brokerName: '', expandBatches: false });
  return error === undefined && messages.length > 0;
}

/** The records of a pull's body, or of a body that holds one. */
export function storedMessages(body: Buffer): Piece {
  const { messages } = decodeMessages(body, { brokerName: '', expandBatches: false });
  return group(...messages.map((message) => recordTree(message.toRecord())));
}

/** @param body instead of the record's own: a tree to look into */
export function recordTree(
  record: MessageRecord,
  version: 1 | 2 = Buffer.byteLength(record.topic) > 127 ? 2 : 1,
  body: Piece = bytes(record.body),
): Piece {
  return sized(
    4,
    group(
      int(4, MAGIC[version]),
      int(4, record.bodyCrc ?? 0),
      int(4, record.queueId),
      int(4, record.flag),
      int(8, record.queueOffset),
      int(8, record.commitLogOffset),
      int(4, record.sysFlag),
      int(8, record.bornTimestamp),
      hostTree(record.bornHost),
      int(8, record.storeTimestamp),
      hostTree(record.storeHost),
      int(4, record.reconsumeTimes),
      int(8, record.preparedTransactionOffset),
      sized(4, body),
      sized(version, bytes(record.topic)),
      sized(2, propertiesTree(record.properties)),
    ),
    { plus: 4 },
  );
}

function hostTree(host: string): Piece {
  const address = encodeHost(host);
  return group(bytes(address.subarray(0, -4)), int(4, address.readInt32BE(address.length - 4)));
}

/** Names, values and separators, each a part of its own. */
export function propertiesTree(text: string): Piece {
  const segments = text.split(/(?<=\u0002)/);
  return group(
    ...segments.map((segment) => group(...(segment.match(/[\u0001\u0002]|[^\u0001\u0002]+/g) ?? []).map(bytes))),
  );
}

/** A message of a batch. */
export function miniRecordTree(flag: number, body: Buffer, properties: Readonly<Record<string, string>>): Piece {
  const text = propertiesTree(encodeProperties(properties));
  return sized(4, group(int(4, 0), int(4, 0), int(4, flag), sized(4, bytes(body)), sized(2, text)), { plus: 4 });
}
