import { ValidationError } from '../lib/errors.js';
import { MqVersion } from '../lib/protocol/codes.js';
import type { MockAdminOptions } from './admin/server.js';
import { MockClock } from './clock.js';
import { DEFAULT_JOURNAL_LIMIT } from './journal.js';
import type { ReplySerializeType } from './server/connection.js';
import type { MockTlsOptions } from './server/server.js';
import type { GroupConfig } from './store/groups.js';
import type { WatchdogMode } from './watchdogs/watchdogs.js';
import { groupNameProblem, topicNameProblem } from './store/names.js';

/** How a topic is made. */
export interface TopicOptions {
  /** Queues on each broker, for reading and for writing. @default 8 */
  readonly queues?: number;
  /** @default `queues` */
  readonly readQueueNums?: number;
  /** @default `queues` */
  readonly writeQueueNums?: number;
  /** 4 to read, 2 to write, 6 for both. @default 6 */
  readonly perm?: number;
  /** Names of the brokers that have it. @default all */
  readonly brokers?: readonly string[];
  /** A fixed layout, `broker-a:4;broker-b:4`, given to clients with the route. */
  readonly orderTopicConf?: string;
}

/** How a consumer group is configured at the brokers. */
export type GroupOptions = Partial<Omit<GroupConfig, 'name'>>;

/** One broker name of a cluster. */
export interface BrokerOptions {
  readonly name: string;
  /** How many replicas its master has; they serve pulls from the same messages, and get the broker ids 1, 2 and so on. @default 0 */
  readonly replicas?: number;
}

export interface MockClusterOptions {
  /** How many brokers, named broker-a, broker-b and so on, or what they are. @default 1 */
  readonly brokers?: number | readonly BrokerOptions[];
  readonly topics?: Readonly<Record<string, TopicOptions>>;
  readonly groups?: Readonly<Record<string, GroupOptions>>;
  /** Port of the (first) name server; 0 takes a free one. @default 0 */
  readonly port?: number;
  /** Port of the first broker; the others take the ports that follow. 0 takes free ones. @default 0 */
  readonly brokerPort?: number;
  /** How many name servers, all knowing the same. @default 1 */
  readonly nameServers?: number;
  /** Address to listen on. @default '127.0.0.1' */
  readonly host?: string;
  /** Address that clients are told to connect to. @default `host` */
  readonly advertisedHost?: string;
  /** Whether sending to an unknown topic creates it. @default true */
  readonly autoCreateTopicEnable?: boolean;
  /** Whether an unknown consumer group is created when it is first used. @default true */
  readonly autoCreateSubscriptionGroup?: boolean;
  /** Whether SQL92 subscriptions are served; a real broker's own default is false. @default true */
  readonly enablePropertyFilter?: boolean;
  /**
   * Which release the cluster is like: its version, the form of its answers, its defaults and the requests it knows.
   * `version`, `serializeType` and the others still have the last word. @default '5.3.3'
   */
  readonly persona?: Persona;
  /**
   * Protocol version in the header of replies, such as 407 for 4.9.7. Below 413, 5.0.0, the cluster answers odd requests
   * the way 4.9 does. @default that of `persona`
   */
  readonly version?: number;
  /** Form of reply headers; 'echo' is the form of the request. @default 'JSON', before 5.0 'echo' */
  readonly serializeType?: ReplySerializeType;
  /**
   * Whether a retry of a group that holds queue locks goes to its dead letter topic at once.
   * @default true, before 5.1.1 false
   */
  readonly dlqWhileLocked?: boolean;
  /** Whether offset resets wait at the broker for the next pull, or are pushed to clients. @default true, before 5.0 false */
  readonly serverSideResetOffset?: boolean;
  /** Form of stored messages; 2 is what brokers use for long topic names. @default 1 */
  readonly messageVersion?: 1 | 2;
  /** Whether stored messages carry IPv6 host addresses. @default false */
  readonly ipv6Hosts?: boolean;
  /** Serve TLS, beside plain connections on the same ports. */
  readonly tls?: MockTlsOptions;
  /** Brokers accept only requests signed with this key. */
  readonly acl?: { readonly accessKey: string; readonly secretKey: string };
  /** @default a clock that goes with the machine's */
  readonly clock?: MockClock;
  /** Age at which a queue lock may be taken over, in milliseconds. @default 60000 */
  readonly lockExpiryMs?: number;
  /** How often held pulls are looked at, in milliseconds. @default 5000 */
  readonly holdScanMs?: number;
  /** How old a half message is before its producer is asked about it, in milliseconds. @default 6000 */
  readonly transactionTimeoutMs?: number;
  /** How often producers are asked about half messages, from the broker's start on, in milliseconds. @default 30000 */
  readonly transactionCheckIntervalMs?: number;
  /** How often they are asked about one before it is given up. @default 15 */
  readonly transactionCheckMax?: number;
  /** How many frames the journal keeps. @default 20000 */
  readonly journalLimit?: number;
  /** A file that gets every frame as a line of JSON, at its end. */
  readonly journalFile?: string;
  /**
   * Whether to look for broken rules of ordered consumption: `'report'` tells by `violations`; with `'throw'` `stop()`
   * rejects as well; `false` does not look. @default 'report', without a journal (`journalLimit: 0`) false
   */
  readonly watchdogs?: WatchdogMode | false;
  /** The control plane over HTTP and the console page; `true` takes a free port of this machine. @default false */
  readonly http?: boolean | MockAdminOptions;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly brokers: readonly Required<BrokerOptions>[];
  readonly topics: Readonly<Record<string, TopicOptions>>;
  readonly groups: Readonly<Record<string, GroupOptions>>;
  readonly port: number;
  readonly brokerPort: number;
  readonly nameServers: number;
  readonly host: string;
  readonly advertisedHost: string;
  readonly autoCreateTopicEnable: boolean;
  readonly autoCreateSubscriptionGroup: boolean;
  readonly enablePropertyFilter: boolean;
  readonly persona: Persona;
  readonly version: number;
  /** Whether it answers the way 4.9 does. */
  readonly isV4: boolean;
  readonly serializeType: ReplySerializeType;
  readonly dlqWhileLocked: boolean;
  readonly serverSideResetOffset: boolean;
  readonly messageVersion: 1 | 2;
  readonly ipv6Hosts: boolean;
  readonly tls: MockTlsOptions | undefined;
  readonly acl: { readonly accessKey: string; readonly secretKey: string } | undefined;
  readonly clock: MockClock;
  readonly lockExpiryMs: number;
  readonly holdScanMs: number;
  readonly transactionTimeoutMs: number;
  readonly transactionCheckIntervalMs: number;
  readonly transactionCheckMax: number;
  readonly journalLimit: number;
  readonly journalFile: string | undefined;
  readonly watchdogs: WatchdogMode | false;
}

/** More than fit on one machine's ports with room for clients. */
export const MAX_BROKERS = 10_000;
/** Ordinal of the first version of the new generation. */
const V5_0_0 = 413;
/** The releases a cluster can be like, with their ordinals. */
const PERSONAS = { '5.5.0': 513, '5.3.3': MqVersion.V5_3_3, '4.9.7': MqVersion.V4_9_7 } as const;
export type Persona = keyof typeof PERSONAS;
const SERIALIZE_TYPES = ['JSON', 'ROCKETMQ', 'echo'] as const;

/** @throws ValidationError naming the option that makes no sense */
export function resolveOptions(options: MockClusterOptions = {}): ResolvedOptions {
  const host = options.host ?? '127.0.0.1';
  const persona = oneOf('persona', options.persona ?? '5.3.3', Object.keys(PERSONAS) as Persona[]);
  const version = integer('version', options.version ?? PERSONAS[persona], 0, 32_767);
  const journalLimit = integer(
    'journalLimit',
    options.journalLimit ?? DEFAULT_JOURNAL_LIMIT,
    0,
    Number.MAX_SAFE_INTEGER,
  );
  const isV4 = version < V5_0_0;
  for (const [name, topic] of Object.entries(options.topics ?? {})) checkTopic(name, topic);
  for (const name of Object.keys(options.groups ?? {})) checkGroupName(name);
  return {
    brokers: resolveBrokers(options.brokers ?? 1),
    topics: options.topics ?? {},
    groups: options.groups ?? {},
    port: integer('port', options.port ?? 0, 0, 65_535),
    brokerPort: integer('brokerPort', options.brokerPort ?? 0, 0, 65_535),
    nameServers: integer('nameServers', options.nameServers ?? 1, 1, 16),
    host,
    advertisedHost: options.advertisedHost ?? host,
    autoCreateTopicEnable: options.autoCreateTopicEnable ?? true,
    autoCreateSubscriptionGroup: options.autoCreateSubscriptionGroup ?? true,
    enablePropertyFilter: options.enablePropertyFilter ?? true,
    persona,
    version,
    isV4,
    serializeType: oneOf('serializeType', options.serializeType ?? (isV4 ? 'echo' : 'JSON'), SERIALIZE_TYPES),
    dlqWhileLocked: options.dlqWhileLocked ?? version >= MqVersion.V5_1_1,
    serverSideResetOffset: options.serverSideResetOffset ?? !isV4,
    messageVersion: oneOf('messageVersion', options.messageVersion ?? 1, [1, 2]),
    ipv6Hosts: options.ipv6Hosts ?? false,
    tls: options.tls,
    acl: options.acl,
    clock: options.clock ?? new MockClock(),
    lockExpiryMs: integer('lockExpiryMs', options.lockExpiryMs ?? 60_000, 0, Number.MAX_SAFE_INTEGER),
    holdScanMs: integer('holdScanMs', options.holdScanMs ?? 5000, 1, Number.MAX_SAFE_INTEGER),
    transactionTimeoutMs: integer(
      'transactionTimeoutMs',
      options.transactionTimeoutMs ?? 6000,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    transactionCheckIntervalMs: integer(
      'transactionCheckIntervalMs',
      options.transactionCheckIntervalMs ?? 30_000,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    transactionCheckMax: integer('transactionCheckMax', options.transactionCheckMax ?? 15, 0, Number.MAX_SAFE_INTEGER),
    journalLimit,
    journalFile: options.journalFile,
    watchdogs: oneOf('watchdogs', options.watchdogs ?? (journalLimit === 0 ? false : 'report'), [
      'report',
      'throw',
      false,
    ]),
  };
}

/** @throws ValidationError */
export function checkTopic(name: string, topic: TopicOptions): void {
  const problem = topicNameProblem(name);
  if (problem !== undefined) throw new ValidationError('topics', name, 'a legal topic name');
  for (const field of ['queues', 'readQueueNums', 'writeQueueNums'] as const) {
    const value = topic[field];
    if (value !== undefined) integer(`topics.${name}.${field}`, value, 0, 16_384);
  }
  if (topic.perm !== undefined) integer(`topics.${name}.perm`, topic.perm, 0, 7);
}

function checkGroupName(name: string): void {
  if (groupNameProblem(name) !== undefined) throw new ValidationError('groups', name, 'a legal group name');
}

function resolveBrokers(brokers: number | readonly BrokerOptions[]): Required<BrokerOptions>[] {
  if (typeof brokers === 'number') {
    const count = integer('brokers', brokers, 1, MAX_BROKERS);
    return Array.from({ length: count }, (_, index) => ({ name: brokerName(index), replicas: 0 }));
  }
  const names = brokers.map((broker) => broker.name);
  if (names.length === 0 || new Set(names).size !== names.length || names.some((name) => name === '')) {
    throw new ValidationError('brokers', names.join(','), 'one or more different names');
  }
  return brokers.map(({ name, replicas = 0 }) => ({ name, replicas: integer('brokers.replicas', replicas, 0, 9) }));
}

/** broker-a to broker-z, then broker-aa, broker-ab and so on. */
export function brokerName(index: number): string {
  let letters = '';
  for (let left = index; left >= 0; left = Math.floor(left / 26) - 1) {
    letters = String.fromCharCode(97 + (left % 26)) + letters;
  }
  return `broker-${letters}`;
}

/** The first such name that is not taken. */
export function freeBrokerName(taken: readonly string[]): string {
  for (let index = 0; ; index++) if (!taken.includes(brokerName(index))) return brokerName(index);
}

function integer(field: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ValidationError(field, value, `a whole number from ${min} to ${max}`);
}

function oneOf<T>(field: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new ValidationError(field, value, allowed.join(', '));
}
