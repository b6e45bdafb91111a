import { EventEmitter } from 'node:events';
import type { SimProcess } from './process.js';
import { SimSocket, type Parcel, type ReadInto } from './socket.js';
import type { Timeline } from './timeline.js';

/** The way between a client's process and a port, one direction of it. */
interface Path {
  /** What is sent is held back until it is whole again. */
  cut: boolean;
  /** What it takes longer than usual, in milliseconds. */
  slowness: number;
}

export type Direction = 'there' | 'back';

/** One direction of one connection: what is sent first arrives first. */
class Lane {
  readonly path: Path;
  readonly receiver: () => SimSocket;
  readonly held: Parcel[] = [];
  lastAt = 0;

  constructor(path: Path, receiver: () => SimSocket) {
    this.path = path;
    this.receiver = receiver;
  }
}

/** Looks on at what clients send and are sent. */
export interface Tap {
  sent(process: SimProcess, port: number, connection: number, bytes: Buffer): void;
  received(process: SimProcess, port: number, connection: number, bytes: Buffer): void;
}

/** Most of what is sent takes this long, in milliseconds, and a little of it much longer. */
const FASTEST = 0.1;
const USUAL = 0.6;
const RARELY = 0.01;
const RARE = 40;
/** How often what is written arrives in two pieces. */
const SPLITS = 0.05;

/**
 * The network of a simulation: ports, connections with a time of travel, and paths from clients to ports that can be cut
 * or made slow, each direction by itself. What was under way when a path was cut arrives when it is whole again, if both ends
 * are still there, as TCP has it.
 */
export class SimNetwork {
  readonly #timeline: Timeline;
  readonly #random: () => number;
  readonly #servers = new Map<number, SimServer>();
  readonly #lanes = new Set<Lane>();
  readonly #paths = new Map<string, Path>();
  readonly #sockets = new Set<SimSocket>();
  /** Whose doing it is that a port is opened or connected to, when nothing happens just now. */
  readonly #fallback: SimProcess;
  tap: Tap | undefined;
  #nextPort = 10_000;
  #connections = 0;

  constructor(timeline: Timeline, fallback: SimProcess, random: () => number) {
    this.#timeline = timeline;
    this.#fallback = fallback;
    this.#random = random;
  }

  /** Sockets that are not closed, by the process they belong to. */
  open(process?: SimProcess): number {
    let count = 0;
    for (const socket of this.#sockets) if (process === undefined || socket.process === process) count++;
    return count;
  }

  // What replaces node:net

  readonly connect = (options: { port: number; onread?: ReadInto }): SimSocket => {
    const process = this.#acting();
    const number = ++this.#connections;
    const { port } = options;
    const server = this.#servers.get(port);
    const serverProcess = server?.process ?? this.#fallback;
    const localPort = 40_000 + (number % 20_000);
    const far = (): SimSocket => serverSide;
    const near = (): SimSocket => client;
    const there = this.#lane(this.#path(process, port, 'there'), far);
    const back = this.#lane(this.#path(process, port, 'back'), near);
    const client: SimSocket = new SimSocket(process, port, options.onread, (parcel) => {
      if (!process.alive) return;
      if (parcel.kind === 'data') this.tap?.sent(process, port, number, parcel.bytes);
      this.#send(there, process.now(), parcel);
    });
    const serverSide = new SimSocket(serverProcess, localPort, undefined, (parcel) =>
      this.#send(back, serverProcess.now(), parcel),
    );
    const receive = client.receive.bind(client);
    client.receive = (parcel) => {
      if (parcel.kind === 'data' && !client.destroyed) this.tap?.received(process, port, number, parcel.bytes);
      receive(parcel);
    };
    const arrive = serverSide.receive.bind(serverSide);
    // The first thing that arrives at the server is the wish to connect.
    serverSide.receive = (parcel) => {
      if (parcel.kind !== 'connected') return arrive(parcel);
      const listening = this.#servers.get(port);
      if (listening === undefined) {
        serverSide.destroyed = true;
        return this.#send(back, this.#timeline.now, { kind: 'refused' });
      }
      this.#send(back, this.#timeline.now, { kind: 'connected' });
      this.#track(serverSide);
      serverSide.accept();
      listening.emit('connection', serverSide);
    };
    // What is left of a process that was killed has no kernel to ask.
    if (process.alive) {
      this.#track(client);
      this.#send(there, process.now(), { kind: 'connected' });
    }
    return client;
  };

  readonly createServer = (onConnection: (socket: SimSocket) => void): SimServer => {
    const server = new SimServer(this.#acting(), {
      listen: (wish) => {
        const port = wish === 0 ? this.#nextPort++ : wish;
        this.#servers.set(port, server);
        return port;
      },
      close: (port) => this.#servers.delete(port),
    });
    server.on('connection', onConnection);
    return server;
  };

  // What befalls it

  /** Nothing gets from a client to a port, or back, any more. */
  cut(client: SimProcess, port: number, direction: Direction): void {
    this.#path(client, port, direction).cut = true;
  }

  heal(client: SimProcess, port: number, direction: Direction): void {
    const path = this.#path(client, port, direction);
    path.cut = false;
    for (const lane of this.#lanes) {
      if (lane.path !== path) continue;
      // Before whatever was sent later and is still on its way.
      for (const parcel of lane.held.splice(0)) this.#arriveAt(this.#timeline.now, lane, parcel);
    }
  }

  slow(client: SimProcess, port: number, direction: Direction, byMs: number): void {
    this.#path(client, port, direction).slowness = byMs;
  }

  /** The process is gone. The kernel ends its connections, or, when the whole machine is gone, nobody does. */
  lose(process: SimProcess, machineToo: boolean): void {
    for (const socket of this.#sockets) {
      if (socket.process !== process) continue;
      if (!machineToo) socket.destroy();
      socket.vanish();
      this.#sockets.delete(socket);
    }
  }

  #acting(): SimProcess {
    return (this.#timeline.current as SimProcess | undefined) ?? this.#fallback;
  }

  #track(socket: SimSocket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #lane(path: Path, receiver: () => SimSocket): Lane {
    const lane = new Lane(path, receiver);
    this.#lanes.add(lane);
    return lane;
  }

  #path(client: SimProcess, port: number, direction: Direction): Path {
    const key = `${client.name} ${port} ${direction}`;
    let path = this.#paths.get(key);
    if (path === undefined) this.#paths.set(key, (path = { cut: false, slowness: 0 }));
    return path;
  }

  #send(lane: Lane, now: number, parcel: Parcel): void {
    if (parcel.kind === 'data' && parcel.bytes.length > 1 && this.#random() < SPLITS) {
      const at = 1 + Math.floor(this.#random() * (parcel.bytes.length - 1));
      this.#deliver(lane, now, { kind: 'data', bytes: parcel.bytes.subarray(0, at) });
      this.#deliver(lane, now, { kind: 'data', bytes: parcel.bytes.subarray(at) });
      return;
    }
    this.#deliver(lane, now, parcel);
  }

  #deliver(lane: Lane, now: number, parcel: Parcel): void {
    const rare = this.#random() < RARELY ? this.#random() * RARE : 0;
    const at = now + FASTEST + this.#random() * USUAL + rare + lane.path.slowness;
    lane.lastAt = Math.max(at, lane.lastAt);
    this.#arriveAt(lane.lastAt, lane, parcel);
  }

  #arriveAt(at: number, lane: Lane, parcel: Parcel): void {
    const socket = lane.receiver();
    this.#timeline.plan(at, socket.process, () => {
      if (lane.path.cut) {
        lane.held.push(parcel);
        return;
      }
      if (parcel.kind !== 'data' && parcel.kind !== 'connected') this.#lanes.delete(lane);
      socket.receive(parcel);
    });
  }
}

/** A port that is listened at. */
class SimServer extends EventEmitter {
  readonly process: SimProcess;
  readonly #ports: { listen(wish: number): number; close(port: number): void };
  #port = 0;

  constructor(process: SimProcess, ports: { listen(wish: number): number; close(port: number): void }) {
    super();
    this.process = process;
    this.#ports = ports;
  }

  listen(port: number, _host: string, listening: () => void): this {
    this.#port = this.#ports.listen(port);
    process.nextTick(listening);
    return this;
  }

  address(): { port: number } {
    return { port: this.#port };
  }

  close(closed: () => void): this {
    this.#ports.close(this.#port);
    process.nextTick(closed);
    return this;
  }
}
