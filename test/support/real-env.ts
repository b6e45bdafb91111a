import { readFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterAdmin, type CreateGroupOptions, type CreateTopicOptions } from './cluster-admin.js';
import type { JavaTarget } from './java-member.js';
import { ownFolder } from './owned-process.js';
import { rawOptionsOf, runAdminTool, type ClusterDescription } from './real-cluster.js';
import { writeLogConfig } from './real-cluster-config.js';
import { controlBroker, type BrokerAction } from './real-control.js';
import { isRocketMQVersion, type RocketMQVersion } from './rocketmq-java.js';

/**
 * The cluster the tests of test/real run against. `npm run test:real` starts it and describes it in a file; for one test
 * by hand it is enough to name a running one: `ROCKETMQ_NAMESRV=host:port ROCKETMQ_VERSION=5.5.0`, with which only
 * stopping and starting brokers is not possible.
 */

/** What the suite writes into the file named by `ROCKETMQ_CLUSTER`. */
export interface ClusterFile {
  readonly cluster: ClusterDescription;
  readonly controlUrl: string;
}

export interface EnvBroker {
  readonly name: string;
  readonly address: string;
  /** SIGTERM and its end. A 5.x broker takes about 15 s for it, a 4.x broker 6 s. */
  stop(): Promise<void>;
  /** On the same port with the data it had; resolves when it is registered in the name server. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface RealEnv {
  readonly version: RocketMQVersion;
  readonly namesrvAddr: string;
  readonly brokers: readonly EnvBroker[];
  /** Whether brokers can be stopped and started. */
  readonly controllable: boolean;
  /** The target for `startJavaMember` and `javaProduce`. */
  readonly java: JavaTarget;
  /** Administration by the protocol. */
  readonly protocolAdmin: ClusterAdmin;
  broker(name: string): EnvBroker;
  /** Runs the reference's `mqadmin`; takes seconds. */
  admin(...args: string[]): Promise<string>;
  createTopic(name: string, queues: number, options?: CreateTopicOptions): Promise<void>;
  createGroup(name: string, options?: CreateGroupOptions): Promise<void>;
  /** A name nothing else uses: `prefix-1f3a...`. */
  unique(prefix: string): string;
}

let current: Promise<RealEnv> | undefined;

/** @throws Error when no cluster is named in the environment */
export function realEnv(): Promise<RealEnv> {
  current ??= describeEnv(process.env).then(({ cluster, controlUrl }) => build(cluster, controlUrl));
  return current;
}

async function describeEnv(env: NodeJS.ProcessEnv): Promise<{ cluster: ClusterDescription; controlUrl?: string }> {
  const file = env['ROCKETMQ_CLUSTER'];
  if (file !== undefined && file !== '') return JSON.parse(readFileSync(file, 'utf8')) as ClusterFile;
  const namesrvAddr = env['ROCKETMQ_NAMESRV'];
  const version = env['ROCKETMQ_VERSION'];
  if (namesrvAddr === undefined || version === undefined || !isRocketMQVersion(version)) {
    throw new Error(
      'no cluster: run `npm run test:real`, or set ROCKETMQ_NAMESRV and ROCKETMQ_VERSION (5.5.0 or 4.9.7)',
    );
  }
  const dir = mkdtempSync(join(tmpdir(), 'rocketmq-env-'));
  ownFolder(dir);
  // For the administration tool: without it 4.x prints nothing, and 5.x all about its logging.
  writeLogConfig(join(dir, 'namesrv'));
  const masters = await new ClusterAdmin(namesrvAddr).masters();
  const brokers = [...masters].map(([name, address]) => ({ name, address }));
  return { cluster: { version, dir, namesrvAddr, tls: false, brokers } };
}

function build(cluster: ClusterDescription, controlUrl: string | undefined): RealEnv {
  const protocolAdmin = new ClusterAdmin(cluster.namesrvAddr, rawOptionsOf(cluster));
  const act = async (name: string, action: BrokerAction): Promise<void> => {
    if (controlUrl === undefined) throw new Error(`only under \`npm run test:real\` brokers can be told to ${action}`);
    await controlBroker(controlUrl, name, action);
  };
  const brokers: EnvBroker[] = cluster.brokers.map(({ name, address }) => ({
    name,
    address,
    stop: () => act(name, 'stop'),
    start: () => act(name, 'start'),
    kill: () => act(name, 'kill'),
  }));
  let counter = 0;
  const run = `${Date.now().toString(36)}${process.pid.toString(36)}`;
  return {
    version: cluster.version,
    namesrvAddr: cluster.namesrvAddr,
    brokers,
    controllable: controlUrl !== undefined,
    java: { version: cluster.version, namesrvAddr: cluster.namesrvAddr, dir: cluster.dir, tls: cluster.tls },
    protocolAdmin,
    broker: (name) => {
      const broker = brokers.find((candidate) => candidate.name === name);
      if (broker === undefined) throw new Error(`there is no broker ${name}`);
      return broker;
    },
    admin: (...args) => runAdminTool(cluster, args),
    createTopic: (name, queues, options) => protocolAdmin.createTopic(name, queues, options),
    createGroup: (name, options) => protocolAdmin.createGroup(name, options),
    unique: (prefix) => `${prefix}-${run}${(counter++).toString(36)}`,
  };
}
