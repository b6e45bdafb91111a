/**
 * What the HTTP side can be asked, by name. Apart from the schemas (contract.ts), so that a client need not load those.
 * What a path names with a colon is taken from it; the rest of the input is the query of GET and DELETE, and the JSON body
 * of the others.
 */

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
}

export const OPERATIONS = {
  getCluster: { method: 'GET', path: '/api/cluster' },
  getState: { method: 'GET', path: '/api/state' },

  listTopics: { method: 'GET', path: '/api/topics' },
  createTopic: { method: 'POST', path: '/api/topics' },
  getTopic: { method: 'GET', path: '/api/topics/:topic' },
  updateTopic: { method: 'PATCH', path: '/api/topics/:topic' },
  deleteTopic: { method: 'DELETE', path: '/api/topics/:topic' },
  expireMessages: { method: 'POST', path: '/api/topics/:topic/expire' },

  listMessages: { method: 'GET', path: '/api/topics/:topic/messages' },
  produce: { method: 'POST', path: '/api/topics/:topic/messages' },
  findMessages: { method: 'GET', path: '/api/topics/:topic/messages/by-key' },
  getMessage: { method: 'GET', path: '/api/topics/:topic/messages/:broker/:queueId/:offset' },
  listDelayed: { method: 'GET', path: '/api/delayed' },
  listPulls: { method: 'GET', path: '/api/pulls' },

  listGroups: { method: 'GET', path: '/api/groups' },
  getGroup: { method: 'GET', path: '/api/groups/:group' },
  updateGroup: { method: 'PATCH', path: '/api/groups/:group' },
  setOffset: { method: 'PUT', path: '/api/groups/:group/offset' },
  resetOffset: { method: 'POST', path: '/api/groups/:group/reset' },
  stealLock: { method: 'POST', path: '/api/groups/:group/steal-lock' },
  notifyGroup: { method: 'POST', path: '/api/groups/:group/notify' },
  listDeadLetters: { method: 'GET', path: '/api/groups/:group/dead-letters' },
  replayDeadLetter: { method: 'POST', path: '/api/groups/:group/dead-letters/replay' },

  listBrokers: { method: 'GET', path: '/api/brokers' },
  addBroker: { method: 'POST', path: '/api/brokers' },
  getBroker: { method: 'GET', path: '/api/brokers/:broker' },
  removeBroker: { method: 'DELETE', path: '/api/brokers/:broker' },
  stopBroker: { method: 'POST', path: '/api/brokers/:broker/stop' },
  startBroker: { method: 'POST', path: '/api/brokers/:broker/start' },
  restartBroker: { method: 'POST', path: '/api/brokers/:broker/restart' },
  disconnectClients: { method: 'POST', path: '/api/brokers/:broker/disconnect' },
  expireLocks: { method: 'POST', path: '/api/brokers/:broker/expire-locks' },
  clearLocks: { method: 'POST', path: '/api/brokers/:broker/clear-locks' },
  setPermission: { method: 'PUT', path: '/api/brokers/:broker/permission' },
  setRegistered: { method: 'PUT', path: '/api/brokers/:broker/registered' },
  setBrokerId: { method: 'PUT', path: '/api/brokers/:broker/broker-id' },
  suggestBrokerId: { method: 'PUT', path: '/api/brokers/:broker/suggested-broker-id' },
  stopReplica: { method: 'POST', path: '/api/brokers/:broker/replicas/:brokerId/stop' },
  startReplica: { method: 'POST', path: '/api/brokers/:broker/replicas/:brokerId/start' },
  pauseReplication: { method: 'POST', path: '/api/brokers/:broker/replicas/:brokerId/pause' },
  resumeReplication: { method: 'POST', path: '/api/brokers/:broker/replicas/:brokerId/resume' },
  setReplicationLag: { method: 'PUT', path: '/api/brokers/:broker/replicas/:brokerId/lag' },

  callClient: { method: 'POST', path: '/api/clients/:client/call' },
  tellClient: { method: 'POST', path: '/api/clients/:client/tell' },

  listNameServers: { method: 'GET', path: '/api/name-servers' },
  stopNameServer: { method: 'POST', path: '/api/name-servers/:nameServer/stop' },
  startNameServer: { method: 'POST', path: '/api/name-servers/:nameServer/start' },
  freezeNameServer: { method: 'POST', path: '/api/name-servers/:nameServer/freeze' },
  thawNameServer: { method: 'POST', path: '/api/name-servers/:nameServer/thaw' },
  getRoute: { method: 'GET', path: '/api/name-servers/:nameServer/routes/:topic' },
  overrideRoute: { method: 'PUT', path: '/api/name-servers/:nameServer/routes/:topic' },
  clearOverride: { method: 'DELETE', path: '/api/name-servers/:nameServer/routes/:topic' },
  clearOverrides: { method: 'DELETE', path: '/api/name-servers/:nameServer/routes' },

  listFaults: { method: 'GET', path: '/api/faults' },
  addFault: { method: 'POST', path: '/api/faults' },
  clearFaults: { method: 'DELETE', path: '/api/faults' },
  removeFault: { method: 'DELETE', path: '/api/faults/:id' },

  listJournal: { method: 'GET', path: '/api/journal' },
  clearJournal: { method: 'DELETE', path: '/api/journal' },
  listViolations: { method: 'GET', path: '/api/violations' },

  getClock: { method: 'GET', path: '/api/clock' },
  advanceClock: { method: 'POST', path: '/api/clock/advance' },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;

/** Where state, journal lines and violations are told as they come, as server-sent events. */
export const EVENTS_PATH = '/events';

/** The names in a path, `topic` and `group` of `/a/:topic/:group`. */
export function pathNames(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
}

/** Whether what is not in the path travels as JSON. */
export function hasBody({ method }: Operation): boolean {
  return method !== 'GET' && method !== 'DELETE';
}
