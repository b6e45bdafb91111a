import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { OffsetReset } from '../../../lib/consumer/offset-reset.js';
import { QueueTable } from '../../../lib/consumer/queue-table.js';
import { TimeoutError, type RocketMQError } from '../../../lib/errors.js';
import { messageQueueKey, type MessageQueue } from '../../../lib/protocol/message-queue.js';
import { FakeClient } from '../../support/fake-client.js';
import { turns } from '../../support/fake-clock.js';
import { MemoryOffsetStore } from '../../support/memory-offset-store.js';
import { storedMessage } from '../../support/stored-message.js';

function setUp() {
  const client = new FakeClient();
  const offsets = new MemoryOffsetStore();
  const table = new QueueTable(client.clock, () => undefined);
  const begun: number[] = [];
  const told: string[] = [];
  const errors: RocketMQError[] = [];
  const reset = new OffsetReset({
    client: client.asClient(),
    table,
    offsets,
    begin: (queue) => begun.push(queue.nextOffset),
    wasReset: (queue, offset, reason) => told.push(`${queue.messageQueue.queueId}: ${offset}, ${reason}`),
    report: (error) => errors.push(error),
  });
  /** An owned queue at offset 10, with one message in its buffer. */
  const own = (queueId = 0): AssignedQueue => {
    const messageQueue = { topic: 'T', brokerName: 'a', queueId };
    const queue = new AssignedQueue(messageQueue, messageQueue, false);
    table.add(queue);
    table.own(queue, 10);
    queue.buffer.put([storedMessage({ queueOffset: 10 })]);
    offsets.begin(messageQueue, 10);
    return queue;
  };
  const request = (...entries: [queue: MessageQueue, offset: number][]): void =>
    reset.onRequest({
      topic: 'T',
      group: 'g',
      timestamp: 0,
      isForce: true,
      offsets: entries.map(([queue, offset]) => ({ queue, offset })),
    });
  return { clock: client.clock, offsets, table, begun, told, errors, reset, own, request };
}

describe('OffsetReset', () => {
  it('of an operator starts the queues over that are named and owned, after writing that down', async () => {
    const t = setUp();
    const queue = t.own(0);
    const other = t.own(1);
    const draining = t.own(2);
    t.table.drain(draining, 'test');
    const { signal, generation } = queue;
    let written: () => void = () => undefined;
    const persist = t.offsets.persist.bind(t.offsets);
    t.offsets.persist = (of) => new Promise<void>((resolve) => (written = resolve)).then(() => persist(of));
    const stranger = { topic: 'T', brokerName: 'a', queueId: 9 };
    t.request([queue.messageQueue, 3], [draining.messageQueue, 3], [stranger, 3]);
    await turns();
    expect(signal.aborted, 'the listener is told').to.equal(true);
    expect([queue.generation, queue.buffer.count, queue.nextOffset]).to.deep.equal([generation + 1, 0, 3]);
    expect(t.begun, 'nothing is pulled before').to.deep.equal([]);
    written();
    await turns();
    expect(t.begun).to.deep.equal([3]);
    expect(t.offsets.stored.get(messageQueueKey(queue.messageQueue))).to.equal(3);
    expect(t.told).to.deep.equal(['0: 3, an operator reset it']);
    expect([other.generation, other.buffer.count]).to.deep.equal([0, 1]);
    expect(draining.generation).to.equal(0);
    expect(t.offsets.stored.size).to.equal(1);
  });

  it('goes on although it could not be written down, and reports that', async () => {
    const t = setUp();
    const queue = t.own();
    t.offsets.persist = () => Promise.reject(new TimeoutError('no answer'));
    t.request([queue.messageQueue, 3]);
    await turns();
    expect(t.begun).to.deep.equal([3]);
    expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_PERSIST']);
    expect(t.offsets.get(queue.messageQueue)).to.equal(3);
  });

  it('is overtaken by a later one, or by the loss of the queue', async () => {
    const t = setUp();
    const queue = t.own(0);
    const lost = t.own(1);
    t.request([queue.messageQueue, 3], [lost.messageQueue, 3]);
    t.request([queue.messageQueue, 8]);
    t.table.lose(lost, 'test');
    await turns();
    expect(t.begun).to.deep.equal([8]);
    expect(t.told).to.deep.equal(['0: 8, an operator reset it']);
  });

  it('by the broker starts over at once, but only once a second while it goes on refusing', async () => {
    const t = setUp();
    const queue = t.own();
    await t.reset.onRefusal(queue, 40, 'OFFSET_TOO_SMALL');
    expect(t.begun).to.deep.equal([40]);
    void t.reset.onRefusal(queue, 50, 'OFFSET_TOO_SMALL');
    await t.clock.advance(999);
    expect(t.begun).to.deep.equal([40]);
    await t.clock.advance(1);
    expect(t.begun).to.deep.equal([40, 50]);
    await t.clock.advance(1_000);
    await t.reset.onRefusal(queue, 60, 'OFFSET_TOO_SMALL');
    expect(t.begun).to.deep.equal([40, 50, 60]);
    expect(t.told.at(-1)).to.equal('0: 60, OFFSET_TOO_SMALL');
  });

  it('by the broker leaves nothing behind when the queue is lost while it waits', async () => {
    const t = setUp();
    const queue = t.own();
    await t.reset.onRefusal(queue, 40, 'OFFSET_TOO_SMALL');
    void t.reset.onRefusal(queue, 50, 'OFFSET_TOO_SMALL');
    t.table.lose(queue, 'test');
    await t.clock.advance(2_000);
    expect(t.begun).to.deep.equal([40]);
    expect(t.clock.timerCount).to.equal(0);
  });
});
