import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import type { SimNetwork } from './network.js';
import type { SimProcess } from './process.js';
import type { Timeline } from './timeline.js';

/**
 * Puts a simulation in the place of the machine: for the code under test, which is not told, sockets are those of the
 * simulated network, turns of the event loop are events of the timeline, and chance is the seed's.
 *
 * @returns what undoes it
 */
export function install(timeline: Timeline, network: SimNetwork, random: () => number): () => void {
  const before = {
    connect: net.connect,
    createServer: net.createServer,
    setImmediate: globalThis.setImmediate,
    random: Math.random,
  };
  Object.assign(net, { connect: network.connect, createServer: network.createServer });
  syncBuiltinESMExports();
  const setImmediate = (callback: (...args: unknown[]) => void, ...args: unknown[]): void => {
    const process = timeline.current as SimProcess | undefined;
    if (process === undefined) timeline.plan(timeline.now, undefined, () => callback(...args));
    else process.later(0, () => callback(...args));
  };
  globalThis.setImmediate = setImmediate as unknown as typeof globalThis.setImmediate;
  Math.random = random;
  return () => {
    Object.assign(net, { connect: before.connect, createServer: before.createServer });
    syncBuiltinESMExports();
    globalThis.setImmediate = before.setImmediate;
    Math.random = before.random;
  };
}
