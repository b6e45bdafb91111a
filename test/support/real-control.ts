import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RealCluster } from './real-cluster.js';

/**
 * Lets the tests, which run in a process of their own, stop and start the brokers, which belong to the suite's process:
 * `POST /brokers/<name>/<stop|start|kill>` on the loopback interface.
 */

const ACTIONS = ['stop', 'start', 'kill'] as const;
export type BrokerAction = (typeof ACTIONS)[number];

export interface ControlServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function serveControl(cluster: RealCluster): Promise<ControlServer> {
  const server = createServer((request, response) => {
    const [, kind, name, action] = (request.url ?? '').split('/');
    const known = ACTIONS.find((candidate) => candidate === action);
    if (request.method !== 'POST' || kind !== 'brokers' || name === undefined || known === undefined) {
      response.writeHead(404).end(`POST /brokers/<name>/<${ACTIONS.join('|')}>`);
      return;
    }
    Promise.resolve()
      .then(() => cluster.broker(name)[known]())
      .then(
        () => response.writeHead(204).end(),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  // Starting a broker may take longer than the default time for a whole request.
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The other end. @throws Error with the suite's words when the action failed */
export async function controlBroker(url: string, name: string, action: BrokerAction): Promise<void> {
  const response = await fetch(`${url}/brokers/${name}/${action}`, { method: 'POST' });
  if (!response.ok) throw new Error(`could not ${action} ${name}: ${await response.text()}`);
}
