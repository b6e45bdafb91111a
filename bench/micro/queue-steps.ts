import { BrokerOffsetStore } from '../../lib/consumer/offset-store/broker-offset-store.js';
import { decideOutcome } from '../../lib/consumer/outcome.js';
import { ProcessQueue } from '../../lib/consumer/process-queue.js';
import type { StoredMessage } from '../../lib/protocol/message.js';
import { FakeClient } from '../../test/support/fake-client.js';
import { BROKER, messages, PULL_BATCH, TOPIC } from './inputs.js';
import type { Step } from './step.js';

const UPDATES = 32;

/** The buffer of a queue, what an answer means, and where the offset goes. */
export function queueSteps(): Step[] {
  return [
    buffer('buffer: put 32, take and commit each', (pulled) => pulled),
    buffer('buffer: put 32 in disorder, take and commit each', disordered),
    outcome(),
    offsetUpdate(),
  ];
}

/** Every second one comes late. */
function disordered(pulled: readonly StoredMessage[]): StoredMessage[] {
  return [...pulled.filter((_, i) => i % 2 === 1), ...pulled.filter((_, i) => i % 2 === 0)];
}

function buffer(name: string, order: (pulled: readonly StoredMessage[]) => readonly StoredMessage[]): Step {
  const queue = new ProcessQueue();
  queue.reset(0);
  const pulled = order(messages(0, PULL_BATCH));
  const run = (): number => {
    moveOn(pulled);
    queue.put(pulled);
    let committed = 0;
    while (queue.take(1).length > 0) committed = queue.commit();
    return committed;
  };
  return { name, unit: 'message', count: PULL_BATCH, run };
}

/** Gives the messages the offsets behind theirs: what was consumed once is not taken in again. */
export function moveOn(pulled: readonly StoredMessage[]): void {
  for (let i = 0; i < pulled.length; i++) (pulled[i] as StoredMessage).queueOffset += pulled.length;
}

function outcome(): Step {
  let commits = 0;
  const run = (): number => {
    for (let i = 0; i < UPDATES; i++) {
      if (decideOutcome('auto', 'SUCCESS', 'some-again').effect === 'commit') commits = (commits + 1) & 0xfffffff;
    }
    return commits;
  };
  return { name: 'outcome of an answer', unit: 'message', count: UPDATES, run };
}

function offsetUpdate(): Step {
  const offsets = new BrokerOffsetStore(new FakeClient().asClient(), 'bench-micro-group', false, () => Infinity);
  const queues = Array.from({ length: 8 }, (_, queueId) => ({ topic: TOPIC, brokerName: BROKER, queueId }));
  let offset = 0;
  const run = (): void => {
    offset = (offset + 1) & 0xfffff;
    for (let i = 0; i < UPDATES / queues.length; i++) {
      for (const queue of queues) offsets.update(queue, offset + i, false);
    }
  };
  return { name: 'offset store update', unit: 'message', count: UPDATES, run };
}
