import type { BrokerData } from '../protocol/topic-route.js';

/** One address a broker listens at. */
export interface BrokerAddress {
  readonly brokerName: string;
  /** 0 is the master. */
  readonly brokerId: number;
  readonly address: string;
}

/** Where brokers are: what the routes say of them, the latest word counting. */
export class BrokerAddresses {
  readonly #brokers = new Map<string, ReadonlyMap<number, string>>();

  /** Takes over what a route that was just read says of its brokers. */
  learn(brokerDatas: readonly BrokerData[]): void {
    for (const { brokerName, brokerAddrs } of brokerDatas) {
      const entries = Object.entries(brokerAddrs).map(([id, address]): [number, string] => [Number(id), address]);
      this.#brokers.set(brokerName, new Map(entries.sort(([a], [b]) => a - b)));
    }
  }

  /** Drops every broker that is in none of these routes. */
  retain(routes: Iterable<{ readonly brokerDatas: readonly BrokerData[] }>): void {
    const named = new Set<string>();
    for (const { brokerDatas } of routes) for (const { brokerName } of brokerDatas) named.add(brokerName);
    for (const brokerName of this.#brokers.keys()) if (!named.has(brokerName)) this.#brokers.delete(brokerName);
  }

  get(brokerName: string, brokerId: number): string | undefined {
    return this.#brokers.get(brokerName)?.get(brokerId);
  }

  /** The broker with the preferred id, else its master, else the replica with the lowest id. */
  any(brokerName: string, preferId: number): { address: string; brokerId: number } | undefined {
    const addresses = this.#brokers.get(brokerName);
    if (addresses === undefined) return undefined;
    const preferred = addresses.get(preferId);
    if (preferred !== undefined) return { address: preferred, brokerId: preferId };
    // They are sorted, and the master's id is the lowest there is.
    for (const [brokerId, address] of addresses) return { address, brokerId };
    return undefined;
  }

  all(): BrokerAddress[] {
    const list: BrokerAddress[] = [];
    for (const [brokerName, addresses] of this.#brokers) {
      for (const [brokerId, address] of addresses) list.push({ brokerName, brokerId, address });
    }
    return list;
  }
}
