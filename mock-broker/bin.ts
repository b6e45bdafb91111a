#!/usr/bin/env node
import { runCli } from './cli.js';

const { stdin } = process;
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
});

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  untilStopped: async (untilStdinEnds) => {
    if (!untilStdinEnds) return stopped;
    await Promise.race([stopped, stdinEnded()]);
    // As long as it is read, it keeps the process alive.
    stdin.destroy();
  },
});

function stdinEnded(): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['end', 'close', 'error']) stdin.once(event, () => resolve());
    stdin.resume();
  });
}
