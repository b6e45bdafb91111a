import { openSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { runJob, type Job } from './campaign.js';
import type { FuzzTarget } from './target.js';

/**
 * Runs jobs in a process of its own. Before each case it notes the case's number in a file: when a case ends the process
 * or never ends, the number is what is left of it.
 */

const [targetsFile = '', progressFile = ''] = process.argv.slice(2);
const { targets } = (await import(pathToFileURL(targetsFile).href)) as { readonly targets: readonly FuzzTarget[] };
const byName = new Map(targets.map((target) => [target.name, target]));
// Nobody reads the stacks of errors that are as they should be.
Error.stackTraceLimit = 3;
const progress = openSync(progressFile, 'w');
const note = Buffer.alloc(8);

// A campaign that is ended early is told so by its first process alone, which lets the others finish what they are at.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);

process.on('message', (job: Job) => {
  const target = byName.get(job.target);
  if (target === undefined) throw new Error(`no target ${job.target}`);
  const before = (number: number): void => {
    note.writeDoubleBE(number);
    writeSync(progress, note, 0, 8, 0);
  };
  void runJob(target, job, { before }).then((tally) => process.send?.(tally));
});
process.send?.('ready');
