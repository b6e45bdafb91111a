import type { MockCluster, ResetOffsetOptions } from '../../cluster.js';
import { groupView, groupViews } from '../../snapshot.js';
import { groupNameProblem } from '../../store/names.js';
import { ValidationError } from '../../../lib/errors.js';
import { notFound } from '../errors.js';
import type { GroupView } from '../schemas.js';
import { type AdminHandlers, DONE } from './handler.js';
import { requireBroker } from './brokers.js';
import { requireQueue, requireTopic } from './topics.js';

export const groupHandlers: AdminHandlers<
  'listGroups' | 'getGroup' | 'updateGroup' | 'setOffset' | 'resetOffset' | 'stealLock' | 'notifyGroup'
> = {
  listGroups: (cluster) => ({ items: groupViews(cluster) }),
  getGroup: (cluster, { group }) => requireGroup(cluster, group),
  updateGroup: (cluster, { group, ...change }) => {
    checkGroupName(group);
    cluster.updateGroup(group, change);
    return requireGroup(cluster, group);
  },
  setOffset: (cluster, { group, topic, broker, queueId, offset }) => {
    checkGroupName(group);
    requireQueue(cluster, topic, broker, queueId);
    cluster.setOffset(group, { topic, brokerName: broker, queueId }, offset);
    return DONE;
  },
  resetOffset: (cluster, { group, topic, broker, ...options }) => {
    checkGroupName(group);
    requireTopic(cluster, topic);
    if (broker !== undefined) requireBroker(cluster, broker);
    if (options.queueId !== undefined && broker !== undefined) requireQueue(cluster, topic, broker, options.queueId);
    const reset = { ...options, ...(broker !== undefined && { brokerName: broker }) } as ResetOffsetOptions;
    return {
      items: cluster
        .resetOffset(group, topic, reset)
        .map(({ queue, offset }) => ({ topic, broker: queue.brokerName, queueId: queue.queueId, offset })),
    };
  },
  stealLock: (cluster, { group, topic, broker, queueId, clientId }) => {
    checkGroupName(group);
    requireQueue(cluster, topic, broker, queueId);
    requireBroker(cluster, broker).stealLock(group, { topic, brokerName: broker, queueId }, clientId);
    return DONE;
  },
  notifyGroup: (cluster, { group }) => {
    requireGroup(cluster, group);
    for (const broker of cluster.brokers) broker.notifyConsumerIdsChanged(group);
    return DONE;
  },
};

/** @throws MockAdminError when nobody knows it */
export function requireGroup(cluster: MockCluster, name: string): GroupView {
  const found = groupView(cluster, name);
  if (found === undefined) throw notFound(`group ${name}`, 'group');
  return found;
}

function checkGroupName(name: string): void {
  if (groupNameProblem(name) !== undefined) throw new ValidationError('group', name, 'a legal group name');
}
