import { OrderedConsumer, type OrderedConsumerOptions } from '../../lib/index.js';
import type { Arguments } from './arguments.js';

/** A consumer as every program has it: of the group and topic it was told, from the first offset, else at its defaults. */
export function consumerOf(
  args: Arguments,
  options: Omit<OrderedConsumerOptions, 'consumerGroup'> = {},
): OrderedConsumer {
  const consumer = new OrderedConsumer({
    namesrvAddr: args.text('namesrv'),
    consumerGroup: args.text('group'),
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    ...options,
  });
  consumer.on('error', (error) => {
    process.stderr.write(`${error.code} ${error.message}\n`);
  });
  consumer.subscribe(args.text('topic'));
  return consumer;
}
