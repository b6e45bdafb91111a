import { ProtocolError } from '../../errors.js';
import { arrayField, asMessageQueue, asObject, asSafeInteger, integerField, messageQueueJson } from '../json-fields.js';
import { messageQueueMapField, messageQueueMapJson, stringifyMessageQueueMap } from '../json-fields.js';
import type { JsonObject } from '../json-fields.js';
import type { MessageQueue } from '../message-queue.js';

/**
 * Offsets by message queue, in the three forms that occur:
 *
 *     object keys  {{"brokerName":"b","queueId":0,"topic":"t"}:5}        what the reference writes
 *     string keys  {"{\"brokerName\":\"b\",...}":5}                      standard JSON, which the reference read before 5.5
 *     list         [{"brokerName":"b","offset":5,"queueId":0,"topic":"t"}]   what brokers send to C++ clients
 */
export interface QueueOffset {
  readonly queue: MessageQueue;
  readonly offset: number;
}

export type OffsetTableForm = 'object-keys' | 'string-keys' | 'list';

/** Reads any of the three forms. @throws ProtocolError when it is none */
export function parseOffsetTable(object: JsonObject, name: string): QueueOffset[] {
  const table = object[name];
  if (table === undefined || table === null) {
    throw new ProtocolError('ERR_ROCKETMQ_FIELD_MISSING', `the body field ${name} is missing`, { field: name });
  }
  if (Array.isArray(table)) {
    return arrayField(object, name).map((entry) => {
      return { queue: asMessageQueue(entry), offset: integerField(asObject(entry, name), 'offset') };
    });
  }
  return messageQueueMapField(object, name, asSafeInteger).map(({ queue, value }) => ({ queue, offset: value }));
}

/** The table as JSON text. */
export function stringifyOffsetTable(offsets: readonly QueueOffset[], form: OffsetTableForm = 'object-keys'): string {
  switch (form) {
    case 'object-keys':
      return stringifyMessageQueueMap(offsets.map(({ queue, offset }) => [queue, offset]));
    case 'string-keys':
      return JSON.stringify(messageQueueMapJson(offsets.map(({ queue, offset }) => [queue, offset])));
    case 'list':
      return JSON.stringify(offsets.map(({ queue, offset }) => ({ ...messageQueueJson(queue), offset })));
  }
}
