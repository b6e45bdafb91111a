import type { ClientInstance } from '../client/client-instance.js';
import { RouteError } from '../errors.js';
import { MqVersion } from '../protocol/codes.js';
import type { StoredMessage } from '../protocol/message.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { retryTopic, withNamespace } from '../protocol/namespace.js';
import { PropertyName, rewriteProperties } from '../protocol/properties.js';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.js';
import { MessageSysFlag, COMPRESSION_TYPE_MASK } from '../protocol/sys-flag.js';

/** The group under which the reference sends messages back; brokers know it. */
export const INNER_PRODUCER_GROUP = 'CLIENT_INNER_PRODUCER';

/** The reference's time for the send, in milliseconds. */
const SEND_BACK_TIMEOUT = 3_000;

/**
 * Sends a message that used up its attempts to the group's retry topic, as an ordinary send whose reconsume times are
 * past its limit: the broker stores it in %DLQ% for that. It goes to the broker the message came from where that one
 * can take it, once: a second attempt after an unknown outcome could store it twice, so the queue waits instead.
 *
 * @returns the topic it was sent to
 */
export async function sendToDeadLetter(
  client: ClientInstance,
  group: { readonly wrapped: string; readonly namespace: string | undefined },
  message: StoredMessage,
  from: MessageQueue,
  maxReconsumeTimes: number,
): Promise<string> {
  const topic = retryTopic(group.wrapped);
  const target = await chooseQueue(client, topic, from.brokerName);
  const reconsumeTimes = message.reconsumeTimes + 1;
  const properties: Record<string, string> = { ...message.properties };
  delete properties[PropertyName.TRANSACTION_PREPARED];
  properties[PropertyName.ORIGIN_MESSAGE_ID] ??= message.msgId;
  // The reference writes the topic without its namespace here, so that it can't be sent back to it.
  properties[PropertyName.RETRY_TOPIC] = withNamespace(group.namespace, message.topic);
  properties[PropertyName.RECONSUME_TIME] = String(reconsumeTimes);
  properties[PropertyName.MAX_RECONSUME_TIMES] = String(maxReconsumeTimes);
  if (ignoresDelay(client, target.brokerName)) properties[PropertyName.DELAY] = String(3 + message.reconsumeTimes);
  else delete properties[PropertyName.DELAY];
  await client.callMaster(
    target.brokerName,
    sendMessageV2,
    {
      producerGroup: INNER_PRODUCER_GROUP,
      topic,
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: 4,
      queueId: target.queueId,
      sysFlag: message.isCompressed ? message.sysFlag & (MessageSysFlag.COMPRESSED | COMPRESSION_TYPE_MASK) : 0,
      bornTimestamp: client.clock.wallTime(),
      flag: message.flag,
      properties: rewriteProperties(properties),
      reconsumeTimes,
      unitMode: false,
      maxReconsumeTimes,
      batch: false,
      brokerName: target.brokerName,
      body: message.rawBody,
    },
    SEND_BACK_TIMEOUT,
  );
  return topic;
}

/**
 * The reference says how long to wait before the next delivery, although there is none. Brokers before 5.0 heed that even
 * for what goes to %DLQ%, where it appears up to two hours late; later ones put -1 in its place.
 */
function ignoresDelay(client: ClientInstance, brokerName: string): boolean {
  const version = client.heartbeats.brokerVersion(client.masterAddress(brokerName));
  return version !== undefined && version >= MqVersion.V5_0_0;
}

async function chooseQueue(client: ClientInstance, topic: string, preferredBroker: string): Promise<MessageQueue> {
  const route = client.routes.get(topic) ?? (await client.routes.fetch(topic));
  const queues = route.publishQueues;
  const nearby = queues.filter((queue) => queue.brokerName === preferredBroker);
  const candidates = nearby.length > 0 ? nearby : queues;
  const chosen = candidates[Math.floor(Math.random() * candidates.length)];
  if (chosen === undefined) {
    throw new RouteError('ERR_ROCKETMQ_NO_QUEUE', `${topic} has no queue that takes messages`, { topic });
  }
  return chosen;
}
