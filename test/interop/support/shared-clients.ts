import type { RocketMQVersion } from '../../support/rocketmq-java.js';
import type { ClientProgram } from './client-program.js';
import { startAliOns, startGoClient, startJavaClient } from './clients.js';
import { target } from './target.js';

/** Each client once in a run, for all cases: a Java machine takes seconds to start. */

const started = new Map<string, Promise<ClientProgram>>();

export function javaClient(version: RocketMQVersion): Promise<ClientProgram> {
  return shared(`java ${version}`, () => startJavaClient(target(), version));
}

export function goClient(): Promise<ClientProgram> {
  return shared('go', () => startGoClient(target()));
}

export function aliOns(): Promise<ClientProgram> {
  return shared('ali-ons', () => startAliOns(target()));
}

/** Ends them all. */
export async function endClients(): Promise<void> {
  for (const program of started.values()) {
    // What did not start has nothing to end.
    const client = await program.catch(() => undefined);
    await client?.end();
  }
  started.clear();
}

function shared(name: string, start: () => Promise<ClientProgram>): Promise<ClientProgram> {
  let program = started.get(name);
  if (program === undefined) started.set(name, (program = start()));
  return program;
}
