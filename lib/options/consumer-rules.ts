import { homedir } from 'node:os';
import { join } from 'node:path';
import { ALLOCATE_STRATEGY_NAMES, allocateStrategyByName } from '../consumer/allocation/index.js';
import type { AllocateMessageQueueStrategy } from '../consumer/allocation/index.js';
import { ConsumeFromWhere, MessageModel } from '../enums.js';
import { ValidationError } from '../errors.js';
import { checkGroup } from '../validation.js';
import { CLIENT_HINTS, CLIENT_RULES } from './client-options.js';
import type { AttemptStore, OnExhausted, OrderedConsumerOptions, ResolvedConsumerOptions, ResolvedLease } from './consumer-options.js'; // prettier-ignore
import {
  applyRules,
  boolean,
  delay,
  integer,
  integerOrMinusOne,
  isObject,
  LONGEST_DELAY,
  objectWith,
} from './rules.js';
import { oneOf, optional, required, text, withDefault, type Rules } from './rules.js';
import { readTimestamp } from './timestamp.js';

/** How far back CONSUME_FROM_TIMESTAMP begins when no time is given, in milliseconds; the reference's 30 minutes. */
const DEFAULT_LOOK_BACK = 30 * 60_000;

/** After what time the reference gives a lock back while the listener runs, in milliseconds. */
const REFERENCE_REVOKE_TIMEOUT = 20_000;

const MAX_INT = 2_147_483_647;
const EXHAUSTED_POLICIES = ['dlq', 'block', 'skip'] as const;

const waited = integer(0, LONGEST_DELAY);

export const CONSUMER_RULES: Rules<Omit<ResolvedConsumerOptions, 'lockLeaseTime'>> = {
  ...CLIENT_RULES,
  consumerGroup: required('the name of a group', checkGroup),
  messageModel: withDefault('CLUSTERING', oneOf(...Object.values(MessageModel))),
  consumeFromWhere: withDefault('CONSUME_FROM_LAST_OFFSET', oneOf(...Object.values(ConsumeFromWhere))),
  // Without a time this is NaN until the clock is known: see resolveConsumerOptions.
  consumeTimestamp: withDefault(Number.NaN, readTimestamp),
  allocateMessageQueueStrategy: { fallback: () => allocateStrategyByName('AVG'), read: readStrategy },
  consumeConcurrency: withDefault(20, integer(1, 1_000)),
  pullThresholdForQueue: withDefault(1_000, integer(1, 65_535)),
  pullThresholdSizeForQueue: withDefault(100, integer(1, 1_024)),
  pullThresholdForTopic: withDefault(-1, integerOrMinusOne(1, 6_553_500)),
  pullThresholdSizeForTopic: withDefault(-1, integerOrMinusOne(1, 102_400)),
  pullThresholdForConsumer: withDefault(16_384, integerOrMinusOne(1, 6_553_500)),
  maxPullsInFlight: withDefault(3, integer(1, 16)),
  pullInterval: withDefault(0, integer(0, 65_535)),
  consumeMessageBatchMaxSize: withDefault(1, integer(1, 1_024)),
  pullBatchSize: withDefault(32, integer(1, 1_024)),
  pullBatchSizeInBytes: withDefault(262_144, integer(1, MAX_INT)),
  postSubscriptionWhenPull: withDefault(false, boolean),
  unitMode: withDefault(false, boolean),
  maxReconsumeTimes: withDefault(-1, integerOrMinusOne(0, MAX_INT)),
  suspendCurrentQueueTimeMillis: withDefault(1_000, delay),
  // In minutes, and its milliseconds must not be past the longest delay.
  consumeTimeout: withDefault(15, integer(1, Math.floor(LONGEST_DELAY / 60_000))),
  awaitTerminationMillisWhenShutdown: withDefault(30_000, waited),
  brokerSuspendMaxTimeMillis: withDefault(15_000, delay),
  consumerPullTimeoutMillis: withDefault(30_000, delay),
  rebalanceInterval: withDefault(20_000, delay),
  lease: { fallback: () => readLease({}, 'lease'), read: readLease },
  orphanLocks: withDefault('expire', oneOf('expire', 'release')),
  revokeMode: withDefault('wait', oneOf('wait', 'force')),
  revokeTimeoutMs: optional(waited),
  strictConsumeFromWhere: withDefault(false, boolean),
  verifyLockOnCommit: withDefault(false, boolean),
  onExhausted: withDefault('dlq', readOnExhausted),
  listenerTimeoutMs: optional(delay),
  allowDirectConsume: withDefault(true, boolean),
  localOffsetStoreDir: { fallback: () => join(homedir(), '.rocketmq_offsets'), read: text },
  attemptStore: optional(objectWith<AttemptStore>(['get', 'set', 'delete'])),
  startTimeoutMs: withDefault(10_000, delay),
};

const CONSUMER_HINTS: Readonly<Record<string, string>> = {
  ...CLIENT_HINTS,
  group: "the option 'consumerGroup'",
  groupName: "the option 'consumerGroup'",
  consumeThreadMin: "the option 'consumeConcurrency'",
  consumeThreadMax: "the option 'consumeConcurrency'",
  consumeThreadNums: "the option 'consumeConcurrency'",
  consumeConcurrentlyMaxSpan: 'nothing, as it never applies to ordered consumption',
  lockRenewInterval: "the option 'lease', an object with renewEvery and validFor",
  lockLeaseTime: "the option 'lease', an object with renewEvery and validFor",
  subscription: 'the method subscribe()',
  subscriptions: 'the method subscribe()',
};

/**
 * Checks the options of an ordered consumer, and fills in the defaults.
 *
 * @throws ValidationError naming the first option that isn't acceptable
 */
export function resolveConsumerOptions(options: OrderedConsumerOptions): ResolvedConsumerOptions {
  const resolved = applyRules(CONSUMER_RULES, options, CONSUMER_HINTS);
  const { consumeTimestamp, clock, revokeMode, revokeTimeoutMs } = resolved;
  if (resolved.consumerPullTimeoutMillis <= resolved.brokerSuspendMaxTimeMillis) {
    throw new ValidationError(
      'consumerPullTimeoutMillis',
      resolved.consumerPullTimeoutMillis,
      `more than brokerSuspendMaxTimeMillis, which is ${resolved.brokerSuspendMaxTimeMillis}`,
    );
  }
  return {
    ...resolved,
    lockLeaseTime: resolved.lease.validFor,
    consumeTimestamp: Number.isNaN(consumeTimestamp) ? clock.wallTime() - DEFAULT_LOOK_BACK : consumeTimestamp,
    revokeTimeoutMs: revokeTimeoutMs ?? (revokeMode === 'force' ? REFERENCE_REVOKE_TIMEOUT : undefined),
  };
}

const LEASE_RULES: Rules<ResolvedLease> = {
  renewEvery: withDefault(20_000, delay),
  // A broker gives a lock to somebody else 60 s after its last renewal.
  validFor: withDefault(30_000, integer(1, 59_000)),
};

function readLease(value: unknown, name: string): ResolvedLease {
  const lease = applyRules(LEASE_RULES, value, {}, name);
  if (lease.renewEvery < lease.validFor) return lease;
  throw new ValidationError(`${name}.renewEvery`, lease.renewEvery, `less than validFor, which is ${lease.validFor}`);
}

function readStrategy(value: unknown, name: string): AllocateMessageQueueStrategy {
  const known = ALLOCATE_STRATEGY_NAMES.find((candidate) => candidate === value);
  if (known !== undefined) return allocateStrategyByName(known);
  if (isObject(value) && typeof value.name === 'string' && value.name !== '' && typeof value.allocate === 'function') {
    return value as unknown as AllocateMessageQueueStrategy;
  }
  const names = ALLOCATE_STRATEGY_NAMES.map((candidate) => `'${candidate}'`).join(', ');
  throw new ValidationError(name, value, `${names} or an object with a name and allocate()`);
}

function readOnExhausted(value: unknown, name: string): OnExhausted {
  if (typeof value === 'function') return value as OnExhausted;
  const policy = EXHAUSTED_POLICIES.find((candidate) => candidate === value);
  if (policy !== undefined) return policy;
  throw new ValidationError(name, value, `'${EXHAUSTED_POLICIES.join("', '")}' or a function that answers with one`);
}
