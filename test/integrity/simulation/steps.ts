import fc from 'fast-check';
import { RequestCode, ResponseCode } from '../../../lib/protocol/codes.js';
import type { FaultAction } from '../../../mock-broker/index.js';
import { MOODS, type Mood } from './answers.js';

/** How many members the group has at most. */
export const SLOTS = 3;
/** Brokers, and queues of the topic at each. */
export const BROKERS = ['broker-a', 'broker-b'] as const;
export const QUEUES_PER_BROKER = 3;

/** Everything that can happen in a schedule. Each step can be taken at any time; one that makes no sense does nothing. */
export type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'produce'; readonly queue: number; readonly count: number }
  | { readonly do: 'join'; readonly slot: number; readonly batch: number; readonly places: number; readonly sameId: boolean; readonly amid: number } // prettier-ignore
  | { readonly do: 'leave' | 'kill' | 'vanish' | 'resubscribe' | 'endHanging'; readonly slot: number }
  | { readonly do: 'mood'; readonly slot: number; readonly mood: Mood }
  | { readonly do: 'limit'; readonly slot: number; readonly attempts: number }
  | { readonly do: 'unsubscribe'; readonly slot: number; readonly ms: number }
  | { readonly do: 'suspend'; readonly slot: number; readonly drain: boolean; readonly ms: number }
  | { readonly do: 'suspendQueue'; readonly slot: number; readonly queue: number; readonly drain: boolean; readonly ms: number } // prettier-ignore
  | { readonly do: 'stop'; readonly slot: number; readonly ms: number }
  | { readonly do: 'setClock'; readonly slot: number; readonly ms: number }
  | { readonly do: 'cut'; readonly slot: number; readonly broker: number; readonly ways: 'there' | 'back' | 'both'; readonly ms: number; readonly amidCalls: boolean } // prettier-ignore
  | { readonly do: 'slow'; readonly slot: number; readonly broker: number; readonly byMs: number; readonly ms: number }
  | { readonly do: 'disconnect'; readonly slot: number; readonly broker: number }
  | { readonly do: 'brokersStop'; readonly ms: number }
  | { readonly do: 'notify'; readonly broker: number }
  | { readonly do: 'queueCount'; readonly count: number; readonly ms: number }
  | { readonly do: 'reset'; readonly queue: number; readonly back: number; readonly mode: 'server' | 'push' }
  | { readonly do: 'fault'; readonly code: number; readonly times: number; readonly broker: number; readonly action: FaultAction } // prettier-ignore
  | Forceful;

/** Steps that take locks away from who holds them: two members can't but meet then. */
export type Forceful =
  | { readonly do: 'steal'; readonly queue: number; readonly consume: number; readonly ms: number }
  | { readonly do: 'brokerDown'; readonly broker: number; readonly ms: number; readonly keepRoute: boolean }
  | { readonly do: 'loseLocks' | 'expireLocks'; readonly broker: number }
  | { readonly do: 'setBrokersClock'; readonly ms: number }
  | { readonly do: 'unroute' | 'demote'; readonly broker: number; readonly ms: number };

/** What a whole run depends on. */
export interface Schedule {
  /** What all random numbers come from that are drawn during the run. */
  readonly salt: number;
  /** Where the group begins. */
  readonly from: 'first' | 'last';
  /** The members' lease; what a member does about the locks of one that vanished. */
  readonly lease: 'default' | 'short';
  readonly orphanLocks: 'expire' | 'release';
  /** Nothing is done by force: nothing is excused. */
  readonly gentle: boolean;
  readonly steps: readonly Step[];
}

/** Plain objects: they are shorter to print. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const just = <T extends string>(value: T): fc.Arbitrary<T> => fc.constant(value);
const slot = fc.nat(SLOTS - 1);
const queue = fc.nat(BROKERS.length * QUEUES_PER_BROKER - 1);
const broker = fc.nat(BROKERS.length - 1);
const seconds = (most: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: most * 10 }).map((tenths) => tenths * 100); // prettier-ignore

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
  RequestCode.GET_MAX_OFFSET,
  RequestCode.SEND_MESSAGE_V2,
  RequestCode.GET_ROUTEINFO_BY_TOPIC,
];

const action: fc.Arbitrary<FaultAction> = fc.oneof(
  record({ type: just('delay'), ms: fc.integer({ min: 10, max: 7_000 }), when: fc.constantFrom('before' as const, 'after' as const) }), // prettier-ignore
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
  { weight: 40, arbitrary: record({ do: just('wait'), ms: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 25, arbitrary: record({ do: just('wait'), ms: seconds(30) }) },
  { weight: 40, arbitrary: record({ do: just('produce'), queue, count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 16, arbitrary: record({ do: just('join'), slot, batch: fc.constantFrom(1, 1, 1, 3, 8), places: fc.constantFrom(1, 3, 20), sameId: fc.boolean(), amid: fc.constantFrom(0, 0, 30) }) }, // prettier-ignore
  { weight: 9, arbitrary: record({ do: fc.constantFrom('leave' as const, 'kill' as const, 'vanish' as const), slot }) },
  { weight: 4, arbitrary: record({ do: fc.constantFrom('resubscribe' as const, 'endHanging' as const), slot }) },
  { weight: 12, arbitrary: record({ do: just('mood'), slot, mood: fc.constantFrom(...MOODS) }) },
  { weight: 8, arbitrary: record({ do: just('limit'), slot, attempts: fc.constantFrom(-1, 0, 2) }) },
  { weight: 3, arbitrary: record({ do: just('unsubscribe'), slot, ms: seconds(15) }) },
  { weight: 4, arbitrary: record({ do: just('suspend'), slot, drain: fc.boolean(), ms: seconds(30) }) },
  { weight: 4, arbitrary: record({ do: just('suspendQueue'), slot, queue, drain: fc.boolean(), ms: seconds(30) }) },
  { weight: 8, arbitrary: record({ do: just('stop'), slot, ms: seconds(90) }) },
  { weight: 3, arbitrary: record({ do: just('setClock'), slot, ms: fc.integer({ min: -3_600_000, max: 3_600_000 }) }) },
  { weight: 8, arbitrary: record({ do: just('cut'), slot, broker, ways: fc.constantFrom('there' as const, 'back' as const, 'back' as const, 'both' as const), ms: seconds(90), amidCalls: fc.boolean() }) }, // prettier-ignore
  { weight: 4, arbitrary: record({ do: just('slow'), slot, broker, byMs: fc.integer({ min: 5, max: 1_500 }), ms: seconds(60) }) }, // prettier-ignore
  { weight: 6, arbitrary: record({ do: just('disconnect'), slot, broker }) },
  { weight: 3, arbitrary: record({ do: just('brokersStop'), ms: seconds(25) }) },
  { weight: 3, arbitrary: record({ do: just('notify'), broker }) },
  { weight: 3, arbitrary: record({ do: just('queueCount'), count: fc.integer({ min: 1, max: QUEUES_PER_BROKER }), ms: seconds(60) }) }, // prettier-ignore
  { weight: 6, arbitrary: record({ do: just('reset'), queue, back: fc.integer({ min: -2, max: 10 }), mode: fc.constantFrom('server' as const, 'push' as const) }) }, // prettier-ignore
  { weight: 35, arbitrary: record({ do: just('fault'), code: fc.constantFrom(...CODES), times: fc.integer({ min: 1, max: 3 }), broker, action }) }, // prettier-ignore
  { weight: 8, arbitrary: record({ do: just('steal'), queue, consume: fc.nat(6), ms: seconds(45) }) },
  { weight: 3, arbitrary: record({ do: just('brokerDown'), broker, ms: seconds(30), keepRoute: fc.boolean() }) },
  { weight: 3, arbitrary: record({ do: fc.constantFrom('loseLocks' as const, 'expireLocks' as const), broker }) },
  { weight: 2, arbitrary: record({ do: just('setBrokersClock'), ms: fc.integer({ min: -60_000, max: 60_000 }) }) },
  { weight: 3, arbitrary: record({ do: fc.constantFrom('unroute' as const, 'demote' as const), broker, ms: seconds(50) }) }, // prettier-ignore
);

const FORCEFUL: ReadonlySet<Step['do']> = new Set<Forceful['do']>([
  'steal', 'brokerDown', 'loseLocks', 'expireLocks', 'setBrokersClock', 'unroute', 'demote',
]); // prettier-ignore

export function isForceful(one: Step): one is Forceful {
  return FORCEFUL.has(one.do);
}

/** Schedules of up to `most` steps. Those that fail are made shorter as long as they still fail. */
export function schedules(most: number): fc.Arbitrary<Schedule> {
  return fc.noBias(
    record({
      salt: fc.nat(),
      from: fc.constantFrom('first' as const, 'first' as const, 'last' as const),
      lease: fc.constantFrom('default' as const, 'short' as const),
      orphanLocks: fc.constantFrom('expire' as const, 'release' as const),
      gentle: fc.boolean(),
      steps: fc.array(step, { maxLength: most, size: 'max' }),
    }),
  );
}
