import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * `npm run test:integrity`: the simulation with 2,000 seeds, the planted bugs, and groups of real processes on Apache
 * RocketMQ under faults. `--mock` leaves the last out; `--real`, with the options of real/main.ts behind it, is only that.
 */

const MOCK = ['simulation/main.ts', 'planted/main.ts'];
const REAL = 'real/main.ts';

async function run(program: string, args: readonly string[]): Promise<number> {
  process.stdout.write(`\n== ${program} ${args.join(' ')}\n`);
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

const [choice, ...rest] = process.argv.slice(2);
const failures: string[] = [];
for (const program of choice === '--real' ? [REAL] : choice === '--mock' ? MOCK : [...MOCK, REAL]) {
  if ((await run(program, program === REAL ? rest : [])) !== 0) failures.push(program);
}
if (failures.length > 0) process.stdout.write(`\nfailed: ${failures.join(', ')}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
