import type { MockBroker } from '../../broker.js';
import type { MockCluster } from '../../cluster.js';
import { replicaView } from '../../snapshot.js';
import { notFound } from '../errors.js';
import { requireBroker } from './brokers.js';
import type { AdminHandlers } from './handler.js';

export const replicaHandlers: AdminHandlers<
  'stopReplica' | 'startReplica' | 'pauseReplication' | 'resumeReplication' | 'setReplicationLag'
> = {
  stopReplica: async (cluster, { broker, brokerId }) => {
    const found = requireReplica(cluster, broker, brokerId);
    await found.stop();
    return replicaView(found);
  },
  startReplica: async (cluster, { broker, brokerId }) => {
    const found = requireReplica(cluster, broker, brokerId);
    await found.start();
    return replicaView(found);
  },
  pauseReplication: (cluster, { broker, brokerId }) => {
    const found = requireReplica(cluster, broker, brokerId);
    found.pauseReplication();
    return replicaView(found);
  },
  resumeReplication: (cluster, { broker, brokerId }) => {
    const found = requireReplica(cluster, broker, brokerId);
    found.resumeReplication();
    return replicaView(found);
  },
  setReplicationLag: (cluster, { broker, brokerId, lagMs }) => {
    const found = requireReplica(cluster, broker, brokerId);
    found.setReplicationLag(lagMs);
    return replicaView(found);
  },
};

/** @throws MockAdminError when the broker is not there, or has no replica of that id */
function requireReplica(cluster: MockCluster, name: string, brokerId: number): MockBroker {
  const found = requireBroker(cluster, name).replicas.find((replica) => replica.brokerId === brokerId);
  if (found === undefined) throw notFound(`replica ${brokerId} of ${name}`, 'brokerId');
  return found;
}
