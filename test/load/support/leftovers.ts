import { expect } from 'chai';
import type { MockCluster } from '../../../mock-broker/index.js';
import { turns } from '../../support/fake-clock.js';

/** What keeps this process alive, by kind. Immediates come and go with every turn. */
export async function heldResources(): Promise<Record<string, number>> {
  // What was closed is gone after a turn or two, and mocha's own timer is there.
  await turns();
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) if (kind !== 'Immediate') counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Once its members have left, nobody in the cluster knows the group any more but by its offsets. */
export async function expectNothingAtBrokers(cluster: MockCluster, group: string): Promise<void> {
  // A closed socket is heard of at its other end a turn or two later.
  while (cluster.brokers.some(({ connections }) => connections.length > 0)) await turns(1);
  expect(cluster.locks(group), 'locks').to.deep.equal([]);
  expect(cluster.members(group), 'members').to.deep.equal([]);
  for (const broker of cluster.brokers) expect(broker.heldPulls, `pulls held by ${broker.name}`).to.equal(0);
}

/** @param before what {@link heldResources} said before the cluster was started; it is stopped now */
export async function expectNothingHeld(before: Record<string, number>): Promise<void> {
  expect(await heldResources(), 'sockets, servers and timers').to.deep.equal(before);
}

/** Everything that is stored was consumed, and that is what the brokers have: by queue, the offset behind its last message. */
export function expectAllCommitted(cluster: MockCluster, group: string, topic: string): void {
  const committed = new Map(
    cluster
      .offsets(group)
      .filter((entry) => entry.topic === topic)
      .map(({ brokerName, queueId, offset }) => [`${brokerName}#${queueId}`, offset]),
  );
  const ends = new Map<string, number>();
  for (const broker of cluster.brokers) {
    const queues = broker.state.topics.get(topic)?.readQueueNums ?? 0;
    for (let queueId = 0; queueId < queues; queueId++) {
      const end = broker.state.store.maxOffset(topic, queueId);
      if (end > 0) ends.set(`${broker.name}#${queueId}`, end);
    }
  }
  const behind = [...ends].filter(([queue, end]) => committed.get(queue) !== end);
  expect(
    behind.map(([queue, end]) => `${queue}: ${committed.get(queue)} of ${end}`),
    'not committed',
  ).to.deep.equal([]);
}
