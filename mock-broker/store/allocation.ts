import type { MessageQueue } from '../../lib/protocol/message-queue.js';

/** Which queues a member of a group consumes, when the broker decides. */

type Strategy = (index: number, members: number, queues: readonly MessageQueue[]) => readonly MessageQueue[];

/** By the names clients have for them. */
const STRATEGIES: ReadonlyMap<string, Strategy> = new Map([
  ['AVG', averagely],
  ['AVG_BY_CIRCLE', (index, members, queues) => queues.filter((_, at) => at % members === index)],
]);

/**
 * A member's queues out of all; undefined when the strategy is unknown.
 *
 * @param share with how many others of the group a member that pops shares each queue; undefined when it pulls
 */
export function allocateQueues(options: {
  readonly strategyName: string;
  readonly clientId: string;
  readonly clientIds: readonly string[];
  readonly queues: readonly MessageQueue[];
  readonly share: number | undefined;
}): readonly MessageQueue[] | undefined {
  const strategy = STRATEGIES.get(options.strategyName);
  if (strategy === undefined) return undefined;
  const members = [...options.clientIds].sort();
  const queues = [...options.queues].sort(compareQueues);
  const own = members.indexOf(options.clientId);
  const { share } = options;
  const of = (index: number): readonly MessageQueue[] => strategy(index, members.length, queues);
  if (share === undefined) return own === -1 ? [] : of(own);
  // Everybody pops all queues of each broker.
  if (share <= 0 || share >= members.length - 1) return distinct(queues.map((queue) => ({ ...queue, queueId: -1 })));
  if (own === -1 || queues.length === 0) return [];
  if (members.length > queues.length) return [queues[own % queues.length] as MessageQueue];
  return distinct(Array.from({ length: share + 1 }, (_, step) => of((own + step) % members.length)).flat());
}

/** Runs of neighbours, the longer ones first. */
function averagely(index: number, members: number, queues: readonly MessageQueue[]): readonly MessageQueue[] {
  const longer = queues.length % members;
  const size = Math.floor(queues.length / members);
  const start = index * size + Math.min(index, longer);
  return queues.slice(start, start + size + (index < longer ? 1 : 0));
}

function compareQueues(a: MessageQueue, b: MessageQueue): number {
  if (a.brokerName !== b.brokerName) return a.brokerName < b.brokerName ? -1 : 1;
  return a.queueId - b.queueId;
}

function distinct(queues: readonly MessageQueue[]): MessageQueue[] {
  return [...new Map(queues.map((queue) => [`${queue.brokerName}\0${queue.queueId}`, queue])).values()];
}
