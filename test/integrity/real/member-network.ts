import { FaultProxy } from '../../support/fault-proxy.js';
import type { History } from './history.js';
import { rewriteRoutes } from './route-rewriter.js';
import { WireTap } from './wire-tap.js';

/** A server that members reach through proxies. A slave has its master's name. */
export interface Upstream {
  readonly name: string;
  readonly address: string;
  readonly slave?: boolean;
}

/** One member's way to the cluster: a proxy before the name server and one before each broker, all its own. */
export class MemberNetwork {
  readonly nameServer: FaultProxy;
  readonly #brokers: ReadonlyMap<string, FaultProxy>;
  readonly #all: readonly FaultProxy[];

  private constructor(nameServer: FaultProxy, brokers: ReadonlyMap<string, FaultProxy>, all: readonly FaultProxy[]) {
    this.nameServer = nameServer;
    this.#brokers = brokers;
    this.#all = all;
  }

  static async open(
    member: string,
    topic: string,
    namesrvAddr: string,
    upstreams: readonly Upstream[],
    history: Pick<History, 'locks' | 'unlocks' | 'commits'>,
  ): Promise<MemberNetwork> {
    const addresses = new Map<string, string>();
    const brokers = new Map<string, FaultProxy>();
    const all: FaultProxy[] = [];
    for (const { name, address, slave = false } of upstreams) {
      const tap = new WireTap(member, name, topic, history);
      const proxy = await FaultProxy.listen(address, { filter: () => tap.filter() });
      addresses.set(address, proxy.address);
      if (!slave) brokers.set(name, proxy);
      all.push(proxy);
    }
    const filter = (): { down: (chunk: Buffer) => Buffer } => ({ down: rewriteRoutes(addresses) });
    const nameServer = await FaultProxy.listen(namesrvAddr, { filter });
    all.push(nameServer);
    return new MemberNetwork(nameServer, brokers, all);
  }

  /** What the member takes for the name server. */
  get namesrvAddr(): string {
    return this.nameServer.address;
  }

  /** The way to a master. */
  broker(name: string): FaultProxy {
    const proxy = this.#brokers.get(name);
    if (proxy === undefined) throw new Error(`there is no proxy before ${name}`);
    return proxy;
  }

  /** Every way there is. */
  get all(): readonly FaultProxy[] {
    return this.#all;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((proxy) => proxy.close()));
  }
}
