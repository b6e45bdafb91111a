import type { MessageQueue } from '../lib/protocol/message-queue.js';
import { MASTER_ID } from '../lib/protocol/topic-route.js';
import { checkSignature } from './acl.js';
import { BrokerState } from './broker-state.js';
import { brokerHandlers } from './handlers/index.js';
import type { ResolvedOptions } from './options.js';
import type { Connection } from './server/connection.js';
import { notSupported } from './server/exchange.js';
import { MockServer, type ServerEnvironment } from './server/server.js';

/** One broker of a mock cluster. */
export class MockBroker {
  readonly name: string;
  /** What the handlers work on. @internal */
  readonly state: BrokerState;
  readonly #server: MockServer;
  readonly #options: ResolvedOptions;
  #brokerId: number = MASTER_ID;
  #registered = false;

  /** @internal */
  constructor(name: string, options: ResolvedOptions, environment: ServerEnvironment, port: number) {
    this.name = name;
    this.#options = options;
    this.state = new BrokerState(name, options, () => this.#server.port);
    this.#server = new MockServer(
      environment,
      {
        name,
        handle: (exchange) => {
          const refusal = checkSignature(options.acl, exchange.command);
          if (refusal !== undefined) return refusal;
          const handler = brokerHandlers.get(exchange.command.code);
          return handler === undefined ? notSupported(exchange.command.code) : handler.handle(this.state, exchange);
        },
        onClosed: (connection) => this.state.onConnectionClosed(connection),
      },
      port,
    );
  }

  /** `host:port`, as clients are told. */
  get address(): string {
    return `${this.#options.advertisedHost}:${this.#server.port}`;
  }

  /** 0 while it is its name's master. */
  get brokerId(): number {
    return this.#brokerId;
  }

  /** Whether it accepts connections. */
  get running(): boolean {
    return this.#server.running;
  }

  /** Whether name servers tell clients of it. */
  get registered(): boolean {
    return this.#registered;
  }

  /** The open connections, by their number in the journal. */
  get connections(): readonly { readonly id: number; readonly clientId: string | undefined }[] {
    return [...this.#server.connections];
  }

  /** How many pulls wait for messages. */
  get heldPulls(): number {
    return this.state.holds.size;
  }

  /** Listens on the port it had before. Messages, topics and offsets are as they were; locks and members are lost. */
  async start(): Promise<void> {
    await this.#server.start();
    this.state.startUp();
    this.#registered = true;
  }

  /**
   * Closes all connections and the port, and disappears from routes.
   *
   * @param options `keepRoute`: name servers go on telling of it, as they do until they notice
   */
  async stop(options: { keepRoute?: boolean } = {}): Promise<void> {
    if (options.keepRoute !== true) this.#registered = false;
    // First the state: a restarted broker's clients must not hear that the others left.
    this.state.shutDown();
    await this.#server.stop();
    this.state.shutDown();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Takes it out of routes, or puts it in again, while it goes on running. */
  setRegistered(registered: boolean): void {
    this.#registered = registered;
  }

  /** Changes the id routes list it under: with anything but 0 its name has no master. */
  setBrokerId(brokerId: number): void {
    this.#brokerId = brokerId;
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

  /** Connections of a client id, or of all members of a consumer group. @internal */
  connectionsOf(clientIdOrGroup: string): Connection[] {
    const members = this.state.members.group(clientIdOrGroup)?.channels;
    return members !== undefined
      ? [...members.keys()]
      : [...this.#server.connections].filter((connection) => connection.clientId === clientIdOrGroup);
  }
}
