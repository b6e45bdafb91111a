import { createServer, type Server } from 'node:net';

/**
 * Ports for processes that can't be told "any": each must be known before the process starts. They are taken from below
 * Linux's ephemeral range (from 32768), so that no outgoing connection can sit on a broker's port while that is down
 * between a stop and a start.
 */
const LOWEST = 12_000;
const HIGHEST = 32_000;
const ATTEMPTS = 200;

/** A port P such that P + each offset is free, tried by binding them all at once on the loopback and on any address. */
export async function freePort(offsets: readonly number[] = [0]): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const servers = await Promise.all(offsets.map((offset) => tryToListen(port + offset)));
    await Promise.all(servers.map((server) => (server === undefined ? Promise.resolve() : close(server))));
    if (servers.every((server) => server !== undefined)) return port;
  }
  throw new Error(`found no free ports with the offsets ${offsets.join(', ')} in ${ATTEMPTS} attempts`);
}

function tryToListen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    // Without a host: all addresses, as a 4.x broker binds.
    server.listen(port, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
