import { RemotingClient, type RemotingClientOptions } from '../../../lib/remoting/remoting-client.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeServer, type FakeServerOptions } from '../../support/fake-server.js';

/** What one test starts, so that all of it is stopped after it. */
export class Harness {
  readonly clock = new FakeClock();
  /** What clients told by events, in order: `connected`, `disconnected`, `disconnected CODE`, `goAway`. */
  readonly events: string[] = [];
  readonly #servers: FakeServer[] = [];
  readonly #clients: RemotingClient[] = [];

  async server(options: FakeServerOptions = {}): Promise<FakeServer> {
    const server = await FakeServer.start(options);
    this.#servers.push(server);
    return server;
  }

  client(options: Partial<RemotingClientOptions> = {}): RemotingClient {
    const client = new RemotingClient({ clock: this.clock, random: () => 0, ...options });
    client.on('connected', () => this.events.push('connected'));
    client.on('disconnected', (_, error) =>
      this.events.push(error === undefined ? 'disconnected' : `disconnected ${error.code}`),
    );
    client.on('goAway', () => this.events.push('goAway'));
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) await client.close();
    for (const server of this.#servers.splice(0)) await server.stop();
  }
}

/** A server that answers every request with success. */
export const ECHO: FakeServerOptions = { onRequest: (command, peer) => peer.reply(command) };

export const PULL = { code: 11, extFields: { topic: 'Orders' } } as const;
export const LOCK = { code: 41, body: Buffer.from('{}') } as const;
