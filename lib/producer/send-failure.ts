import {
  AbortError,
  BrokerError,
  ConnectionError,
  ProtocolError,
  RouteError,
  SendError,
  StateError,
  TimeoutError,
} from '../errors.js';
import { describeQueue, type MessageQueue } from '../protocol/message-queue.js';
import type { OrderScope } from './blocked-keys.js';
import type { Outgoing } from './outgoing.js';

/** What is known of a send when it fails. */
export interface SendFacts {
  readonly outgoing: Outgoing;
  readonly attempts: number;
  /** Where the last attempt went. */
  readonly queue: MessageQueue | undefined;
  /** An attempt may have been stored although nothing said so. */
  readonly maybeStored: boolean;
  /** Without the time it waited for others. */
  readonly elapsedMs: number;
}

/** Whether a message may be stored although its attempt ended with this error. */
export function leavesOutcomeOpen(error: unknown): boolean {
  if (error instanceof TimeoutError) return error.context['phase'] !== 'connect';
  if (error instanceof ConnectionError) {
    return error.code === 'ERR_ROCKETMQ_CONNECTION_LOST' || error.code === 'ERR_ROCKETMQ_CLOSED';
  }
  return error instanceof ProtocolError;
}

/** Whether another attempt makes sense: by the broker's answer, or when there was none. */
export function isWorthAnotherAttempt(error: unknown, retryResponseCodes: ReadonlySet<number>): boolean {
  if (error instanceof BrokerError) return retryResponseCodes.has(error.responseCode);
  if (error instanceof ConnectionError) return error.code !== 'ERR_ROCKETMQ_CLOSED';
  if (error instanceof RouteError) return error.code === 'ERR_ROCKETMQ_NO_BROKER';
  return error instanceof TimeoutError;
}

/** What the caller gets: errors of the network and of brokers become SendErrors, all others are the caller's own. */
export function asSendFailure(error: unknown, facts: SendFacts): unknown {
  const isOurs =
    error instanceof BrokerError ||
    error instanceof ConnectionError ||
    error instanceof TimeoutError ||
    error instanceof RouteError ||
    error instanceof ProtocolError;
  if (!isOurs) return error;
  const after = facts.attempts === 0 ? '' : ` after ${count(facts.attempts, 'attempt')}`;
  return new SendError(
    `${subject(facts)} could not be sent${after}: ${error.message}; ${outcome(facts)}`,
    error.retryable,
    contextOf(facts),
    error,
  );
}

export function sendAborted(facts: SendFacts, reason: unknown): AbortError {
  return new AbortError(
    facts.attempts === 0
      ? `the send of ${subject(facts)} was aborted by its signal before anything was sent`
      : `the send of ${subject(facts)} was aborted by its signal while a request was under way; ${OPEN}`,
    reason,
  );
}

/** For a send that was still under way when the time to close was over. */
export function sendCutShort(facts: SendFacts): SendError | StateError {
  if (facts.attempts === 0) {
    return new StateError(`${subject(facts)} was not sent: the producer was closed before its turn came`, {
      topic: facts.outgoing.topic,
      msgId: facts.outgoing.msgId,
    });
  }
  return new SendError(
    `${subject(facts)} was under way when the producer was closed; ${OPEN}`,
    true,
    contextOf({ ...facts, maybeStored: true }),
  );
}

/** For a message whose key, or queue, is blocked by one that could not be sent. */
export function keyBlocked(outgoing: Outgoing, scope: OrderScope, cause: Error): SendError {
  const blocked =
    'shardingKey' in scope
      ? `sharding key ${JSON.stringify(scope.shardingKey)}`
      : `queue ${describeQueue(scope.messageQueue)}`;
  return new SendError(
    `${kind(outgoing)} for ${outgoing.topic} was not sent: ${blocked} is blocked since a message before it failed ` +
      `(${cause.message}); call unblockKey to go on`,
    false,
    { ...scope, msgId: outgoing.msgId, attempts: 0, outcome: 'not-stored', blocked: true },
    cause,
  );
}

const OPEN = 'whether it is stored is unknown, so sending it again may store it twice';

function outcome(facts: SendFacts): string {
  return facts.maybeStored ? OPEN : 'it is not stored';
}

function subject({ outgoing, queue }: SendFacts): string {
  return `${kind(outgoing)} for ${queue === undefined ? outgoing.topic : describeQueue({ ...queue, topic: outgoing.topic })}`;
}

function kind(outgoing: Outgoing): string {
  return outgoing.batch ? 'a batch' : 'a message';
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function contextOf(facts: SendFacts): Record<string, unknown> {
  const { outgoing, queue } = facts;
  return {
    topic: outgoing.topic,
    msgId: outgoing.msgId,
    shardingKey: outgoing.shardingKey,
    brokerName: queue?.brokerName,
    queueId: queue?.queueId,
    attempts: facts.attempts,
    elapsedMs: Math.round(facts.elapsedMs),
    outcome: facts.maybeStored ? 'unknown' : 'not-stored',
  };
}
