import { OrderedConsumer, Producer } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { target } from '../support/target.js';

/** A group with one member, which has consumed everything of its topic, and a producer: what tools look at. */
export interface OnlineGroup {
  readonly topic: string;
  readonly group: string;
  readonly producerGroup: string;
  readonly clientId: string;
  readonly producerClientId: string;
  /** The bodies its listener was given, in order. */
  readonly seen: readonly string[];
  stop(): Promise<void>;
}

export const BODIES = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'];

/** The topic has one queue, on broker-a, with {@link BODIES} in it; all offsets are committed. */
export async function startOnlineGroup(): Promise<OnlineGroup> {
  const { namesrvAddr, unique, createTopic, committed } = target();
  const topic = unique('online');
  const group = unique('online-group');
  const producerGroup = unique('online-producers');
  await createTopic(topic, 1, { brokers: ['broker-a'] });
  const producer = new Producer({ namesrvAddr, producerGroup });
  await producer.start();
  for (const [index, body] of BODIES.entries()) {
    const tags = index % 2 === 0 ? 'Even' : 'Odd';
    await producer.send({ topic, shardingKey: 'k', keys: `key-${index}`, tags, body: Buffer.from(body) });
  }
  const seen: string[] = [];
  const consumer = new OrderedConsumer({
    namesrvAddr,
    consumerGroup: group,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    persistConsumerOffsetInterval: 200,
  });
  consumer.subscribe(topic);
  await consumer.start((messages) => {
    for (const message of messages) seen.push(message.body.toString());
  });
  const isDone = async (): Promise<true | undefined> =>
    seen.length >= BODIES.length && (await committed(group, topic)) === BODIES.length ? true : undefined;
  await until(`${group} has committed everything`, isDone);
  return {
    topic,
    group,
    producerGroup,
    clientId: consumer.clientId,
    producerClientId: producer.clientId,
    seen,
    stop: async () => {
      await consumer.close();
      await producer.close();
    },
  };
}
