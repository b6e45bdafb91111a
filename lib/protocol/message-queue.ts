/** A queue of a topic on a broker: what is assigned, locked, pulled and committed. All three fields are its identity. */
export interface MessageQueue {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
}

/** A string that is equal exactly for equal queues: the key for maps. Neither name can hold the separator. */
export function messageQueueKey(queue: MessageQueue): string {
  return `${queue.topic}\0${queue.brokerName}\0${queue.queueId}`;
}

/** The queue for people: `Orders@broker-a#3`. */
export function describeQueue(queue: MessageQueue): string {
  return `${queue.topic}@${queue.brokerName}#${queue.queueId}`;
}

/** Topic, then broker name, both by UTF-16 code unit as in Java, then queue id. */
export function compareMessageQueues(a: MessageQueue, b: MessageQueue): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  if (a.brokerName !== b.brokerName) return a.brokerName < b.brokerName ? -1 : 1;
  return a.queueId - b.queueId;
}
