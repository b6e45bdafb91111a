import { createInterface } from 'node:readline';
import ons from 'ali-ons';

/**
 * The older client for Node, doing what it is told, one command a line on standard input, its values URL-encoded:
 *
 *     consume id=.. group=.. topic=.. [tags=..] [fail=body:times,..]
 *     send id=.. topic=.. kind=sync bodies=a,b [key=..] [tags=..] [delayLevel=..] [deliverMs=..]
 *     stop id=..
 *
 * Standard output carries one JSON object a line, as of the Java program. It ends when standard input does.
 */

const { Consumer, Producer, Message } = ons;
const nameSrv = process.argv[2];
const running = new Map();
const quiet = { info() {}, warn() {}, error() {}, debug() {} };

const commands = {
  async consume({ id, group, topic, tags = '*', fail = '' }) {
    const left = new Map(
      fail
        .split(',')
        .filter((rule) => rule.includes(':'))
        .map((rule) => [rule.split(':')[0], Number(rule.split(':')[1])]),
    );
    const consumer = new Consumer({
      ...options(id),
      consumerGroup: group,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      rebalanceInterval: 1000,
      pollNameServerInteval: 1000,
    });
    consumer.on('error', (error) => tell('error', id, { error: String(error) }));
    consumer.subscribe(topic, tags, async (message, queue) => {
      const body = String(message.body);
      const { msgId, queueOffset, keys, reconsumeTimes } = message;
      // It says which queue only of messages that come for the first time.
      const { brokerName = '', queueId = message.queueId } = queue ?? {};
      tell('message', id, {
        topic: message.topic,
        brokerName,
        queueId,
        queueOffset,
        body,
        keys: String(keys),
        tags: String(message.tags),
        reconsumeTimes,
        msgId,
      });
      const times = left.get(body) ?? 0;
      if (times === 0) return undefined;
      left.set(body, times - 1);
      return Consumer.ACTION_RETRY;
    });
    await consumer.ready();
    running.set(id, consumer);
    tell('ready', id);
  },

  async send({ id, topic, bodies, key, tags = '', delayLevel, deliverMs }) {
    const producer = new Producer({ ...options(id), producerGroup: id });
    await producer.ready();
    for (const body of bodies.split(',')) {
      const message = new Message(topic, tags, body);
      if (key !== undefined) message.keys = [key];
      if (delayLevel !== undefined) message.delayTimeLevel = Number(delayLevel);
      if (deliverMs !== undefined) message.setStartDeliverTime(Date.now() + Number(deliverMs));
      // What it calls the message's id is where the broker has it.
      const { sendStatus, msgId: offsetMsgId, messageQueue, queueOffset } = await producer.send(message);
      const { brokerName, queueId } = messageQueue;
      tell('sent', id, {
        body,
        status: sendStatus,
        offsetMsgId,
        brokerName,
        queueId: Number(queueId),
        queueOffset: Number(queueOffset),
      });
    }
    await producer.close();
    tell('done', id);
  },

  async stop({ id }) {
    await running.get(id)?.close();
    running.delete(id);
    tell('stopped', id);
  },
};

function options(instanceName) {
  // It asks for both, and uses neither when it is told the name server.
  return { nameSrv, instanceName, logger: quiet, httpclient: {}, accessKeyId: 'none', accessKeySecret: 'none' };
}

function tell(event, id, more = {}) {
  process.stdout.write(`${JSON.stringify({ event, id, ...more })}\n`);
}

tell('started', '');
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [verb, ...words] = line.split(' ');
  const fields = Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      return [word.slice(0, at), decodeURIComponent(word.slice(at + 1))];
    }),
  );
  commands[verb](fields).catch((error) => tell('failed', fields.id, { error: String(error) }));
});
lines.on('close', () => process.exit(0));
