import type { Clock } from '../../lib/clock.js';
import { AssignedQueue } from '../../lib/consumer/assigned-queue.js';
import { ConsumeLoop } from '../../lib/consumer/consume-loop.js';
import { Exhaustion } from '../../lib/consumer/exhaustion.js';
import type { MessageListenerOrderly } from '../../lib/consumer/listener.js';
import type { OffsetStore } from '../../lib/consumer/offset-store/offset-store.js';
import { BROKER, messages, PULL_BATCH, TOPIC } from './inputs.js';
import { moveOn } from './queue-steps.js';
import type { Step } from './step.js';

/** Messages in one run: so many that the turns of the event loop around it do not show. */
const HELD = 8 * PULL_BATCH;
const LEASE_MS = 30_000;

/** From a filled buffer to the listener, and its answer back to the offset. Everything around is replaced. */
export function dispatchSteps(clock: Clock): Step[] {
  const answered = Promise.resolve('SUCCESS' as const);
  return [
    dispatch('dispatch, synchronous listener', clock, 1, () => 'SUCCESS'),
    dispatch('dispatch, resolved promise', clock, 1, () => answered),
    dispatch('dispatch, batches of 32', clock, PULL_BATCH, () => 'SUCCESS'),
  ];
}

function dispatch(name: string, clock: Clock, batchSize: number, listener: MessageListenerOrderly): Step {
  const queueOfMessages = { topic: TOPIC, brokerName: BROKER, queueId: 3 };
  const queue = new AssignedQueue(queueOfMessages, queueOfMessages, false);
  queue.state = 'owned';
  queue.locked = true;
  queue.buffer.reset(0);
  const held = messages(0, HELD);
  let end = 0;
  let finished: () => void = () => undefined;
  const loop = consumeLoop(clock, batchSize, listener, (offset) => {
    // By the next turn of the event loop the slice has ended as well.
    if (offset === end) setImmediate(finished);
  });
  const start = (resolve: () => void): void => {
    finished = resolve;
    moveOn(held);
    end = (held.at(-1)?.queueOffset ?? 0) + 1;
    queue.lockedAt = clock.now();
    queue.buffer.put(held);
    loop.notify(queue);
  };
  return { name, unit: 'message', count: HELD, run: () => new Promise<void>(start), isAsync: true };
}

function consumeLoop(
  clock: Clock,
  consumeMessageBatchMaxSize: number,
  listener: MessageListenerOrderly,
  committed: (offset: number) => void,
): ConsumeLoop {
  const unexpected = (cause: unknown): never => {
    throw new Error('what is measured is not what it was made for', { cause });
  };
  return new ConsumeLoop(
    {
      consumeConcurrency: 20,
      consumeMessageBatchMaxSize,
      suspendCurrentQueueTimeMillis: 1_000,
      lockLeaseTime: LEASE_MS,
      listenerTimeoutMs: undefined,
      consumeTimeout: 15,
      verifyLockOnCommit: false,
    },
    {
      clock,
      offsets: new CommittedOffset(committed),
      exhaustion: new Exhaustion({
        consumerGroup: 'bench-micro-group',
        maxReconsumeTimes: () => -1,
        onExhausted: 'dlq',
        attemptStore: undefined,
        sendBack: unexpected,
        report: unexpected,
        deadLettered: unexpected,
        skipped: unexpected,
        blocked: unexpected,
      }),
      expose: () => undefined,
      relock: unexpected,
      confirmLock: unexpected,
      report: unexpected,
      warn: unexpected,
    },
    listener,
  );
}

/** Takes what is committed; the store itself is a step of its own. */
class CommittedOffset implements OffsetStore {
  readonly #committed: (offset: number) => void;

  constructor(committed: (offset: number) => void) {
    this.#committed = committed;
  }

  update(_queue: unknown, offset: number): void {
    this.#committed(offset);
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  get(): undefined {
    return undefined;
  }

  readStored(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  begin(): void {
    // Nothing is begun.
  }

  persist(): Promise<void> {
    return Promise.resolve();
  }

  persistAll(): Promise<void> {
    return Promise.resolve();
  }

  remove(): void {
    // Nothing is kept.
  }
}
