import { systemClock, type Clock } from '../clock.js';
import { describeUrl, kindOf, ValidationError } from '../errors.js';
import { LANGUAGES } from '../protocol/command.js';
import { parseAddress } from '../remoting/address.js';
import { normalizeTls, type TlsOptions } from '../remoting/tls.js';
import { checkNamespace } from '../validation.js';
import {
  applyRules,
  boolean,
  delay,
  isObject,
  objectWith,
  oneOf,
  optional,
  secret,
  text,
  withDefault,
} from './rules.js';
import { word, type Rule, type Rules } from './rules.js';

/** The key a client signs its requests with. */
export interface AclCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of temporary credentials. */
  readonly securityToken?: string | undefined;
}

/** The name of a client's language in request headers; brokers only show it. */
export type ClientLanguage = (typeof LANGUAGES)[number];

/**
 * What consumers and producers have in common. Names, defaults and ranges are those of the reference's `ClientConfig`
 * unless an option says otherwise.
 */
export interface ClientOptions {
  /**
   * The name servers: `host:port`, several in an array or separated by `;`. One is used at a time, the others when it
   * doesn't answer.
   *
   * @default the environment variable NAMESRV_ADDR, and without it what {@link namesrvUrl} answers
   */
  readonly namesrvAddr?: string | readonly string[] | undefined;

  /**
   * Where the name servers are looked up by HTTP when {@link namesrvAddr} isn't given: the first line of the answer is
   * `host:port;host:port`. Read again every 120 s.
   *
   * @default 'http://jmenv.tbsite.net:8080/rocketmq/nsaddr', the reference's
   */
  readonly namesrvUrl?: string | undefined;

  /**
   * The first part of the client id. Only has to be set where several machines have the same address.
   *
   * @default the first IPv4 address of this machine that isn't loopback
   */
  readonly clientIP?: string | undefined;

  /**
   * The second part of the client id, which brokers tell the members of a group apart by. Consumers and producers of
   * one process with the same client id share their connections.
   *
   * Set it to a stable name when exactly one process uses it: a consumer that restarts under the same name re-enters
   * its own queue locks at once instead of waiting until they expire. Two processes that run under one client id at
   * the same time consume the same queues.
   *
   * @default a value of its own for each clustering consumer, 'DEFAULT' for all others
   */
  readonly instanceName?: string | undefined;

  /** Appended to the client id. */
  readonly unitName?: string | undefined;

  /** Put before the names of topics and groups, `ns%name`: namespaces as of version 4. */
  readonly namespace?: string | undefined;

  /** Sent along with each request, names stay as they are: namespaces as of version 5.2. */
  readonly namespaceV2?: string | undefined;

  /** The key each request is signed with. @default requests aren't signed */
  readonly acl?: AclCredentials | undefined;

  /** Whether connections are made by TLS, and how: see {@link TlsOptions}. `true` is TLS as Node does it. @default false */
  readonly tls?: boolean | TlsOptions | undefined;

  /** How often the routes of topics are read again, in milliseconds, [1, 2147483647]. @default 30000 */
  readonly pollNameServerInterval?: number | undefined;

  /**
   * How often each broker is told that this client is alive, in milliseconds, [1, 2147483647]. A broker forgets a client
   * after 120 s of silence. @default 30000
   */
  readonly heartbeatBrokerInterval?: number | undefined;

  /** How often changed offsets are written to the broker or file, in milliseconds, [1, 2147483647]. @default 5000 */
  readonly persistConsumerOffsetInterval?: number | undefined;

  /**
   * How long after a failed pull the next one follows, in milliseconds, [1, 2147483647]. It grows with each further
   * failure, up to 5 s. @default 1000
   */
  readonly pullTimeDelayMillsWhenException?: number | undefined;

  /** How long a broker or name server may take to answer, in milliseconds, [1, 2147483647]. @default 3000 */
  readonly mqClientApiTimeout?: number | undefined;

  /** How long connecting may take, in milliseconds, [1, 2147483647]. @default 3000 */
  readonly connectTimeout?: number | undefined;

  /**
   * What a broker shows as this client's language. The default is known to brokers of every version, 'NODE_JS' to those
   * since 5.3.2. @default 'OTHER'
   */
  readonly language?: ClientLanguage | undefined;

  /** Where all waiting takes its time from; for tests. @default the machine's time */
  readonly clock?: Clock | undefined;
}

/** {@link ClientOptions} with every default filled in. */
export interface ResolvedClientOptions {
  readonly namesrvAddr: readonly string[] | undefined;
  readonly namesrvUrl: string | undefined;
  readonly clientIP: string | undefined;
  readonly instanceName: string | undefined;
  readonly unitName: string | undefined;
  readonly namespace: string | undefined;
  readonly namespaceV2: string | undefined;
  readonly acl: ResolvedAcl | undefined;
  readonly tls: TlsOptions | undefined;
  readonly pollNameServerInterval: number;
  readonly heartbeatBrokerInterval: number;
  readonly persistConsumerOffsetInterval: number;
  readonly pullTimeDelayMillsWhenException: number;
  readonly mqClientApiTimeout: number;
  readonly connectTimeout: number;
  readonly language: ClientLanguage;
  readonly clock: Clock;
}

/** Credentials without a token have no such field, so that they can be handed on as they are. */
export type ResolvedAcl = Readonly<{ accessKey: string; secretKey: string; securityToken?: string }>;

export const CLIENT_RULES: Rules<ResolvedClientOptions> = {
  namesrvAddr: optional(readAddresses),
  namesrvUrl: optional(readHttpUrl),
  clientIP: optional(word),
  instanceName: optional(word),
  unitName: optional(word),
  namespace: optional(checkNamespace),
  namespaceV2: optional(checkNamespace),
  acl: optional(readAcl),
  tls: { fallback: () => undefined, read: readTls },
  pollNameServerInterval: withDefault(30_000, delay),
  heartbeatBrokerInterval: withDefault(30_000, delay),
  persistConsumerOffsetInterval: withDefault(5_000, delay),
  pullTimeDelayMillsWhenException: withDefault(1_000, delay),
  mqClientApiTimeout: withDefault(3_000, delay),
  connectTimeout: withDefault(3_000, delay),
  language: withDefault('OTHER', oneOf(...LANGUAGES)),
  clock: withDefault(systemClock, objectWith<Clock>(['now', 'wallTime', 'setTimeout', 'clearTimeout'])),
};

/** What people who come from other clients write, and what to write here. */
export const CLIENT_HINTS: Readonly<Record<string, string>> = {
  useTLS: "the option 'tls'",
  accessKey: "the option 'acl', an object with accessKey and secretKey",
  secretKey: "the option 'acl', an object with accessKey and secretKey",
  securityToken: "the option 'acl', an object with accessKey, secretKey and securityToken",
  nameServer: "the option 'namesrvAddr'",
  nameServers: "the option 'namesrvAddr'",
  endpoints: "the option 'namesrvAddr'; this client speaks the Remoting protocol, not gRPC",
  vipChannelEnabled: 'nothing, as this client always connects to the port that brokers advertise',
};

/**
 * Checks the options that consumers and producers have in common, and fills in the defaults.
 *
 * @throws ValidationError naming the first option that isn't acceptable
 */
export function resolveClientOptions(options: ClientOptions = {}): ResolvedClientOptions {
  return applyRules(CLIENT_RULES, options, CLIENT_HINTS);
}

function readAddresses(value: unknown, name: string): readonly string[] {
  const given: readonly unknown[] = typeof value === 'string' ? value.split(/[;,]/) : Array.isArray(value) ? value : [];
  const addresses = given.map((address) => (typeof address === 'string' ? address.trim() : address));
  if (typeof value === 'string' && addresses.at(-1) === '') addresses.pop();
  const valid = addresses.filter((address) => typeof address === 'string' && parseAddress(address) !== undefined);
  if (valid.length > 0 && valid.length === addresses.length) return [...new Set(valid as string[])];
  const wrong = addresses.find((address) => !valid.includes(address)) ?? value;
  throw new ValidationError(name, wrong, "'host:port', an array of them, or several separated by ';'");
}

function readHttpUrl(value: unknown, name: string): string {
  if (typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new ValidationError(name, describeUrl(value), 'an http:// or https:// URL');
}

const ACL_RULES: Rules<Required<AclCredentials>> = {
  accessKey: { fallback: missing, read: secret },
  secretKey: { fallback: missing, read: secret },
  securityToken: optional(secret),
};

function missing(name: string): never {
  throw new ValidationError(name, undefined, 'a non-empty string');
}

function readAcl(value: unknown, name: string): ResolvedAcl {
  // What stands in the place of an object with keys may be a key.
  if (!isObject(value)) throw new ValidationError(name, kindOf(value), 'an object with accessKey and secretKey');
  const { accessKey, secretKey, securityToken } = applyRules(ACL_RULES, value, {}, name);
  return { accessKey, secretKey, ...(securityToken !== undefined && { securityToken }) };
}

const pem: Rule<string | Buffer>['read'] = (value, name) => {
  if ((typeof value === 'string' && value !== '') || (Buffer.isBuffer(value) && value.length > 0)) return value;
  throw new ValidationError(name, kindOf(value), 'a non-empty string or Buffer');
};

const TLS_RULES: Rules<{ readonly [K in keyof TlsOptions]-?: TlsOptions[K] | undefined }> = {
  ca: optional((value, name) => (Array.isArray(value) ? value.map((ca) => pem(ca, name)) : pem(value, name))),
  cert: optional(pem),
  key: optional(pem),
  passphrase: optional(secret),
  pfx: optional(pem),
  servername: optional(text),
  rejectUnauthorized: optional(boolean),
  checkServerIdentity: optional((value, name) => {
    if (typeof value === 'function') return value as NonNullable<TlsOptions['checkServerIdentity']>;
    throw new ValidationError(name, value, 'a function');
  }),
  minVersion: optional(oneOf('TLSv1.2', 'TLSv1.3')),
  ciphers: optional(text),
};

function readTls(value: unknown, name: string): TlsOptions | undefined {
  if (typeof value === 'boolean') return normalizeTls(value);
  if (!isObject(value)) throw new ValidationError(name, kindOf(value), 'true, false or an object of TLS options');
  const resolved = Object.entries(applyRules(TLS_RULES, value, {}, name));
  return Object.fromEntries(resolved.filter(([, option]) => option !== undefined));
}
