import { MockCluster } from '../../mock-broker/index.js';
import { Arguments } from './arguments.js';

/**
 * The mock cluster in a process of its own, so that its processor time is nobody else's. Runs until its standard input
 * ends; its one line is `READY host:port`, the name server's address.
 *
 *     mock-cluster.js [brokers=1]
 */
const args = new Arguments(process.argv.slice(2));
// The journal would keep every frame of a load.
const cluster = await MockCluster.start({ brokers: args.number('brokers', 1), journalLimit: 0 });
process.stdout.write(`READY ${cluster.namesrvAddr}\n`);
process.stdin.resume().once('end', () => void cluster.stop());
