import fc from 'fast-check';
import { RequestCode, ResponseCode } from '../../../lib/protocol/codes.js';
import type { FaultAction } from '../../../mock-broker/index.js';
import { MOODS, type Mood } from './answers.js';

/** How many members the group has at most. */
export const SLOTS = 3;
/** Brokers, and queues of the topic at each. */
export const BROKERS = ['broker-a', 'broker-b'] as const;
export const QUEUES_PER_BROKER = 4;

/** Everything that can happen in a schedule. Each step can be taken at any time; one that makes no sense does nothing. */
export type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'produce'; readonly queue: number; readonly count: number }
  | { readonly do: 'join'; readonly slot: number; readonly batch: number; readonly places: number; readonly sameId: boolean } // prettier-ignore
  | { readonly do: 'leave' | 'crash' | 'resubscribe' | 'resume'; readonly slot: number }
  | { readonly do: 'mood'; readonly slot: number; readonly mood: Mood }
  | { readonly do: 'limit'; readonly slot: number; readonly attempts: number }
  | { readonly do: 'unsubscribe'; readonly slot: number; readonly ms: number }
  | { readonly do: 'suspend'; readonly slot: number; readonly drain: boolean; readonly ms: number }
  | { readonly do: 'suspendQueue'; readonly queue: number; readonly drain: boolean; readonly ms: number }
  | { readonly do: 'steal'; readonly queue: number; readonly consume: number; readonly ms: number }
  | { readonly do: 'disconnect'; readonly slot: number; readonly broker: number }
  | { readonly do: 'partition'; readonly slot: number; readonly ms: number }
  | { readonly do: 'brokerDown'; readonly broker: number; readonly ms: number; readonly keepRoute: boolean }
  | { readonly do: 'loseLocks' | 'expireLocks' | 'notify'; readonly broker: number }
  | { readonly do: 'unroute' | 'demote'; readonly broker: number; readonly ms: number }
  | { readonly do: 'queueCount'; readonly count: number; readonly ms: number }
  | { readonly do: 'reset'; readonly queue: number; readonly back: number; readonly mode: 'server' | 'push' }
  | { readonly do: 'fault'; readonly code: number; readonly times: number; readonly broker: number; readonly action: FaultAction }; // prettier-ignore

export interface Schedule {
  /** What the members' listeners and the consumers' own random numbers depend on. */
  readonly salt: number;
  readonly steps: readonly Step[];
}

/** Plain objects: they are shorter to print. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const slot = fc.nat(SLOTS - 1);
const queue = fc.nat(BROKERS.length * QUEUES_PER_BROKER - 1);
const broker = fc.nat(BROKERS.length - 1);
const seconds = (most: number): fc.Arbitrary<number> => fc.integer({ min: 100, max: most * 1_000 });

/** Requests of members that something can go wrong with. */
const CODES = [
  RequestCode.PULL_MESSAGE,
  RequestCode.QUERY_CONSUMER_OFFSET,
  RequestCode.UPDATE_CONSUMER_OFFSET,
  RequestCode.HEART_BEAT,
  RequestCode.UNREGISTER_CLIENT,
  RequestCode.GET_CONSUMER_LIST_BY_GROUP,
  RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
  RequestCode.LOCK_BATCH_MQ,
  RequestCode.UNLOCK_BATCH_MQ,
  RequestCode.SEND_MESSAGE_V2,
  RequestCode.GET_ROUTEINFO_BY_TOPIC,
];

const action: fc.Arbitrary<FaultAction> = fc.oneof(
  record({ type: fc.constant('delay' as const), ms: fc.integer({ min: 10, max: 7_000 }), when: fc.constantFrom('before' as const, 'after' as const) }), // prettier-ignore
  fc.constantFrom<FaultAction>(
    { type: 'drop' },
    { type: 'dropReply' },
    { type: 'duplicate' },
    { type: 'chunk', size: 7 },
    { type: 'answer', code: ResponseCode.SYSTEM_BUSY },
    { type: 'answer', code: ResponseCode.SYSTEM_ERROR },
    { type: 'answer', code: ResponseCode.FLOW_CONTROL },
    { type: 'close', when: 'before' },
    { type: 'close', when: 'before-reply' },
    { type: 'close', when: 'mid-frame' },
    { type: 'close', when: 'after' },
  ),
);

/** By weight: how often each kind comes. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 60, arbitrary: record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 6, arbitrary: record({ do: fc.constant('wait' as const), ms: seconds(20) }) },
  { weight: 40, arbitrary: record({ do: fc.constant('produce' as const), queue, count: fc.integer({ min: 1, max: 12 }) }) }, // prettier-ignore
  { weight: 14, arbitrary: record({ do: fc.constant('join' as const), slot, batch: fc.constantFrom(1, 1, 1, 3, 8), places: fc.constantFrom(1, 3, 20), sameId: fc.boolean() }) }, // prettier-ignore
  { weight: 5, arbitrary: record({ do: fc.constantFrom('leave' as const, 'crash' as const), slot }) },
  { weight: 4, arbitrary: record({ do: fc.constantFrom('resubscribe' as const, 'resume' as const), slot }) },
  { weight: 10, arbitrary: record({ do: fc.constant('mood' as const), slot, mood: fc.constantFrom(...MOODS) }) },
  { weight: 4, arbitrary: record({ do: fc.constant('limit' as const), slot, attempts: fc.constantFrom(-1, 0, 2) }) },
  { weight: 3, arbitrary: record({ do: fc.constant('unsubscribe' as const), slot, ms: seconds(15) }) },
  { weight: 4, arbitrary: record({ do: fc.constant('suspend' as const), slot, drain: fc.boolean(), ms: seconds(30) }) }, // prettier-ignore
  { weight: 4, arbitrary: record({ do: fc.constant('suspendQueue' as const), queue, drain: fc.boolean(), ms: seconds(30) }) }, // prettier-ignore
  { weight: 10, arbitrary: record({ do: fc.constant('steal' as const), queue, consume: fc.nat(6), ms: seconds(45) }) }, // prettier-ignore
  { weight: 6, arbitrary: record({ do: fc.constant('disconnect' as const), slot, broker }) },
  { weight: 4, arbitrary: record({ do: fc.constant('partition' as const), slot, ms: seconds(70) }) },
  { weight: 3, arbitrary: record({ do: fc.constant('brokerDown' as const), broker, ms: seconds(12), keepRoute: fc.boolean() }) }, // prettier-ignore
  { weight: 4, arbitrary: record({ do: fc.constantFrom('loseLocks' as const, 'expireLocks' as const, 'notify' as const), broker }) }, // prettier-ignore
  { weight: 3, arbitrary: record({ do: fc.constantFrom('unroute' as const, 'demote' as const), broker, ms: seconds(50) }) }, // prettier-ignore
  { weight: 3, arbitrary: record({ do: fc.constant('queueCount' as const), count: fc.integer({ min: 1, max: QUEUES_PER_BROKER }), ms: seconds(60) }) }, // prettier-ignore
  { weight: 7, arbitrary: record({ do: fc.constant('reset' as const), queue, back: fc.integer({ min: -2, max: 10 }), mode: fc.constantFrom('server' as const, 'push' as const) }) }, // prettier-ignore
  { weight: 40, arbitrary: record({ do: fc.constant('fault' as const), code: fc.constantFrom(...CODES), times: fc.integer({ min: 1, max: 3 }), broker, action }) }, // prettier-ignore
);

/** Schedules of up to `most` steps. Those that fail are made shorter as long as they still fail. */
export function schedules(most: number): fc.Arbitrary<Schedule> {
  const steps = fc.array(step, { maxLength: most, size: 'max' });
  return fc.noBias(fc.record({ salt: fc.nat(), steps }, { noNullPrototype: true }));
}
