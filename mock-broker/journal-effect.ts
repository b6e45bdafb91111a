import { RequestCode, ResponseCode, responseCodeName } from '../lib/protocol/codes.js';
import type { ExtFields, ResponseCommand } from '../lib/protocol/command.js';
import { heartBeat } from '../lib/protocol/requests/heart-beat.js';
import { lockBatchMq } from '../lib/protocol/requests/lock-batch-mq.js';
import { unlockBatchMq } from '../lib/protocol/requests/unlock-batch-mq.js';
import type { RequestNames } from './faults/request-names.js';
import { decodePoppedOffsets } from './wire/pop-message.js';

/** What a request did, in words for people; read from the request and its answer when somebody asks for it. */

/** A request as the journal has it. */
export interface EffectSource {
  readonly code: number;
  readonly broker: string;
  readonly ext: ExtFields;
  readonly body: Buffer;
  names(): RequestNames;
}

type Words = (source: EffectSource, answer: ResponseCommand) => string;

/** The requests whose effect has words of its own, when they succeed. */
const WORDS: Readonly<Record<number, Words>> = {
  [RequestCode.LOCK_BATCH_MQ]: (source, answer) => {
    const { consumerGroup, clientId, queues } = lockBatchMq.decode(asCommand(source));
    const { lockOKMQSet: locked = [] } = JSON.parse(answer.body?.toString() ?? '{}') as { lockOKMQSet?: unknown[] };
    return `locked ${locked.length} of ${plural(queues.length, 'queue')} of ${consumerGroup} for ${clientId}`;
  },
  [RequestCode.UNLOCK_BATCH_MQ]: (source) => {
    const { consumerGroup, clientId, queues } = unlockBatchMq.decode(asCommand(source));
    return `unlocked ${plural(queues.length, 'queue')} of ${consumerGroup} for ${clientId}`;
  },
  [RequestCode.HEART_BEAT]: (source) => {
    const { clientId, consumers, producerGroups } = heartBeat.decode(asCommand(source));
    const groups = [...consumers.map((consumer) => consumer.groupName), ...producerGroups];
    return `${clientId} is alive, in ${groups.join(', ')}`;
  },
  [RequestCode.UNREGISTER_CLIENT]: (source) =>
    `${first(source.names().clientIds)} left ${first(source.names().groups)}`,
  [RequestCode.UPDATE_CONSUMER_OFFSET]: (source) =>
    `committed ${first(source.names().groups)} ${queueOf(source)} at ${source.ext['commitOffset'] ?? '?'}`,
  [RequestCode.QUERY_CONSUMER_OFFSET]: (source, answer) =>
    `${first(source.names().groups)} stands at ${answer.extFields?.['offset'] ?? '?'} in ${queueOf(source)}`,
  [RequestCode.SEND_MESSAGE]: stored,
  [RequestCode.SEND_MESSAGE_V2]: stored,
  [RequestCode.SEND_BATCH_MESSAGE]: stored,
  [RequestCode.CONSUMER_SEND_MSG_BACK]: (source) => `took a message of ${first(source.names().groups)} back`,
  [RequestCode.PULL_MESSAGE]: found,
  [RequestCode.LITE_PULL_MESSAGE]: found,
  [RequestCode.POP_MESSAGE]: popped,
  [RequestCode.ACK_MESSAGE]: (source) =>
    `${first(source.names().groups)} is done with ${queueOf(source)} at ${source.ext['offset'] ?? '?'}`,
  [RequestCode.CHANGE_MESSAGE_INVISIBLETIME]: (source) =>
    `${queueOf(source)} at ${source.ext['offset'] ?? '?'} is invisible for ${source.ext['invisibleTime'] ?? '?'} ms`,
};

/** The words for what came of a request; those of a refusal name its code. */
export function effectOf(source: EffectSource, answer: ResponseCommand): string | undefined {
  const words = WORDS[source.code];
  const isPull = words === found && answer.extFields?.['nextBeginOffset'] !== undefined;
  const isPop = words === popped && answer.code === ResponseCode.POLLING_TIMEOUT;
  if (answer.code !== ResponseCode.SUCCESS && !isPull && !isPop) {
    return `refused: ${responseCodeName(answer.code)}${answer.remark === undefined || answer.remark === '' ? '' : `, ${answer.remark}`}`;
  }
  try {
    return words?.(source, answer);
  } catch {
    // What can't be read has no words.
    return undefined;
  }
}

function stored(source: EffectSource, answer: ResponseCommand): string {
  const { queueId = '?', queueOffset = '?' } = answer.extFields ?? {};
  return `stored ${first(source.names().topics)} ${source.broker} ${queueId} at ${queueOffset}`;
}

function found(source: EffectSource, answer: ResponseCommand): string {
  const { queueOffset = '?' } = source.ext;
  const { nextBeginOffset = '?' } = answer.extFields ?? {};
  switch (answer.code) {
    case ResponseCode.SUCCESS:
      return `gave ${queueOf(source)} from ${queueOffset} to ${nextBeginOffset}`;
    case ResponseCode.PULL_NOT_FOUND:
      return `nothing new in ${queueOf(source)} at ${queueOffset}`;
    case ResponseCode.PULL_OFFSET_MOVED:
      return `no offset ${queueOffset} in ${queueOf(source)}, sent on to ${nextBeginOffset}`;
    default:
      return `nothing that matches in ${queueOf(source)} from ${queueOffset} to ${nextBeginOffset}`;
  }
}

function popped(source: EffectSource, answer: ResponseCommand): string {
  const group = first(source.names().groups);
  const topic = first(source.names().topics);
  if (answer.code !== ResponseCode.SUCCESS) return `nothing of ${topic} for ${group}`;
  const given = decodePoppedOffsets(answer.extFields?.['msgOffsetInfo'] ?? '').map(({ kind, queueId, offsets }) => {
    return `${kind === '0' ? '' : 'retry '}${queueId} at ${offsets.join(', ')}`;
  });
  const inOrder = source.ext['order'] === 'true' ? ' in order' : '';
  return `gave ${group} ${topic} ${source.broker} ${given.join('; ')}${inOrder}`;
}

function queueOf(source: EffectSource): string {
  return `${first(source.names().topics)} ${source.broker} ${first(source.names().queueIds)}`;
}

function first(values: readonly (string | number)[]): string {
  return String(values[0] ?? '?');
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The parts of a command its codec looks at. */
function asCommand({ code, ext, body }: EffectSource): Parameters<typeof lockBatchMq.decode>[0] {
  return { code, extFields: ext, body, flag: 0, opaque: 0, version: 0, language: 'JAVA', remark: undefined, serializeType: 0 }; // prettier-ignore
}
