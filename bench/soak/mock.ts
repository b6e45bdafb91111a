import { createInterface } from 'node:readline';
import { MockCluster } from '../../mock-broker/index.js';
import { Arguments } from '../programs/arguments.js';

/**
 * A mock cluster that can run for hours: what the group has consumed is forgotten. Its first line is `READY host:port`,
 * the name server's address; each line on its standard input is answered with `USAGE {"rss":..,"violations":..}`. Runs
 * until that input ends.
 *
 *     mock.js group=.. [brokers=2] [expire=10000]
 */
const args = new Arguments(process.argv.slice(2));
const group = args.text('group');
/** What is behind the committed offset stays, so that one who reads an older one still finds what it names. */
const KEPT = 2_000;

// Watchdogs look at each frame as it passes; none is kept.
const cluster = await MockCluster.start({ brokers: args.number('brokers', 2), journalLimit: 0, watchdogs: 'report' });
const expiring = setInterval(
  () => {
    for (const { topic, brokerName, queueId, offset } of cluster.offsets(group)) {
      if (offset > KEPT) cluster.expireMessages({ topic, brokerName, queueId }, offset - KEPT);
    }
  },
  args.number('expire', 10_000),
);
cluster.onViolation(({ kind, message }) => process.stderr.write(`${kind}: ${message}\n`));

process.stdout.write(`READY ${cluster.namesrvAddr}\n`);
createInterface({ input: process.stdin })
  .on('line', () => {
    const violations = Object.values(cluster.violationCounts ?? {}).reduce((sum, count) => sum + count, 0);
    process.stdout.write(`USAGE ${JSON.stringify({ rss: process.memoryUsage.rss(), violations })}\n`);
  })
  .once('close', () => {
    clearInterval(expiring);
    void cluster.stop();
  });
