import type { RemotingCommand } from '../../lib/protocol/command.js';
import { arrayField, asObject, integerField, parseJsonObject, textField } from '../../lib/protocol/json-fields.js';
import { requireInteger, requireText } from '../../lib/protocol/requests/request-type.js';
import { parseReceiptHandle, realTopic } from './receipt-handle.js';

/**
 * ACK_MESSAGE (200051) and BATCH_ACK_MESSAGE (200151), consumer -> master: these messages are done.
 *
 *     request  200051  ext consumerGroup topic queueId extraInfo offset bname?
 *              200151  body {"brokerName","acks":[{"c" group,"t" topic,"r" kind,"so" start offset,"q" queueId,
 *                            "rq" reviveQueueId,"pt" popTime,"it" invisibleTime,"b" bits}]}
 *                      bits: a Java BitSet as base64 or as an array of bytes; bit n is the message at start offset + n
 *     reply    0 | 13 no such queue | 17 no such topic | 208 nothing to acknowledge
 */
export interface AckRequest {
  readonly consumerGroup: string;
  /** Where the message is stored: maybe a retry topic. */
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQueueId: number;
}

export function decodeAckMessage({ extFields }: RemotingCommand): AckRequest {
  return {
    consumerGroup: requireText(extFields, 'consumerGroup'),
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    offset: requireInteger(extFields, 'offset'),
    ...parseReceiptHandle(requireText(extFields, 'extraInfo')),
  };
}

/** One request for each message that is acknowledged. @throws ProtocolError when the body can't be read */
export function decodeBatchAckMessage({ body }: RemotingCommand): AckRequest[] {
  if (body.length === 0) return [];
  return arrayField(parseJsonObject(body), 'acks').flatMap((item) => {
    const ack = asObject(item, 'acks');
    const consumerGroup = textField(ack, 'c');
    const start = integerField(ack, 'so');
    const request = {
      consumerGroup,
      topic: realTopic(textField(ack, 't'), consumerGroup, textField(ack, 'r')),
      queueId: integerField(ack, 'q'),
      popTime: integerField(ack, 'pt'),
      invisibleTime: integerField(ack, 'it'),
      reviveQueueId: integerField(ack, 'rq'),
    };
    return setBits(ack['b']).map((bit) => ({ ...request, offset: start + bit }));
  });
}

function setBits(value: unknown): number[] {
  const bytes =
    typeof value === 'string' ? Buffer.from(value, 'base64') : Array.isArray(value) ? value.map(Number) : [];
  const bits: number[] = [];
  for (const [at, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) bits.push(at * 8 + bit);
  }
  return bits;
}
