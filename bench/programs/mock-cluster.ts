import { createInterface } from 'node:readline';
import { MockCluster } from '../../mock-broker/index.js';
import { Arguments } from './arguments.js';

/**
 * The mock cluster in a process of its own, so that its processor time is nobody else's. Its first line is
 * `READY host:port`, the name server's address; each line `usage` on its standard input is answered with
 * `USAGE {"cpuMs":..,"rss":..}`. Runs until that input ends.
 *
 *     mock-cluster.js [brokers=1]
 */
const args = new Arguments(process.argv.slice(2));
// The journal would keep every frame of a load.
const cluster = await MockCluster.start({ brokers: args.number('brokers', 1), journalLimit: 0 });
process.stdout.write(`READY ${cluster.namesrvAddr}\n`);
createInterface({ input: process.stdin })
  .on('line', () => {
    const { user, system } = process.cpuUsage();
    process.stdout.write(
      `USAGE ${JSON.stringify({ cpuMs: (user + system) / 1_000, rss: process.memoryUsage.rss() })}\n`,
    );
  })
  .once('close', () => void cluster.stop());
