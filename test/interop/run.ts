import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Mocha from 'mocha';
import { endClients } from './support/shared-clients.js';
import { setTarget, startMock, startReal } from './support/target.js';

/**
 * `npm run test:interop [-- --real] [--grep <pattern>]`: clients and tools that others made, as they are published,
 * against the mock cluster; with `--real` the same cases against Apache RocketMQ 5.5.0. Every assertion holds for both:
 * where they differ, the mock is wrong.
 *
 * How a case is written:
 *
 * - A case is a mocha test in `test/interop/<something>/<name>.test.ts`; all of these files are run in one process, one
 *   after the other, against one cluster of two brokers.
 * - `target()` of `support/target.ts` is the cluster: its `namesrvAddr`, ways to make topics and groups, and to look at
 *   what is stored and committed, which go by the protocol and so work with both. `target().kind` tells which it is; a case
 *   that has to ask for it should say why.
 * - Names of topics and groups come from `target().unique('prefix')`: cases share the cluster.
 * - A client is a program in its own language (`java/`, `go/`, `ali-ons/`) that takes commands, a line each, on its
 *   standard input, and tells by JSON lines what happened; `support/client-program.ts` starts it and waits for events. One
 *   program serves all cases of its client: `support/shared-clients.ts`.
 * - What needs Java, Go or packages gets them in `support/clients.ts`, once per machine, in the cache folder outside the
 *   repository.
 */

/** A case waits for delivery delays of seconds, and for a Java machine's start on a busy machine. */
const CASE_TIMEOUT_MS = 60_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { real: { type: 'boolean', default: false }, grep: { type: 'string' }, bail: { type: 'boolean' } },
  });
  const mocha = new Mocha({
    timeout: CASE_TIMEOUT_MS,
    forbidOnly: true,
    forbidPending: true,
    slow: 10_000,
    ...(values.grep !== undefined && { grep: values.grep }),
    ...(values.bail !== undefined && { bail: values.bail }),
  });
  const files = await readdir(import.meta.dirname, { recursive: true });
  for (const file of files.sort()) {
    if (file.endsWith('.test.ts') && !file.includes('node_modules')) mocha.addFile(join(import.meta.dirname, file));
  }
  const cluster = values.real ? await startReal() : await startMock();
  setTarget(cluster);
  try {
    await mocha.loadFilesAsync();
    return await new Promise<number>((resolve) => mocha.run(resolve));
  } finally {
    await endClients();
    await cluster.stop();
  }
}

// Clients that a failed case left running must not hold the run: their processes end with this one.
process.exit((await main()) === 0 ? 0 : 1);
