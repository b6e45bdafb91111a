import { RequestCode, ResponseCode } from '../lib/protocol/codes.js';
import type { ResponseCommand } from '../lib/protocol/command.js';
import type { MessageQueue } from '../lib/protocol/message-queue.js';
import { checkSignature } from './acl.js';
import { BrokerState } from './broker-state.js';
import { carryOut } from './faults/carry-out.js';
import { brokerHandlers } from './handlers/index.js';
import type { ResolvedOptions } from './options.js';
import type { Connection } from './server/connection.js';
import { notSupported } from './server/exchange.js';
import { MockServer, type ServerEnvironment } from './server/server.js';
import type { Watchdogs } from './watchdogs/watchdogs.js';

/** Which broker one is. */
export interface BrokerIdentity {
  readonly name: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** 0 for a master. */
  readonly brokerId: number;
  /** The master, of a replica. */
  readonly master?: MockBroker;
}

/** How a broker comes up again. */
export interface BrokerStartOptions {
  /** With the messages and offsets it had; else it has lost them, like a broker with a new disk. @default true */
  readonly keepData?: boolean;
  /** With the queue locks it had; a real broker forgets them. @default false */
  readonly keepLocks?: boolean;
  /** Where it listens; 0 takes any free port. @default the port it had */
  readonly port?: number;
}

/** What only a master takes. */
const SENDS: ReadonlySet<number> = new Set([
  RequestCode.SEND_MESSAGE,
  RequestCode.SEND_MESSAGE_V2,
  RequestCode.SEND_BATCH_MESSAGE,
  RequestCode.CONSUMER_SEND_MSG_BACK,
]);

const REPLICA_REFUSAL: ResponseCommand = {
  code: ResponseCode.SYSTEM_BUSY,
  remark: '[REJECTREQUEST]system busy, start flow control for a while',
};

/** One broker of a mock cluster, a master or a replica. */
export class MockBroker {
  readonly name: string;
  /** What the handlers work on. @internal */
  readonly state: BrokerState;
  readonly #server: MockServer;
  readonly #options: ResolvedOptions;
  readonly #replicas: MockBroker[] = [];
  readonly #watchdogs: Watchdogs | undefined;
  #brokerId: number;

  /** @internal */
  constructor(options: ResolvedOptions, environment: ServerEnvironment, identity: BrokerIdentity) {
    const { name, port, brokerId, master } = identity;
    this.name = name;
    this.#options = options;
    this.#brokerId = brokerId;
    this.#watchdogs = environment.watchdogs;
    this.state = new BrokerState(name, options, () => this.#server.port, master?.state);
    this.#server = new MockServer(
      environment,
      {
        name: master === undefined ? name : `${name}/${brokerId}`,
        handle: (exchange) => {
          const refusal = checkSignature(options.acl, exchange.command);
          if (refusal !== undefined) return refusal;
          if (master !== undefined && SENDS.has(exchange.command.code)) return REPLICA_REFUSAL;
          const handler = brokerHandlers.get(exchange.command.code);
          if (handler === undefined || (handler.since ?? 0) > options.version)
            return notSupported(exchange.command.code);
          return carryOut(this.state, exchange, () => handler.handle(this.state, exchange));
        },
        onClosed: (connection) => this.state.onConnectionClosed(connection),
        observer: environment.watchdogs?.observe(this.state),
      },
      port,
    );
  }

  /** `host:port`, as clients are told. */
  get address(): string {
    return `${this.#options.advertisedHost}:${this.#server.port}`;
  }

  /** The replicas of a master, by their broker ids 1, 2 and so on. */
  get replicas(): readonly MockBroker[] {
    return this.#replicas;
  }

  /** 0 while it is its name's master. */
  get brokerId(): number {
    return this.#brokerId;
  }

  /** @internal */
  addReplica(environment: ServerEnvironment): void {
    const brokerId = this.#replicas.length + 1;
    this.#replicas.push(
      new MockBroker(this.#options, environment, { name: this.name, port: 0, brokerId, master: this }),
    );
  }

  /** Whether it accepts connections. */
  get running(): boolean {
    return this.#server.running;
  }

  /** Whether name servers tell clients of it. */
  get registered(): boolean {
    return this.state.registered;
  }

  /** The open connections, by their number in the journal. */
  get connections(): readonly { readonly id: number; readonly clientId: string | undefined }[] {
    return [...this.#server.connections];
  }

  /** How many pulls wait for messages. */
  get heldPulls(): number {
    return this.state.holds.size;
  }

  /** Listens. Topics, groups, messages and offsets are as they were, locks and members are lost, unless told otherwise. */
  async start(options: BrokerStartOptions = {}): Promise<void> {
    if (this.running) return;
    const { keepData = true, keepLocks = false } = options;
    await this.#server.start(options.port);
    if (!keepData) {
      this.state.loseData();
      this.#watchdogs?.offsetsMoved(this.state, undefined, undefined);
    }
    this.state.startUp({ keepLocks });
    this.state.registered = true;
  }

  /**
   * Closes all connections and the port, and disappears from routes.
   *
   * @param options `keepRoute`: name servers go on telling of it, as they do until they notice
   */
  async stop(options: { keepRoute?: boolean } = {}): Promise<void> {
    if (options.keepRoute !== true) this.state.registered = false;
    // First the state: a restarted broker's clients must not hear that the others left.
    this.state.shutDown();
    await this.#server.stop();
    this.state.shutDown();
  }

  async restart(options: BrokerStartOptions = {}): Promise<void> {
    await this.stop();
    await this.start(options);
  }

  /** Keeps a replica from hearing of what its master stores and of offsets from now on. Masters have nothing to pause. */
  pauseReplication(): void {
    this.state.setReplicationPaused(true);
  }

  /** Gives a replica all it has missed. */
  resumeReplication(): void {
    this.state.setReplicationPaused(false);
  }

  /** Has what the master stores from now on come to this replica so much later, in milliseconds of the mock's clock. */
  setReplicationLag(lagMs: number): void {
    this.state.replication?.setLag(lagMs);
  }

  /** How many changes of its master a replica has not seen yet. */
  get replicationBehind(): number {
    return this.state.replication?.behind ?? 0;
  }

  /** Takes it out of routes, or puts it in again, while it goes on running. */
  setRegistered(registered: boolean): void {
    this.state.registered = registered;
  }

  /** Changes the id routes list it under: with anything but 0 its name has no master. */
  setBrokerId(brokerId: number): void {
    this.#brokerId = brokerId;
  }

  /**
   * Changes what the broker allows: 4 to read, 2 to write, 6 for both, as at first. Routes tell clients; pulls are refused
   * when it may not be read.
   */
  setPermission(perm: number): void {
    this.state.permission = perm;
  }

  /** Has the answers to pulls tell clients to pull from this broker id: 1 for the first replica, 0 for the master. */
  suggestBrokerId(brokerId: number): void {
    this.state.suggestedBrokerId = brokerId;
  }

  /** Forgets all queue locks. */
  clearLocks(): void {
    this.state.locks.clear();
  }

  /** Makes all queue locks so old that anybody may take them over. */
  expireLocks(): void {
    this.state.locks.expireAll();
  }

  /** Gives a queue's lock to `clientId`, whoever holds it. */
  stealLock(group: string, queue: MessageQueue, clientId: string): void {
    this.state.locks.steal(group, queue, clientId);
  }

  /** Closes the connections of one client, or all. */
  disconnect(clientId?: string): void {
    for (const connection of [...this.#server.connections]) {
      if (clientId === undefined || connection.clientId === clientId) connection.close();
    }
  }

  /** Sends NOTIFY_CONSUMER_IDS_CHANGED to all members of the group. */
  notifyConsumerIdsChanged(group: string): void {
    this.state.members.notifyGroup(group);
  }

  /** Connections of a client id, or of all members of a consumer or producer group. @internal */
  connectionsOf(clientIdOrGroup: string): Connection[] {
    const { members } = this.state;
    const consumers = members.group(clientIdOrGroup)?.channels;
    if (consumers !== undefined) return [...consumers.keys()];
    const producers = members.producerChannels(clientIdOrGroup);
    if (producers.length > 0) return producers;
    return [...this.#server.connections].filter((connection) => connection.clientId === clientIdOrGroup);
  }
}
