import { AssignedQueue } from '../../lib/consumer/assigned-queue.js';
import { ConsumeLoop, type ConsumeLoopOptions } from '../../lib/consumer/consume-loop.js';
import { Exhaustion } from '../../lib/consumer/exhaustion.js';
import type { MessageListenerOrderly } from '../../lib/consumer/listener.js';
import type { RocketMQError } from '../../lib/errors.js';
import type { AttemptStore, OnExhausted } from '../../lib/options.js';
import type { StoredMessage } from '../../lib/protocol/message.js';
import { FakeClock } from './fake-clock.js';
import { MemoryOffsetStore } from './memory-offset-store.js';
import { storedMessage } from './stored-message.js';

/** The lease of the rig's queues, in milliseconds. */
export const LEASE = 30_000;

export interface LoopRigOptions {
  listener: MessageListenerOrderly;
  options?: Partial<ConsumeLoopOptions>;
  maxReconsumeTimes?: number;
  onExhausted?: OnExhausted;
  sendBack?: (message: StoredMessage) => Promise<string>;
  confirm?: (queue: AssignedQueue) => Promise<void>;
  attemptStore?: AttemptStore;
  lockless?: boolean;
}

/** A consume loop with everything around it replaced, on a clock that stands still. */
export function setUpLoop({
  listener,
  options,
  maxReconsumeTimes = -1,
  onExhausted = 'dlq',
  sendBack,
  confirm,
  attemptStore,
  lockless = false,
}: LoopRigOptions) {
  const clock = new FakeClock();
  const offsets = new MemoryOffsetStore();
  const errors: RocketMQError[] = [];
  const warnings: string[] = [];
  const events: string[] = [];
  const relocks: AssignedQueue[] = [];
  const sentBack: number[] = [];
  const exhaustion = new Exhaustion({
    consumerGroup: 'g',
    maxReconsumeTimes: () => maxReconsumeTimes,
    onExhausted,
    attemptStore,
    sendBack: async (message) => {
      const target = await (sendBack?.(message) ?? Promise.resolve('%RETRY%g'));
      sentBack.push(message.queueOffset);
      return target;
    },
    report: (error) => errors.push(error),
    deadLettered: ({ message }) => events.push(`dead ${message.queueOffset}`),
    skipped: ({ message }) => events.push(`skipped ${message.queueOffset}`),
    blocked: ({ message }) => events.push(`blocked ${message.queueOffset}`),
  });
  const loop = new ConsumeLoop(
    {
      consumeConcurrency: 20,
      consumeMessageBatchMaxSize: 1,
      suspendCurrentQueueTimeMillis: 1_000,
      lockLeaseTime: LEASE,
      listenerTimeoutMs: undefined,
      consumeTimeout: 15,
      verifyLockOnCommit: false,
      ...options,
    },
    {
      clock,
      offsets,
      exhaustion,
      expose: () => undefined,
      relock: (queue) => relocks.push(queue),
      confirmLock: confirm ?? (() => Promise.resolve()),
      report: (error) => errors.push(error),
      warn: (code) => warnings.push(code),
    },
    listener,
  );
  const queue = (queueId = 0, count = 0): AssignedQueue => {
    const messageQueue = { topic: 'T', brokerName: 'broker-a', queueId };
    const assigned = new AssignedQueue(messageQueue, messageQueue, lockless);
    assigned.state = 'owned';
    assigned.locked = true;
    assigned.lockedAt = clock.now();
    assigned.buffer.reset(0);
    const messages = Array.from({ length: count }, (_, i) => storedMessage({ queueOffset: i, queueId }));
    assigned.buffer.put(messages);
    return assigned;
  };
  return { clock, offsets, errors, warnings, events, relocks, sentBack, loop, queue };
}
