import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterAdmin, type CreateGroupOptions, type CreateTopicOptions } from './cluster-admin.js';
import { freePort } from './free-ports.js';
import { ownFolder, removeFolder, tailOf, type OwnedProcess } from './owned-process.js';
import type { RawOptions } from './raw-connection.js';
import {
  commonJvmOptions,
  TLS_FIXTURES,
  writeBrokerConfig,
  writeLogConfig,
  writeNameServerConfig,
  writeToolsAcl,
  type Acl,
  type BrokerPlan,
  type NodePlan,
} from './real-cluster-config.js';
import { prepareJava, runJava, startJava, type JavaHome, type RocketMQVersion, type Tuning } from './rocketmq-java.js';
import { until } from './until.js';

/** A cluster of Apache RocketMQ on the loopback interface: one name server, one or two masters, perhaps a slave. */

export interface RealClusterOptions {
  readonly version: RocketMQVersion;
  /** Named `broker-a`, `broker-b`. Default 1. */
  readonly brokers?: 1 | 2;
  /** Gives `broker-a` a slave, the last of the cluster's brokers. Default false. */
  readonly slave?: boolean;
  /** More lines for each broker's configuration file. */
  readonly brokerConfig?: Readonly<Record<string, string>>;
  /** Files a broker finds in its store/config, by name, for states no request leads to. */
  readonly storeFiles?: Readonly<Record<string, object>>;
  /** Encrypted connections only, with the certificates of test/fixtures/tls. Default false. */
  readonly tls?: boolean;
  /** The brokers want every request signed with this account, which may do everything. */
  readonly acl?: Acl;
  /** 'throughput' is for benchmarks: brokers that are never what is waited for. Default 'tests'. */
  readonly tuned?: Tuning;
}

/** What a process that did not start the cluster needs to know about it. */
export interface ClusterDescription {
  readonly version: RocketMQVersion;
  readonly dir: string;
  readonly namesrvAddr: string;
  readonly tls: boolean;
  readonly acl?: Acl;
  readonly brokers: readonly { readonly name: string; readonly address: string }[];
}

const START_TIMEOUT_MS = 90_000;

const BROKER_MEMORY: Readonly<Record<Tuning, readonly string[]>> = {
  tests: ['-Xms256m', '-Xmx640m', '-XX:MaxDirectMemorySize=512m'],
  throughput: ['-Xms1g', '-Xmx1g', '-XX:MaxDirectMemorySize=1g'],
};

export class RealBroker {
  readonly name: string;
  readonly address: string;
  readonly #plan: BrokerPlan;
  readonly #cluster: RealCluster;
  #process: OwnedProcess | undefined;

  constructor(cluster: RealCluster, plan: BrokerPlan) {
    this.name = plan.name;
    this.address = `127.0.0.1:${plan.port}`;
    this.#plan = plan;
    this.#cluster = cluster;
  }

  /** It has its master's name. */
  get isSlave(): boolean {
    return this.#plan.brokerId !== 0;
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exit === undefined;
  }

  /** Starts it on the same port with the data it had, and waits until it is registered in the name server. */
  async start(): Promise<void> {
    if (this.running) throw new Error(`${this.name} is running`);
    const logFile = join(this.#plan.home, 'logs', 'broker.out');
    this.#process = await startJava(this.#cluster.java, {
      mainClass: 'org.apache.rocketmq.broker.BrokerStartup',
      args: ['-c', join(this.#plan.home, 'conf', 'broker.conf')],
      jvmOptions: [...this.#cluster.jvmOptions(this.#plan.home), ...BROKER_MEMORY[this.#cluster.tuned]],
      tuned: this.#cluster.tuned,
      env: { ...process.env, ROCKETMQ_HOME: this.#plan.home },
      logFile,
      stopWithParent: true,
    });
    const { protocolAdmin } = this.#cluster;
    await this.#cluster.awaitStart(this.name, this.#process, logFile, async () => {
      // The name server may still know it from before; only an answer shows that it is there again.
      await protocolAdmin.answers(this.address);
      if ((await protocolAdmin.brokers(this.#plan.brokerId)).get(this.name) === this.address) return true;
      // A 5.x broker looks for its name server beside its start, and registers 10 s later when it was too fast for that.
      await protocolAdmin.registerNow(this.address);
      return undefined;
    });
  }

  /** SIGTERM: it unregisters, flushes and closes its connections. */
  async stop(): Promise<void> {
    await this.#process?.terminate(30_000);
    this.#process = undefined;
  }

  /** SIGKILL: nothing is said to anybody. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }
}

export class RealCluster {
  readonly version: RocketMQVersion;
  readonly namesrvAddr: string;
  readonly brokers: readonly RealBroker[];
  /** Everything it writes is in here; removed by {@link stop}. */
  readonly dir: string;
  readonly java: JavaHome;
  /** Administration by the protocol. */
  readonly protocolAdmin: ClusterAdmin;
  readonly #options: RealClusterOptions;
  readonly #nameServerPlan: NodePlan;
  #nameServer: OwnedProcess | undefined;

  constructor(options: RealClusterOptions, java: JavaHome, dir: string, ports: readonly number[]) {
    const [namesrvPort, ...brokerPorts] = ports;
    if (namesrvPort === undefined) throw new Error('a cluster needs a port for its name server');
    this.#options = options;
    this.version = options.version;
    this.java = java;
    this.dir = dir;
    this.namesrvAddr = `127.0.0.1:${namesrvPort}`;
    this.protocolAdmin = new ClusterAdmin(this.namesrvAddr, this.rawOptions());
    this.#nameServerPlan = { version: options.version, home: join(dir, 'namesrv'), port: namesrvPort };
    this.brokers = brokerPorts.map((port, index) => {
      const isSlave = index === (options.brokers ?? 1);
      const name = `broker-${isSlave ? 'a' : String.fromCharCode(97 + index)}`;
      const plan: BrokerPlan = {
        version: options.version,
        home: join(dir, isSlave ? `${name}-slave` : name),
        port,
        name,
        brokerId: isSlave ? 1 : 0,
        namesrvAddr: this.namesrvAddr,
        extra: options.brokerConfig ?? {},
        acl: options.acl,
        storeFiles: options.storeFiles ?? {},
      };
      writeLogConfig(plan.home);
      writeBrokerConfig(plan);
      return new RealBroker(this, plan);
    });
    writeLogConfig(this.#nameServerPlan.home);
    writeNameServerConfig(this.#nameServerPlan);
    if (options.acl !== undefined) writeToolsAcl(this.#nameServerPlan.home, options.acl);
  }

  describe(): ClusterDescription {
    return {
      version: this.version,
      dir: this.dir,
      namesrvAddr: this.namesrvAddr,
      tls: this.#options.tls ?? false,
      ...(this.#options.acl !== undefined && { acl: this.#options.acl }),
      brokers: this.masters.map(({ name, address }) => ({ name, address })),
    };
  }

  get masters(): readonly RealBroker[] {
    return this.brokers.filter(({ isSlave }) => !isSlave);
  }

  /** The master of this name. */
  broker(name: string): RealBroker {
    const broker = this.masters.find((candidate) => candidate.name === name);
    if (broker === undefined) throw new Error(`there is no broker ${name}`);
    return broker;
  }

  /** Runs the reference's administration tool, `mqadmin`. Takes seconds: a Java machine starts. */
  admin(...args: string[]): Promise<string> {
    return runAdminTool(this.describe(), args);
  }

  createTopic(name: string, queues: number, options?: CreateTopicOptions): Promise<void> {
    return this.protocolAdmin.createTopic(name, queues, options);
  }

  createGroup(name: string, options?: CreateGroupOptions): Promise<void> {
    return this.protocolAdmin.createGroup(name, options);
  }

  rawOptions(): RawOptions {
    return rawOptionsOf({ tls: this.#options.tls ?? false, ...(this.#options.acl && { acl: this.#options.acl }) });
  }

  get tuned(): Tuning {
    return this.#options.tuned ?? 'tests';
  }

  jvmOptions(home: string): string[] {
    return commonJvmOptions(home, this.#options.tls ?? false);
  }

  async start(): Promise<void> {
    await this.startNameServer();
    await Promise.all(this.brokers.map((broker) => broker.start()));
  }

  /** On the port it had. It knows nothing of before: each broker registers anew, at its next turn at the latest. */
  async startNameServer(): Promise<void> {
    const { home } = this.#nameServerPlan;
    const logFile = join(home, 'logs', 'namesrv.out');
    this.#nameServer = await startJava(this.java, {
      mainClass: 'org.apache.rocketmq.namesrv.NamesrvStartup',
      args: ['-c', join(home, 'conf', 'namesrv.conf')],
      jvmOptions: [...this.jvmOptions(home), '-Xms64m', '-Xmx128m'],
      env: { ...process.env, ROCKETMQ_HOME: home },
      logFile,
      stopWithParent: true,
    });
    await this.awaitStart('the name server', this.#nameServer, logFile, async () => {
      await this.protocolAdmin.masters();
      return true;
    });
  }

  /** SIGKILL. */
  async killNameServer(): Promise<void> {
    await this.#nameServer?.kill();
    this.#nameServer = undefined;
  }

  /** Waits for `ready`, and fails at once, with the end of its output, when the process ends instead. */
  async awaitStart(
    what: string,
    owned: OwnedProcess,
    logFile: string,
    ready: () => Promise<true | undefined>,
  ): Promise<void> {
    const failure = (why: string, cause?: unknown): Error =>
      new Error(`${what} of RocketMQ ${this.version} ${why}\n${tailOf(logFile)}`, { cause });
    let ended = false;
    const end = owned.exited.then(() => {
      ended = true;
    });
    const started = until(`${what} is ready`, async () => (ended ? true : ready()), { timeoutMs: START_TIMEOUT_MS });
    await Promise.race([started, end]).catch((error: unknown) => {
      throw failure('did not become ready', error);
    });
    if (ended) throw failure('ended during its start');
  }

  /** Kills every process and removes the folder. Safe to call again. */
  async stop(): Promise<void> {
    await Promise.all([...this.brokers.map((broker) => broker.kill()), this.killNameServer()]);
    removeFolder(this.dir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A broker listens on its port, on the one below by two (the "VIP" channel), and on the one above for its replicas. */
const BROKER_PORT_OFFSETS = [0, -2, 1];

/** Starts a cluster; ready when every broker is registered. @throws Error with the end of the log when it is not */
export async function startRealCluster(options: RealClusterOptions): Promise<RealCluster> {
  const java = await prepareJava(options.version);
  const dir = mkdtempSync(join(tmpdir(), `rocketmq-${options.version}-`));
  ownFolder(dir);
  mkdirSync(dir, { recursive: true });
  const ports = await distinctPorts((options.brokers ?? 1) + (options.slave === true ? 1 : 0));
  const cluster = new RealCluster(options, java, dir, ports);
  try {
    await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** The name server's port and each broker's, with room for what each broker needs beside its own. */
async function distinctPorts(brokers: number): Promise<number[]> {
  const spacing = 10;
  const offsets = [0];
  for (let index = 1; index <= brokers; index += 1)
    offsets.push(...BROKER_PORT_OFFSETS.map((offset) => index * spacing + offset));
  const base = await freePort(offsets);
  return Array.from({ length: brokers + 1 }, (_, index) => base + index * spacing);
}

export function rawOptionsOf(cluster: Pick<ClusterDescription, 'tls' | 'acl'>): RawOptions {
  return {
    ...(cluster.tls && { ca: readFileSync(`${TLS_FIXTURES}ca.pem`, 'utf8') }),
    ...(cluster.acl !== undefined && { acl: cluster.acl }),
  };
}

/** Runs `mqadmin` against a cluster, from whichever process. @throws Error with its output when it fails */
export async function runAdminTool(cluster: ClusterDescription, args: readonly string[]): Promise<string> {
  const [command, ...rest] = args;
  if (command === undefined) throw new Error('mqadmin needs a command');
  const home = join(cluster.dir, 'namesrv');
  return runJava(await prepareJava(cluster.version), {
    mainClass: 'org.apache.rocketmq.tools.command.MQAdminStartup',
    args: [command, '-n', cluster.namesrvAddr, ...rest],
    jvmOptions: [...commonJvmOptions(home, cluster.tls), '-Xmx256m'],
    env: { ...process.env, ROCKETMQ_HOME: home },
  });
}
