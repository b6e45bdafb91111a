import type { AddressInfo } from 'node:net';
import type { MockCluster } from '../cluster.js';
import { formatHost } from '../server/format-host.js';
import { checkExposure, createGuard } from './guard.js';

/** Where the control plane listens. */
export interface MockAdminOptions {
  /** 0 takes a free one. @default 0 */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** What requests have to show; needed when the host can be reached from other machines. @default none */
  readonly token?: string;
}

/** The control plane of a running cluster: HTTP and JSON, and the console page. */
export interface MockAdmin {
  /** Where it is, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Ends all answers and closes the port. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the control plane. What it is made of is loaded only now: most clusters are started without.
 *
 * @throws ValidationError for a host that others can reach without a token; rejects when the port is taken
 * @internal
 */
export async function startAdmin(cluster: MockCluster, options: MockAdminOptions = {}): Promise<MockAdmin> {
  const host = options.host ?? '127.0.0.1';
  checkExposure(host, options.token);
  const [{ createAdaptorServer }, { createApp }, { EventStreams }] = await Promise.all([
    import('@hono/node-server'),
    import('./app.js'),
    import('./events.js'),
  ]);
  const streams = new EventStreams(cluster);
  const app = createApp(cluster, createGuard(host, options.token), streams);
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  return {
    url: `http://${formatHost(host, port)}`,
    host,
    port,
    stop: () =>
      (stopped ??= new Promise<void>((resolve) => {
        streams.close();
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      })),
  };
}
