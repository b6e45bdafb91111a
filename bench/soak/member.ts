import { createInterface } from 'node:readline';
import { Arguments } from '../programs/arguments.js';
import { consumerOf } from '../programs/consumer.js';
import { soakOptions } from './member-options.js';

/**
 * A member of the group in a process of its own, to be killed. Says what it gets, a line
 * `CALL queue offset begin end` each, with the machine's monotonic time in microseconds, before it answers: nothing it
 * commits is unsaid. Its standard input's end has it leave in good order.
 *
 *     member.js namesrv=.. topic=.. group=.. validFor=..
 */
const args = new Arguments(process.argv.slice(2));
const consumer = consumerOf(args, soakOptions(args.number('validFor')));
await consumer.start((messages) => {
  for (const { topic, brokerName, queueId, queueOffset } of messages) {
    const now = process.hrtime.bigint() / 1_000n;
    process.stdout.write(`CALL ${topic}@${brokerName}#${queueId} ${queueOffset} ${now} ${now}\n`);
  }
});
createInterface({ input: process.stdin }).once('close', () => void consumer.close().then(() => process.exit(0)));
