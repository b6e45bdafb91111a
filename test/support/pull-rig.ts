import type { ClientInstance } from '../../lib/client/client-instance.js';
import { AssignedQueue } from '../../lib/consumer/assigned-queue.js';
import { FlowControl } from '../../lib/consumer/flow-control.js';
import { PullLoop, type PullLoopDeps, type PullLoopOptions } from '../../lib/consumer/pull-loop.js';
import type { RocketMQError } from '../../lib/errors.js';
import { createRequest, createResponse, type RequestCommand } from '../../lib/protocol/command.js';
import { encodeMessage, type MessageRecord } from '../../lib/protocol/message.js';
import {
  pullMessage,
  type PullMessageReply,
  type PullMessageRequest,
} from '../../lib/protocol/requests/pull-message.js';
import { buildSubscription, type SubscriptionData } from '../../lib/protocol/subscription.js';
import type { CallHandler } from '../../lib/remoting/call.js';
import type { CallOptions } from '../../lib/remoting/remoting-client.js';
import { FakeClock } from './fake-clock.js';
import { MemoryOffsetStore } from './memory-offset-store.js';
import { storedMessage } from './stored-message.js';

/** The members' lease, in milliseconds. */
export const LEASE = 30_000;

/** A pull as it reached the broker's double, and the way to answer it. */
export interface PullSeen {
  readonly address: string;
  readonly at: number;
  readonly request: PullMessageRequest;
  readonly options: CallOptions;
  answer(reply: Partial<PullMessageReply>): void;
  /** Answers with an error. */
  refuse(code: number): void;
  fail(error: unknown): void;
  /** Not answered yet. */
  readonly isOpen: boolean;
}

export interface PullRigOptions {
  options?: Partial<PullLoopOptions>;
  limits?: Partial<ConstructorParameters<typeof FlowControl>[0]>;
  subscription?: SubscriptionData | undefined;
  lockless?: boolean;
  /** What arrives is consumed as soon as the loop has done with it; `seen` tells. */
  consumes?: boolean;
  /** Answers each pull at once. */
  respond?: (pull: PullSeen) => void;
}

/** A pull loop of one owned queue, and a broker's double that answers when the test says so. */
export function setUpPullLoop({
  options,
  limits,
  subscription = buildSubscription('T', '*'),
  lockless = false,
  consumes = false,
  respond,
}: PullRigOptions = {}) {
  const clock = new FakeClock();
  const offsets = new MemoryOffsetStore();
  const errors: RocketMQError[] = [];
  const warnings: string[] = [];
  const pulls: PullSeen[] = [];
  const seen: number[] = [];
  const fetched: string[] = [];
  const beats: string[] = [];
  const illegal: [offset: number, remark: string | undefined][] = [];
  const addresses: Record<number, string> = { 0: 'master:1' };
  const state = {
    subscription: subscription as SubscriptionData | undefined,
    suspended: false,
    connected: true,
    arrived: 0,
  };
  const client = {
    clock,
    routes: {
      anyBrokerAddress: (_name: string, prefer: number) => {
        const brokerId = addresses[prefer] === undefined ? 0 : prefer;
        const address = addresses[brokerId];
        return address === undefined ? undefined : { address, brokerId };
      },
      brokerAddress: () => addresses[0],
      fetch: (topic: string) => {
        fetched.push(topic);
        return Promise.reject(new Error('no route'));
      },
    },
    heartbeats: {
      beat: (address: string) => {
        beats.push(address);
        return Promise.resolve();
      },
    },
    remoting: {
      isConnected: () => state.connected,
      submit: (address: string, command: RequestCommand, callOptions: PullSeen['options'], handler: CallHandler) => {
        const request = withoutAbsent(pullMessage.decode(createRequest(command, 1)));
        let open = true;
        const settle = (end: () => void): void => {
          if (open) end();
          open = false;
        };
        const pull: PullSeen = {
          address,
          at: clock.now(),
          request,
          options: callOptions,
          answer: (reply) => {
            const whole = { ...EMPTY, nextBeginOffset: request.queueOffset, ...reply };
            const answer = createResponse(createRequest(command, 1), pullMessage.encodeReply(whole));
            settle(() => handler.succeed(answer, { keep: () => undefined }));
          },
          refuse: (code) => {
            const answer = createResponse(createRequest(command, 1), { code, remark: 'no' });
            settle(() => handler.succeed(answer, { keep: () => undefined }));
          },
          get isOpen() {
            return open;
          },
          fail: (error) => settle(() => handler.fail(error as Error)),
        };
        pulls.push(pull);
        // Never within the call: answers come from a socket.
        void Promise.resolve().then(() => respond?.(pull));
        return { abort: () => pull.fail(new Error('aborted')) };
      },
    },
  } as unknown as ClientInstance;
  const flow = new FlowControl({
    pullThresholdForQueue: 1_000,
    pullThresholdSizeForQueue: 100,
    pullThresholdForTopic: -1,
    pullThresholdSizeForTopic: -1,
    pullThresholdForConsumer: -1,
    maxPullsInFlight: 3,
    pullBatchSize: 32,
    consumeMessageBatchMaxSize: 1,
    ...limits,
  });
  const pullOptions: PullLoopOptions = {
    consumerGroup: 'g',
    clustering: !lockless,
    pullBatchSize: 32,
    pullBatchSizeInBytes: 262_144,
    pullInterval: 0,
    postSubscriptionWhenPull: false,
    brokerSuspendMaxTimeMillis: 15_000,
    consumerPullTimeoutMillis: 30_000,
    pullTimeDelayMillsWhenException: 1_000,
    lockLeaseTime: LEASE,
    ...options,
  };
  const deps: PullLoopDeps = {
    client,
    offsets,
    flow,
    subscription: () => state.subscription,
    isSuspended: () => state.suspended,
    arrived: (arrivedAt) => {
      state.arrived++;
      if (consumes) void Promise.resolve().then(() => seen.push(...consumeAll(arrivedAt)));
    },
    offsetIllegal: (_queue, offset, remark) => illegal.push([offset, remark]),
    report: (error) => errors.push(error),
    warn: (code) => warnings.push(code),
  };
  const loop = { start: (queue: AssignedQueue) => new PullLoop(queue, pullOptions, deps).start() };
  const messageQueue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
  const queue = new AssignedQueue(messageQueue, messageQueue, lockless);
  queue.state = 'owned';
  queue.locked = !lockless;
  queue.lockedAt = clock.now();
  queue.nextOffset = 0;
  queue.buffer.reset(0);
  const last = (): PullSeen => pulls.at(-1) as PullSeen;
  return {
    clock,
    offsets,
    errors,
    warnings,
    pulls,
    seen,
    fetched,
    beats,
    illegal,
    addresses,
    state,
    loop,
    queue,
    last,
  };
}

/** What waits for the listener, from there on taken for consumed: the offsets. */
export function consumeAll({ buffer }: AssignedQueue): number[] {
  const offsets = buffer.take(10_000).map((message) => message.queueOffset);
  buffer.commit();
  return offsets;
}

/** As the tests write it: a field that was not sent is not there. */
function withoutAbsent(request: PullMessageRequest): PullMessageRequest {
  const entries = Object.entries(request).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as PullMessageRequest;
}

const EMPTY: PullMessageReply = {
  status: 'NO_NEW_MSG',
  nextBeginOffset: 0,
  minOffset: 0,
  maxOffset: 0,
  suggestWhichBrokerId: 0,
  body: Buffer.alloc(0),
};

/** An answer that brings messages. */
export function found(from: number, count: number, fields: Partial<MessageRecord> = {}): Partial<PullMessageReply> {
  const records = Array.from({ length: count }, (_, i) =>
    storedMessage({ queueOffset: from + i, ...fields }).toRecord(),
  );
  return {
    status: 'FOUND',
    nextBeginOffset: from + count,
    body: Buffer.concat(records.map((record) => encodeMessage(record))),
  };
}
