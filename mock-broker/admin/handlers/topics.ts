import type { MockCluster } from '../../cluster.js';
import { topicView, topicViews } from '../../snapshot.js';
import { notFound } from '../errors.js';
import type { TopicView } from '../schemas.js';
import { type AdminHandlers, DONE } from './handler.js';

export const topicHandlers: AdminHandlers<
  'listTopics' | 'createTopic' | 'getTopic' | 'updateTopic' | 'deleteTopic' | 'expireMessages'
> = {
  listTopics: (cluster) => ({ items: topicViews(cluster) }),
  createTopic: (cluster, { name, ...options }) => {
    cluster.createTopic(name, options);
    return requireTopic(cluster, name);
  },
  getTopic: (cluster, { topic }) => requireTopic(cluster, topic),
  updateTopic: (cluster, { topic, ...options }) => {
    requireTopic(cluster, topic);
    cluster.updateTopic(topic, options);
    return requireTopic(cluster, topic);
  },
  deleteTopic: (cluster, { topic }) => {
    requireTopic(cluster, topic);
    cluster.deleteTopic(topic);
    return DONE;
  },
  expireMessages: (cluster, { topic, broker, queueId, beforeOffset }) => {
    requireQueue(cluster, topic, broker, queueId);
    cluster.expireMessages({ topic, brokerName: broker, queueId }, beforeOffset);
    return DONE;
  },
};

/** @throws MockAdminError when no broker has it */
export function requireTopic(cluster: MockCluster, name: string): TopicView {
  const found = topicView(cluster, name);
  if (found === undefined) throw notFound(`topic ${name}`, 'topic');
  return found;
}

/** @throws MockAdminError when the broker, or the topic at it, has no such queue */
export function requireQueue(cluster: MockCluster, topic: string, broker: string, queueId: number): void {
  const { queues } = requireTopic(cluster, topic);
  if (!queues.some((queue) => queue.broker === broker && queue.queueId === queueId)) {
    throw notFound(`queue ${queueId} of ${topic} at ${broker}`, 'queueId');
  }
}
