import { lookFor, plantedBugs } from './planted.js';

/**
 * `npm run test:planted [-- <seeds> [<bug>...]]`: looks for each planted bug with as many seeds as it takes, 1,000 at most by
 * default, and fails when one isn't found. With `all` before the number all of them are run, to count how many find it.
 */
const args = process.argv.slice(2);
const all = args[0] === 'all';
const [seeds = '1000', ...wanted] = all ? args.slice(1) : args;
let missed = 0;
for (const bug of plantedBugs().filter((name) => wanted.length === 0 || wanted.includes(name))) {
  const { seeds: run, failed } = await lookFor(bug, Number(seeds), !all);
  const broken = [...new Set(failed.map(({ invariant }) => invariant))].sort().join(', ');
  const found = all ? `found by ${failed.length} of ${run} seeds` : `found within ${run} seeds`;
  process.stdout.write(`${bug}: ${failed.length > 0 ? `${found} (${broken})` : `NOT FOUND by ${run} seeds`}\n`);
  if (failed.length === 0) missed++;
}
process.exitCode = missed > 0 ? 1 : 0;
