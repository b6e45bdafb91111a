import { ListenerError } from '../errors.js';
import type { StoredMessage } from '../protocol/message.js';
import { describeQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';

/** The listener answered with something that is no status. */
export class NoStatus extends Error {
  constructor(answer: unknown) {
    super(
      `the listener answered with ${typeof answer === 'string' ? JSON.stringify(answer.slice(0, 60)) : typeof answer}`,
    );
  }
}

/** What is reported when a listener throws, rejects, or answers with something that is no status. */
export function listenerError(queue: AssignedQueue, batch: readonly StoredMessage[], cause: unknown): ListenerError {
  const { topic, brokerName, queueId } = queue.exposedQueue;
  const offset = batch[0]?.queueOffset;
  const what = cause instanceof NoStatus ? `${cause.message}, which is no status` : 'the listener failed';
  return new ListenerError(
    `${what}, at ${describeQueue(queue.exposedQueue)} offset ${offset}; the messages are consumed again`,
    { topic, brokerName, queueId, offset, reconsumeTimes: batch[0]?.reconsumeTimes },
    cause,
  );
}
