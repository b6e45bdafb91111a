import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { RocketMQError } from '../lib/errors.js';
import { MockCluster } from './cluster.js';
import type { MockClusterOptions, TopicOptions } from './options.js';
import type { ReplySerializeType } from './server/connection.js';

/** The command line of the mock cluster: for clients in other processes and other languages. */

/** Where a program writes, and how it is told to end. */
export interface CliEnvironment {
  out(text: string): void;
  error(text: string): void;
  /** Resolves when the program is to end. */
  untilStopped(): Promise<void>;
}

/** Exit codes. */
const OK = 0;
const CANNOT_START = 1;
const BAD_INPUT = 2;

const DEFAULT_PORT = 9876;
const DEFAULT_QUEUES = 8;

interface CliOptions {
  readonly port: number;
  readonly brokerPort: number;
  readonly brokers: number;
  readonly host: string;
  readonly advertisedHost?: string;
  readonly topic?: Readonly<Record<string, TopicOptions>>;
  readonly group?: readonly string[];
  readonly versionNumber?: number;
  readonly serializeType?: ReplySerializeType;
  readonly autoCreateTopic: boolean;
  readonly autoCreateGroup: boolean;
  readonly propertyFilter: boolean;
  readonly lockExpiry?: number;
  readonly acl?: { readonly accessKey: string; readonly secretKey: string };
  readonly tlsKey?: string;
  readonly tlsCert?: string;
}

/** Runs the program until it is told to stop. Resolves with its exit code. */
export async function runCli(args: readonly string[], environment: CliEnvironment): Promise<number> {
  let options: MockClusterOptions;
  try {
    options = parseArguments(args, environment);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : BAD_INPUT;
    environment.error(`error: ${messageOf(error)}\n`);
    return BAD_INPUT;
  }
  let cluster: MockCluster;
  try {
    cluster = await MockCluster.start(options);
  } catch (error) {
    environment.error(`error: ${messageOf(error)}\n`);
    return error instanceof RocketMQError ? BAD_INPUT : CANNOT_START;
  }
  environment.out(describeCluster(cluster, options));
  await environment.untilStopped();
  await cluster.stop();
  return OK;
}

/** What the arguments ask for. @throws CommanderError, after it was reported, when they can't be understood */
export function parseArguments(
  args: readonly string[],
  output: Pick<CliEnvironment, 'out' | 'error'>,
): MockClusterOptions {
  const program = createProgram(output);
  program.parse(args, { from: 'user' });
  return toClusterOptions(program.opts<CliOptions>(), program);
}

function createProgram(output: Pick<CliEnvironment, 'out' | 'error'>): Command {
  return new Command('rocketmq-mock-broker')
    .description('A mock RocketMQ cluster, name server and brokers in one process, that speaks the Remoting protocol.')
    .option('-p, --port <port>', 'port of the name server, 0 for any free one', parsePort, DEFAULT_PORT)
    .option('--broker-port <port>', 'port of the first broker, the others take the next ones', parsePort, 0)
    .option('--broker, --brokers <count>', 'how many brokers: broker-a, broker-b, ...', parseCount, 1)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--advertised-host <host>', 'address clients are told to connect to (default: --host)')
    .option(
      '-t, --topic <name[:queues]>',
      `a topic, with ${DEFAULT_QUEUES} queues on each broker unless said otherwise; can be repeated`,
      collectTopic,
    ) // prettier-ignore
    .option('-g, --group <name>', 'a consumer group; can be repeated', collect)
    .option(
      '--version-number <ordinal>',
      'protocol version to pose as, such as 407 for 4.9.7 or 513 for 5.5.0',
      parseCount,
    )
    .option('--serialize-type <type>', 'form of reply headers: JSON, ROCKETMQ or echo')
    .option('--no-auto-create-topic', 'refuse messages to unknown topics')
    .option('--no-auto-create-group', 'refuse unknown consumer groups')
    .option('--no-property-filter', 'refuse SQL92 subscriptions')
    .option('--lock-expiry <ms>', 'age at which a queue lock may be taken over (default: 60000)', parseCount)
    .option('--acl <accessKey:secretKey>', 'accept only requests signed with this key', parseAcl)
    .option('--tls-key <file>', 'private key (PEM): serve TLS beside plain connections')
    .option('--tls-cert <file>', 'certificate (PEM) of the key')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.error(text) });
}

const EXAMPLES = `
Examples:
  rocketmq-mock-broker --topic Orders:8
  rocketmq-mock-broker --port 9876 --brokers 3 --topic Orders:4 --topic Payments:2
  rocketmq-mock-broker --host 0.0.0.0 --advertised-host mock --broker-port 10911 --topic Orders

It runs until SIGINT or SIGTERM. Messages are kept in memory only.`;

function toClusterOptions(cli: CliOptions, program: Command): MockClusterOptions {
  if ((cli.tlsKey === undefined) !== (cli.tlsCert === undefined)) {
    program.error('error: --tls-key and --tls-cert need each other');
  }
  const { tlsKey, tlsCert } = cli;
  return {
    port: cli.port,
    brokerPort: cli.brokerPort,
    brokers: cli.brokers,
    host: cli.host,
    topics: cli.topic ?? {},
    groups: Object.fromEntries((cli.group ?? []).map((name) => [name, {}])),
    autoCreateTopicEnable: cli.autoCreateTopic,
    autoCreateSubscriptionGroup: cli.autoCreateGroup,
    enablePropertyFilter: cli.propertyFilter,
    ...(cli.advertisedHost !== undefined && { advertisedHost: cli.advertisedHost }),
    ...(cli.versionNumber !== undefined && { version: cli.versionNumber }),
    ...(cli.serializeType !== undefined && { serializeType: cli.serializeType }),
    ...(cli.lockExpiry !== undefined && { lockExpiryMs: cli.lockExpiry }),
    ...(cli.acl !== undefined && { acl: cli.acl }),
    ...(tlsKey !== undefined && tlsCert !== undefined && { tls: { key: readFileSync(tlsKey), cert: readFileSync(tlsCert) } }), // prettier-ignore
  };
}

/** What a person needs to connect. */
function describeCluster(cluster: MockCluster, options: MockClusterOptions): string {
  const lines = [`name server ${cluster.namesrvAddr}`];
  for (const broker of cluster.brokers) lines.push(`broker      ${broker.address} (${broker.name})`);
  for (const [name, topic] of Object.entries(options.topics ?? {})) {
    const queues = topic.queues ?? DEFAULT_QUEUES;
    lines.push(`topic       ${name}, ${queues} ${queues === 1 ? 'queue' : 'queues'} on each broker`);
  }
  return `${lines.join('\n')}\n`;
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

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
