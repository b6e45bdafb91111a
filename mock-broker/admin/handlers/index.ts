import { ValidationError } from '../../../lib/errors.js';
import { describeFault, parseFaultRule } from '../../faults/schema.js';
import { clockView, clusterView } from '../../snapshot.js';
import { notFound } from '../errors.js';
import { journalPage } from '../journal-view.js';
import type { OperationName } from '../operations.js';
import { stateView } from '../state-view.js';
import { violationView } from '../violation-view.js';
import { brokerHandlers } from './brokers.js';
import { clientHandlers } from './clients.js';
import { deadLetterHandlers } from './dead-letters.js';
import { groupHandlers } from './groups.js';
import { type AdminHandlers, DONE } from './handler.js';
import { messageHandlers } from './messages.js';
import { nameServerHandlers } from './name-servers.js';
import { replicaHandlers } from './replicas.js';
import { topicHandlers } from './topics.js';

/** Who carries out what. */
export const adminHandlers: AdminHandlers<OperationName> = {
  ...topicHandlers,
  ...messageHandlers,
  ...groupHandlers,
  ...deadLetterHandlers,
  ...brokerHandlers,
  ...replicaHandlers,
  ...clientHandlers,
  ...nameServerHandlers,

  getCluster: clusterView,
  getState: stateView,

  listFaults: ({ faults }) => ({ items: faults.active.map(describeFault) }),
  addFault: ({ faults }, rule) => describeFault(faults.add(parseFaultRule(rule))),
  clearFaults: ({ faults }) => {
    faults.clear();
    return DONE;
  },
  removeFault: ({ faults }, { id }) => {
    if (!faults.remove(id)) throw notFound(`fault ${id}`, 'id');
    return DONE;
  },

  listJournal: ({ journal }, input) => journalPage(journal, input),
  clearJournal: ({ journal }) => {
    journal.clear();
    return DONE;
  },
  listViolations: ({ violations }) => ({ items: violations.map(violationView) }),

  getClock: clockView,
  advanceClock: (cluster, { ms }) => {
    if (cluster.clock.now() + ms > MAX_TIME) throw new ValidationError('ms', ms, 'a time that dates can tell');
    cluster.clock.advance(ms);
    return clockView(cluster);
  },
};

/** The last millisecond a Date can hold. */
const MAX_TIME = 8_640_000_000_000_000;
