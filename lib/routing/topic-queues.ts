import { ProtocolError } from '../errors.js';
import { compareMessageQueues, type MessageQueue } from '../protocol/message-queue.js';
import { MASTER_ID, Perm, type TopicRouteData } from '../protocol/topic-route.js';

/**
 * The queues messages of a topic can be sent to. An order configuration lists them itself, whether their brokers have
 * masters or not, so that sharding keys stay on their queues while a broker is away. Otherwise they are the writable
 * queues of brokers with a master, sorted by broker name.
 *
 * @throws ProtocolError `ERR_ROCKETMQ_FIELD_MALFORMED` for an order configuration that can't be read: with queues left
 *   out, keys would silently move to others
 */
export function publishQueues(topic: string, route: TopicRouteData): MessageQueue[] {
  const { orderTopicConf } = route;
  if (orderTopicConf !== undefined && orderTopicConf !== '') return orderedQueues(topic, orderTopicConf);
  const queues: MessageQueue[] = [];
  for (const data of route.queueDatas.toSorted((a, b) => compareNames(a.brokerName, b.brokerName))) {
    if ((data.perm & Perm.WRITE) === 0) continue;
    const broker = route.brokerDatas.find(({ brokerName }) => brokerName === data.brokerName);
    if (broker?.brokerAddrs[MASTER_ID] === undefined) continue;
    addQueues(queues, topic, data.brokerName, data.writeQueueNums);
  }
  return queues;
}

/** The queues messages of a topic can be consumed from: every readable one, also while its broker has no master. */
export function subscribeQueues(topic: string, route: TopicRouteData): MessageQueue[] {
  const queues: MessageQueue[] = [];
  for (const data of route.queueDatas) {
    if ((data.perm & Perm.READ) !== 0) addQueues(queues, topic, data.brokerName, data.readQueueNums);
  }
  return queues.sort(compareMessageQueues);
}

/** `broker-a:4;broker-b:4`, in its own order. */
function orderedQueues(topic: string, orderTopicConf: string): MessageQueue[] {
  const queues: MessageQueue[] = [];
  for (const part of orderTopicConf.split(';')) {
    if (part.trim() === '') continue;
    const match = /^\s*([^:\s]+):(\d{1,6})\s*$/.exec(part);
    const [, brokerName, count] = match ?? [];
    if (brokerName === undefined || count === undefined) {
      throw new ProtocolError(
        'ERR_ROCKETMQ_FIELD_MALFORMED',
        `the order configuration of topic ${topic} can't be read at ${JSON.stringify(part.slice(0, 40))}; ` +
          'correct it at the name server, its form is broker:queues;broker:queues',
        { topic, field: 'orderTopicConf' },
      );
    }
    addQueues(queues, topic, brokerName, Number(count));
  }
  return queues;
}

function addQueues(queues: MessageQueue[], topic: string, brokerName: string, count: number): void {
  for (let queueId = 0; queueId < count; queueId++) queues.push({ topic, brokerName, queueId });
}

/** By UTF-16 code unit, as Java sorts. */
export function compareNames(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
