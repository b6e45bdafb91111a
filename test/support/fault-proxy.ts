import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { systemClock, type Clock } from '../../lib/clock.js';
import { FaultPipe, type Filter, type PipeShape } from './fault-pipe.js';

/** `up` is from the client to the server, `down` the other way. */
export type Direction = 'up' | 'down';

/**
 * What may look at the bytes of one connection, and put others in their place. It sits at the client's end: it sees what
 * the client sends at once, and what the server sends only when it gets through.
 */
export interface ConnectionFilter {
  readonly up?: Filter;
  readonly down?: Filter;
}

export interface FaultProxyOptions {
  /** Called for each connection. */
  readonly filter?: () => ConnectionFilter;
  readonly clock?: Clock;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly pipes: Readonly<Record<Direction, FaultPipe>>;
}

const DIRECTIONS: readonly Direction[] = ['up', 'down'];

/**
 * A TCP proxy before one server, on a port of its own on the loopback interface, that can do to the connections what a
 * network does. A cut holds back bytes and ends of connections alike, and nobody is told: both sides believe they are
 * connected. New connections are taken during a cut, too, and get no answer.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #upstream: { readonly host: string; readonly port: number };
  readonly #options: FaultProxyOptions;
  readonly #links = new Set<Link>();
  readonly #shapes: Record<Direction, PipeShape> = { up: {}, down: {} };
  readonly #cut: Record<Direction, boolean> = { up: false, down: false };
  #refusing = false;
  #accepted = 0;

  private constructor(upstream: string, options: FaultProxyOptions) {
    const colon = upstream.lastIndexOf(':');
    this.#upstream = { host: upstream.slice(0, colon), port: Number(upstream.slice(colon + 1)) };
    this.#options = options;
    // The end of one direction is not the end of the other: what is held back may still have to come.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  static async listen(upstream: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream, options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Where clients are to connect. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now, and all that there have been. */
  get connections(): number {
    return this.#links.size;
  }

  get accepted(): number {
    return this.#accepted;
  }

  /** Nothing gets through any more in these directions; connections stay. */
  cut(...directions: Direction[]): void {
    for (const direction of directions.length > 0 ? directions : DIRECTIONS) {
      this.#cut[direction] = true;
      for (const { pipes } of this.#links) pipes[direction].hold();
    }
  }

  /**
   * Ends all cuts. What was held back arrives now ('deliver'), or is lost: connections that miss something are reset
   * then, for no TCP stream goes on behind a gap.
   */
  heal(held: 'deliver' | 'drop' = 'deliver'): void {
    for (const link of [...this.#links]) {
      if (held === 'drop' && DIRECTIONS.some((direction) => this.#cut[direction] && link.pipes[direction].waiting)) {
        this.#reset(link);
      }
    }
    for (const direction of DIRECTIONS) {
      this.#cut[direction] = false;
      for (const { pipes } of this.#links) pipes[direction].release();
    }
  }

  /** How bytes flow from now on, in these directions; `{}` for as they come. */
  shape(shape: PipeShape, ...directions: Direction[]): void {
    for (const direction of directions.length > 0 ? directions : DIRECTIONS) {
      this.#shapes[direction] = shape;
      for (const { pipes } of this.#links) pipes[direction].shape(shape);
    }
  }

  /** Breaks every connection at both ends, with what is under way. */
  resetAll(): void {
    for (const link of [...this.#links]) this.#reset(link);
  }

  /** Breaks every connection at the server's end; whether clients hear of it is for the cut to say. */
  resetServers(): void {
    for (const { server, pipes } of [...this.#links]) {
      server.resetAndDestroy();
      pipes.down.break();
    }
  }

  /** Whether new connections are broken at once. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.resetAll();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.#accepted++;
    client.on('error', () => undefined);
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.#upstream, allowHalfOpen: true, noDelay: true });
    const filter = this.#options.filter?.() ?? {};
    const clock = this.#options.clock ?? systemClock;
    const link: Link = {
      client,
      server,
      pipes: {
        up: new FaultPipe(client, server, clock, { entry: filter.up }),
        down: new FaultPipe(server, client, clock, { exit: filter.down }),
      },
    };
    this.#links.add(link);
    for (const direction of DIRECTIONS) {
      link.pipes[direction].shape(this.#shapes[direction]);
      if (this.#cut[direction]) link.pipes[direction].hold();
    }
    // A broken end breaks the other, unless the network between them is cut in that direction.
    server.on('error', () => link.pipes.down.break());
    client.on('error', () => link.pipes.up.break());
    const gone = (): void => {
      if (!client.destroyed || !server.destroyed) return;
      this.#links.delete(link);
      for (const direction of DIRECTIONS) link.pipes[direction].stop();
    };
    client.once('close', gone);
    server.once('close', gone);
  }

  #reset({ client, server }: Link): void {
    client.resetAndDestroy();
    server.resetAndDestroy();
  }
}
