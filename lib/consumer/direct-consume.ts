import type { Clock } from '../clock.js';
import type { StoredMessage } from '../protocol/message.js';
import { decodeMessages } from '../protocol/message.js';
import type {
  ConsumeMessageDirectlyReply,
  ConsumeMessageDirectlyRequest,
  ConsumeResult,
} from '../protocol/requests/consume-message-directly.js';
import type { MessageListenerOrderly } from './listener.js';
import type { ConsumeOrderlyContext } from './orderly-context.js';
import { isStatus } from './outcome.js';

const RESULTS: Readonly<Record<string, ConsumeResult>> = {
  SUCCESS: 'CR_SUCCESS',
  COMMIT: 'CR_COMMIT',
  ROLLBACK: 'CR_ROLLBACK',
  SUSPEND_CURRENT_QUEUE_A_MOMENT: 'CR_LATER',
};

/**
 * An operator hands one message to the listener (`mqadmin consumeMessage`): outside order, locks and offsets, by design
 * of the command. The context says so with `direct`.
 */
export async function consumeDirectly(
  request: ConsumeMessageDirectlyRequest,
  allowed: boolean,
  listener: MessageListenerOrderly,
  expose: (message: StoredMessage) => void,
  clock: Clock,
): Promise<ConsumeMessageDirectlyReply> {
  const startedAt = clock.now();
  let context: ConsumeOrderlyContext | undefined;
  const reply = (consumeResult: ConsumeResult, remark?: string): ConsumeMessageDirectlyReply => ({
    order: true,
    autoCommit: context?.autoCommit ?? true,
    consumeResult,
    remark,
    spentTimeMills: Math.round(clock.now() - startedAt),
  });
  if (!allowed)
    return reply('CR_THROW_EXCEPTION', 'this consumer does not take messages directly (allowDirectConsume)');
  const brokerName = request.brokerName ?? '';
  const { messages, error } = decodeMessages(request.body, { brokerName });
  const message = messages[0];
  if (message === undefined) return reply('CR_THROW_EXCEPTION', error?.message ?? 'the request holds no message');
  try {
    await message.inflate();
    if (message.bodyError !== undefined) throw message.bodyError;
    expose(message);
    context = directContext(message);
    const answer: unknown = await listener([message], context);
    if (answer === undefined) return reply('CR_SUCCESS');
    if (answer === null) return reply('CR_RETURN_NULL');
    if (isStatus(answer)) return reply(RESULTS[answer] ?? 'CR_LATER');
    return reply('CR_LATER', 'the listener answered with something that is no status');
  } catch (failure) {
    return reply('CR_THROW_EXCEPTION', failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
  }
}

function directContext(message: StoredMessage): ConsumeOrderlyContext {
  const { topic, brokerName, queueId } = message;
  return {
    messageQueue: { topic, brokerName, queueId },
    autoCommit: true,
    suspendCurrentQueueTimeMillis: -1,
    signal: new AbortController().signal,
    isOwner: () => false,
    direct: true,
    lockEpoch: 0,
  };
}
