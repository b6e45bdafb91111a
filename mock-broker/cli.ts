import { CommanderError } from 'commander';
import { RocketMQError } from '../lib/errors.js';
import { type CliOutput, type CliRequest, DEFAULT_QUEUES, parseArguments } from './cli-arguments.js';
import { MockCluster } from './cluster.js';
import type { FaultRule } from './faults/rule.js';
import type { Loaded } from './load-file.js';
import type { MockClusterOptions } from './options.js';

/** The command line of the mock cluster: for clients in other processes and other languages. */

/** Where a program writes, and how it is told to end. */
export interface CliEnvironment extends CliOutput {
  /** Resolves when the program is to end: by a signal, or with its standard input if that is asked for. */
  untilStopped(untilStdinEnds: boolean): Promise<void>;
}

/** Exit codes. */
const OK = 0;
const CANNOT_START = 1;
const BAD_INPUT = 2;

/** What is to be started. */
interface Plan {
  readonly options: MockClusterOptions;
  readonly rules: readonly FaultRule[];
  readonly loaded: Loaded | undefined;
  readonly json: boolean;
  readonly untilStdinEnds: boolean;
}

/** Runs the program until it is told to stop. Resolves with its exit code. */
export async function runCli(args: readonly string[], environment: CliEnvironment): Promise<number> {
  let cluster: MockCluster | undefined;
  let plan: Plan;
  try {
    plan = await makePlan(parseArguments(args, environment));
    cluster = await MockCluster.start(plan.options);
    for (const rule of plan.rules) cluster.faults.add(rule);
    plan.loaded?.storeMessages(cluster);
    environment.out(plan.json ? describeAsJson(cluster) : describeCluster(cluster, plan.options));
  } catch (error) {
    await cluster?.stop();
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : BAD_INPUT;
    environment.error(`error: ${messageOf(error)}\n`);
    return error instanceof RocketMQError ? BAD_INPUT : CANNOT_START;
  }
  await environment.untilStopped(plan.untilStdinEnds);
  await cluster.stop();
  return OK;
}

/** What JSON and rules are read with is loaded only where there are some. */
async function makePlan(request: CliRequest): Promise<Plan> {
  const { options, faults, load, json, untilStdinEnds } = request;
  const schema = faults.length > 0 ? await import('./faults/schema.js') : undefined;
  const rules = faults.flatMap((text) => schema?.parseFaultText(text) ?? []);
  const loaded = load === undefined ? undefined : (await import('./load-file.js')).readLoadFile(load);
  // What is said here counts more than what a file says.
  const topics = { ...loaded?.topics, ...options.topics };
  const groups = { ...loaded?.groups, ...options.groups };
  return { options: { ...options, topics, groups }, rules, loaded, json, untilStdinEnds };
}

/** What a person needs to connect. */
function describeCluster(cluster: MockCluster, options: MockClusterOptions): string {
  const lines = [`name server ${cluster.namesrvAddr}`];
  for (const { address, name, replicas } of cluster.brokers) {
    lines.push(`broker      ${address} (${name})`);
    for (const replica of replicas) lines.push(`replica     ${replica.address} (${name}/${replica.brokerId})`);
  }
  for (const [name, topic] of Object.entries(options.topics ?? {})) {
    const queues = topic.queues ?? topic.writeQueueNums ?? DEFAULT_QUEUES;
    lines.push(`topic       ${name}, ${queues} ${queues === 1 ? 'queue' : 'queues'} on each broker`);
  }
  for (const { rule, id } of cluster.faults.active) lines.push(`fault       ${id}, ${rule.action.type}`);
  for (const { url } of cluster.admins) lines.push(`console     ${url}`);
  return `${lines.join('\n')}\n`;
}

/** What a program needs to connect, in one line. */
function describeAsJson(cluster: MockCluster): string {
  const { namesrvAddr, brokers, admins } = cluster;
  const description = {
    namesrvAddr,
    brokers: brokers.map(({ name, address, replicas }) => {
      return { name, address, ...(replicas.length > 0 && { replicas: replicas.map((replica) => replica.address) }) };
    }),
    topics: cluster.topics(),
    http: admins[0]?.url ?? null,
  };
  return `${JSON.stringify(description)}\n`;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
