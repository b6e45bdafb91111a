import { createInterface } from 'node:readline';
import { Arguments } from './arguments.js';
import { consumerOf } from './consumer.js';

/**
 * A member of a group that says what it gets, a line `GOT brokerName queueId` for each message, until its standard input
 * ends: then it leaves in good order.
 *
 *     member.js namesrv=.. topic=.. group=.. [renewEvery=20000] [validFor=30000] [orphans=expire]
 */
const args = new Arguments(process.argv.slice(2));
const consumer = consumerOf(args, {
  lease: { renewEvery: args.number('renewEvery', 20_000), validFor: args.number('validFor', 30_000) },
  orphanLocks: args.text('orphans', 'expire') === 'release' ? 'release' : 'expire',
});
await consumer.start((messages) => {
  for (const { brokerName, queueId } of messages) process.stdout.write(`GOT ${brokerName} ${queueId}\n`);
});
createInterface({ input: process.stdin }).once('close', () => void consumer.close().then(() => process.exit(0)));
