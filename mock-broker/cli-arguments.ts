import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { ValidationError } from '../lib/errors.js';
import type { MockAdminOptions } from './admin/server.js';
import { brokerName, type BrokerOptions, MAX_BROKERS, type MockClusterOptions, type TopicOptions } from './options.js';
import type { ReplySerializeType } from './server/connection.js';

/** What the command line of the mock cluster understands. */

/** What the arguments ask for. */
export interface CliRequest {
  readonly options: MockClusterOptions;
  /** Fault rules as they were written. */
  readonly faults: readonly string[];
  /** A file with topics, groups and messages to begin with. */
  readonly load: string | undefined;
  /** Whether what it says is for machines. */
  readonly json: boolean;
  /** Whether it ends with its standard input. */
  readonly untilStdinEnds: boolean;
}

/** Where help and complaints go. */
export interface CliOutput {
  out(text: string): void;
  error(text: string): void;
}

const DEFAULT_PORT = 9876;
const DEFAULT_HTTP_PORT = 8080;
export const DEFAULT_QUEUES = 8;

interface CliOptions {
  readonly port: number;
  readonly brokerPort: number;
  readonly brokers: number;
  readonly replicas: number;
  readonly nameServers: number;
  readonly host: string;
  readonly advertisedHost?: string;
  readonly topic?: Readonly<Record<string, TopicOptions>>;
  readonly group?: readonly string[];
  readonly persona?: NonNullable<MockClusterOptions['persona']>;
  readonly versionNumber?: number;
  readonly serializeType?: ReplySerializeType;
  readonly autoCreateTopic: boolean;
  readonly autoCreateGroup: boolean;
  readonly propertyFilter: boolean;
  readonly lockExpiry?: number;
  readonly acl?: { readonly accessKey: string; readonly secretKey: string };
  readonly tlsKey?: string;
  readonly tlsCert?: string;
  readonly load?: string;
  readonly fault?: readonly string[];
  readonly journal?: string;
  readonly http?: number | true;
  readonly httpHost?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly untilStdinEnds?: boolean;
}

/** @throws CommanderError, after it was reported, when they can't be understood */
export function parseArguments(args: readonly string[], output: CliOutput): CliRequest {
  const program = createProgram(output);
  program.parse(args, { from: 'user' });
  const cli = program.opts<CliOptions>();
  if ((cli.tlsKey === undefined) !== (cli.tlsCert === undefined)) {
    program.error('error: --tls-key and --tls-cert need each other');
  }
  if (cli.http === undefined && (cli.httpHost !== undefined || cli.token !== undefined)) {
    program.error('error: --http-host and --token need --http');
  }
  const { fault: faults = [], load, json = false, untilStdinEnds = false } = cli;
  return { options: clusterOptions(cli), faults, load, json, untilStdinEnds };
}

function createProgram(output: CliOutput): Command {
  return new Command('rocketmq-mock-broker')
    .description('A mock RocketMQ cluster, name server and brokers in one process, that speaks the Remoting protocol.')
    .option('-p, --port <port>', 'port of the name server, 0 for any free one', parsePort, DEFAULT_PORT)
    .option('--broker-port <port>', 'port of the first broker, the others take the next ones', parsePort, 0)
    .option('--broker, --brokers <count>', 'how many brokers: broker-a, broker-b, ...', parseCount, 1)
    .option('--replicas <count>', 'how many replicas each broker has', parseCount, 0)
    .option('--name-servers <count>', 'how many name servers; those after the first take any free port', parseCount, 1)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--advertised-host <host>', 'address clients are told to connect to (default: --host)')
    .option(
      '-t, --topic <name[:queues]>',
      `a topic, with ${DEFAULT_QUEUES} queues on each broker unless said otherwise; can be repeated`,
      collectTopic,
    )
    .option('-g, --group <name>', 'a consumer group; can be repeated', collect)
    .option('-l, --load <file>', 'topics, groups and messages to begin with (JSON)')
    .option('--persona <version>', 'the RocketMQ to pose as: 5.5.0, 5.3.3 or 4.9.7 (default: 5.3.3)')
    .option('--version-number <ordinal>', 'protocol version to pose as, instead of that of the persona', parseCount)
    .option('--serialize-type <type>', 'form of reply headers: JSON, ROCKETMQ or echo')
    .option('--no-auto-create-topic', 'refuse messages to unknown topics')
    .option('--no-auto-create-group', 'refuse unknown consumer groups')
    .option('--no-property-filter', 'refuse SQL92 subscriptions')
    .option('--lock-expiry <ms>', 'age at which a queue lock may be taken over (default: 60000)', parseCount)
    .option('--acl <accessKey:secretKey>', 'accept only requests signed with this key', parseAcl)
    .option('--tls-key <file>', 'private key (PEM): serve TLS beside plain connections')
    .option('--tls-cert <file>', 'certificate (PEM) of the key')
    .option('-f, --fault <rule>', 'what is to go wrong, such as LOCK_BATCH_MQ:lock=refuse,times=3; can be repeated', collect)
    .option('--journal <file>', 'write every frame there, as a line of JSON')
    .option('--http [port]', `control plane and console page over HTTP (port: ${DEFAULT_HTTP_PORT}, 0 for any free one)`, parsePort)
    .option('--http-host <address>', 'address HTTP listens on (default: 127.0.0.1); others need a token')
    .option('--token <text>', 'what HTTP requests have to show')
    .option('--json', 'tell where everything is in one line of JSON')
    .option('--until-stdin-ends', 'end when standard input does, as when whoever started it is gone')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.error(text) });
} // prettier-ignore

const EXAMPLES = `
Examples:
  rocketmq-mock-broker --topic Orders:8
  rocketmq-mock-broker --port 9876 --brokers 3 --topic Orders:4 --topic Payments:2
  rocketmq-mock-broker --topic Orders --http --fault PULL_MESSAGE:delay=200,probability=0.1
  rocketmq-mock-broker --host 0.0.0.0 --advertised-host mock --broker-port 10911 --topic Orders

It runs until SIGINT or SIGTERM. Messages are kept in memory only.`;

function clusterOptions(cli: CliOptions): MockClusterOptions {
  const { tlsKey, tlsCert } = cli;
  return {
    port: cli.port,
    brokerPort: cli.brokerPort,
    brokers: brokersOf(cli),
    nameServers: cli.nameServers,
    host: cli.host,
    topics: cli.topic ?? {},
    groups: Object.fromEntries((cli.group ?? []).map((name) => [name, {}])),
    autoCreateTopicEnable: cli.autoCreateTopic,
    autoCreateSubscriptionGroup: cli.autoCreateGroup,
    enablePropertyFilter: cli.propertyFilter,
    ...(cli.advertisedHost !== undefined && { advertisedHost: cli.advertisedHost }),
    ...(cli.persona !== undefined && { persona: cli.persona }),
    ...(cli.versionNumber !== undefined && { version: cli.versionNumber }),
    ...(cli.serializeType !== undefined && { serializeType: cli.serializeType }),
    ...(cli.lockExpiry !== undefined && { lockExpiryMs: cli.lockExpiry }),
    ...(cli.acl !== undefined && { acl: cli.acl }),
    ...(cli.journal !== undefined && { journalFile: cli.journal }),
    ...(cli.http !== undefined && { http: httpOptions(cli, cli.http) }),
    ...(tlsKey !== undefined && tlsCert !== undefined && { tls: { key: readPem('--tls-key', tlsKey), cert: readPem('--tls-cert', tlsCert) } }), // prettier-ignore
  };
}

/** Too many are refused as a number, before a list of them is made. */
function brokersOf({ brokers, replicas }: CliOptions): number | readonly BrokerOptions[] {
  if (replicas === 0 || brokers > MAX_BROKERS) return brokers;
  return Array.from({ length: brokers }, (_, index) => ({ name: brokerName(index), replicas }));
}

function httpOptions({ httpHost, token }: CliOptions, port: number | true): MockAdminOptions {
  return {
    port: port === true ? DEFAULT_HTTP_PORT : port,
    ...(httpHost !== undefined && { host: httpHost }),
    ...(token !== undefined && { token }),
  };
}

function readPem(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new ValidationError(option, file, 'a file that can be read');
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  return port;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw new InvalidArgumentError('It must be a whole number.');
  return count;
}

function collectTopic(text: string, topics: Readonly<Record<string, TopicOptions>> = {}): Record<string, TopicOptions> {
  const match = /^([^:]+)(?::(\d+))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('A topic is given as name or name:queues, such as Orders:8.');
  const [, name = '', queues] = match;
  return { ...topics, [name]: { queues: queues === undefined ? DEFAULT_QUEUES : Number(queues) } };
}

function collect(text: string, texts: readonly string[] = []): string[] {
  return [...texts, text];
}

function parseAcl(text: string): { accessKey: string; secretKey: string } {
  const [accessKey, secretKey] = text.split(':');
  if (accessKey === undefined || accessKey === '' || secretKey === undefined || secretKey === '') {
    throw new InvalidArgumentError('It is given as accessKey:secretKey.');
  }
  return { accessKey, secretKey };
}
