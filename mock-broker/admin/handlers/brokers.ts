import { ValidationError } from '../../../lib/errors.js';
import type { MockBroker } from '../../broker.js';
import type { MockCluster } from '../../cluster.js';
import { brokerView } from '../../snapshot.js';
import { notFound } from '../errors.js';
import { type AdminHandlers, DONE } from './handler.js';

export const brokerHandlers: AdminHandlers<
  | 'listBrokers'
  | 'addBroker'
  | 'getBroker'
  | 'removeBroker'
  | 'stopBroker'
  | 'startBroker'
  | 'restartBroker'
  | 'disconnectClients'
  | 'expireLocks'
  | 'clearLocks'
  | 'setPermission'
  | 'setRegistered'
  | 'setBrokerId'
  | 'suggestBrokerId'
> = {
  listBrokers: ({ brokers }) => ({ items: brokers.map(brokerView) }),
  addBroker: async (cluster, { name, ...options }) => {
    if (cluster.brokers.some((broker) => broker.name === name)) {
      throw new ValidationError('name', name, 'a name no other broker has');
    }
    return brokerView(await cluster.addBroker({ ...options, ...(name !== undefined && { name }) }));
  },
  getBroker: (cluster, { broker }) => brokerView(requireBroker(cluster, broker)),
  removeBroker: async (cluster, { broker }) => {
    requireBroker(cluster, broker);
    await cluster.removeBroker(broker);
    return DONE;
  },
  stopBroker: async (cluster, { broker, keepRoute = false }) => {
    const found = requireBroker(cluster, broker);
    await found.stop({ keepRoute });
    return brokerView(found);
  },
  startBroker: async (cluster, { broker, ...options }) => {
    const found = requireBroker(cluster, broker);
    await found.start(options);
    return brokerView(found);
  },
  restartBroker: async (cluster, { broker, ...options }) => {
    const found = requireBroker(cluster, broker);
    await found.restart(options);
    return brokerView(found);
  },
  disconnectClients: (cluster, { broker, clientId }) => {
    const found = requireBroker(cluster, broker);
    const closed = found.connections.filter((one) => clientId === undefined || one.clientId === clientId).length;
    found.disconnect(clientId);
    return { closed };
  },
  expireLocks: (cluster, { broker }) => {
    requireBroker(cluster, broker).expireLocks();
    return DONE;
  },
  clearLocks: (cluster, { broker }) => {
    requireBroker(cluster, broker).clearLocks();
    return DONE;
  },
  setPermission: (cluster, { broker, perm }) => {
    const found = requireBroker(cluster, broker);
    found.setPermission(perm);
    return brokerView(found);
  },
  setRegistered: (cluster, { broker, registered }) => {
    const found = requireBroker(cluster, broker);
    found.setRegistered(registered);
    return brokerView(found);
  },
  setBrokerId: (cluster, { broker, brokerId }) => {
    const found = requireBroker(cluster, broker);
    found.setBrokerId(brokerId);
    return brokerView(found);
  },
  suggestBrokerId: (cluster, { broker, brokerId }) => {
    const found = requireBroker(cluster, broker);
    found.suggestBrokerId(brokerId);
    return brokerView(found);
  },
};

/** @throws MockAdminError when there is none of that name */
export function requireBroker({ brokers }: MockCluster, name: string): MockBroker {
  const found = brokers.find((broker) => broker.name === name);
  if (found === undefined) throw notFound(`broker ${name}`, 'broker');
  return found;
}
