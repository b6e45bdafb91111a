import { expect } from 'chai';
import fc from 'fast-check';
import { ConsumeQueue, type QueueEntry } from '../../../../mock-broker/store/consume-queue.js';

const all = (): boolean => true;

function entryOf(queueOffset: number, change: Partial<QueueEntry> = {}): QueueEntry {
  const { record = Buffer.alloc(100) } = change;
  return {
    topic: 'T',
    queueId: 0,
    queueOffset,
    count: 1,
    record,
    size: record.length,
    physicalOffset: queueOffset * 100,
    storeTimestamp: 1000 + queueOffset * 10,
    tagsCode: 0,
    properties: () => ({}),
    ...change,
  };
}

function filled(count: number, change: Partial<QueueEntry> = {}): ConsumeQueue {
  const queue = new ConsumeQueue();
  for (let offset = 0; offset < count; offset++) queue.append(entryOf(offset, change));
  return queue;
}

const offsets = (entries: readonly QueueEntry[]): number[] => entries.map((entry) => entry.queueOffset);

describe('ConsumeQueue', () => {
  it('has a status for every odd offset', () => {
    const queue = filled(10);
    queue.expireBefore(4);
    const find = (offset: number): unknown[] => {
      const { status, nextBeginOffset } = queue.find(offset, 32, all);
      return [status, nextBeginOffset];
    };
    expect(find(3)).to.deep.equal(['OFFSET_TOO_SMALL', 4]);
    expect(find(-1)).to.deep.equal(['OFFSET_TOO_SMALL', 4]);
    expect(find(4)).to.deep.equal(['FOUND', 10]);
    expect(find(10)).to.deep.equal(['OFFSET_OVERFLOW_ONE', 10]);
    expect(find(11)).to.deep.equal(['OFFSET_OVERFLOW_BADLY', 10]);
    const empty = new ConsumeQueue();
    expect(empty.find(0, 32, all)).to.deep.equal({ status: 'NO_MESSAGE_IN_QUEUE', nextBeginOffset: 0, entries: [] });
    expect(empty.find(5, 32, all).nextBeginOffset).to.equal(0);
  });

  it('gives out at most 32 messages, or as many as asked for, but at least one', () => {
    const queue = filled(50);
    expect(queue.find(0, 100, all).entries).to.have.length(32);
    expect(queue.find(0, 5, all).nextBeginOffset).to.equal(5);
    expect(queue.find(7, 0, all)).to.deep.include({ status: 'FOUND', nextBeginOffset: 8 });
  });

  it('gives out at most 256 KiB, but at least one message', () => {
    const large = filled(5, { record: Buffer.alloc(100 * 1024) });
    expect(offsets(large.find(0, 32, all).entries)).to.deep.equal([0, 1]);
    const huge = filled(3, { record: Buffer.alloc(1024 * 1024) });
    expect(offsets(huge.find(1, 32, all).entries)).to.deep.equal([1]);
    const exact = filled(3, { record: Buffer.alloc(128 * 1024) });
    expect(offsets(exact.find(0, 32, all).entries)).to.deep.equal([0, 1]);
  });

  it('passes over what does not match, and looks at 800 messages at most', () => {
    const queue = filled(1000);
    const odd = queue.find(0, 3, (entry) => entry.tagsCode === 0 && (entry as QueueEntry).queueOffset % 2 === 1);
    expect(offsets(odd.entries)).to.deep.equal([1, 3, 5]);
    expect(odd.nextBeginOffset).to.equal(6);
    expect(queue.find(0, 32, () => false)).to.deep.equal({
      status: 'NO_MATCHED_MESSAGE',
      nextBeginOffset: 800,
      entries: [],
    });
    expect(queue.find(500, 32, () => false).nextBeginOffset).to.equal(1000);
  });

  it('finds a batch that holds the offset', () => {
    const queue = new ConsumeQueue();
    queue.append(entryOf(0));
    queue.append(entryOf(1, { count: 5 }));
    queue.append(entryOf(6));
    expect(queue.maxOffset).to.equal(7);
    expect(offsets(queue.find(3, 32, all).entries)).to.deep.equal([1, 6]);
    expect(offsets(queue.find(1, 5, all).entries)).to.deep.equal([1]);
  });

  it('finds offsets by time', () => {
    const queue = new ConsumeQueue();
    expect(queue.offsetByTime(5, 'LOWER')).to.equal(0);
    for (const [offset, storeTimestamp] of [100, 200, 200, 300].entries())
      queue.append(entryOf(offset, { storeTimestamp }));
    const lower = [0, 100, 150, 200, 201, 300, 301].map((time) => queue.offsetByTime(time, 'LOWER'));
    expect(lower).to.deep.equal([0, 0, 1, 1, 3, 3, 4]);
    const upper = [0, 100, 150, 200, 201, 300, 301].map((time) => queue.offsetByTime(time, 'UPPER'));
    expect(upper).to.deep.equal([0, 0, 0, 2, 2, 3, 3]);
  });

  it('forgets expired messages, and never more than there are', () => {
    const queue = filled(5);
    expect(offsets(queue.expireBefore(2))).to.deep.equal([0, 1]);
    expect(queue.expireBefore(1)).to.deep.equal([]);
    expect(queue.minOffset).to.equal(2);
    queue.expireBefore(100);
    expect([queue.minOffset, queue.maxOffset, queue.entries.length]).to.deep.equal([5, 5, 0]);
    expect(queue.find(5, 32, all).status).to.equal('OFFSET_OVERFLOW_ONE');
  });

  it('delivers every matching message exactly once and in order, however it is pulled', () => {
    const sizes = fc.array(fc.record({ size: fc.integer({ min: 50, max: 90_000 }), tag: fc.nat({ max: 2 }) }), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 40 }), (messages, maxMessages) => {
        const queue = new ConsumeQueue();
        messages.forEach(({ size, tag }, offset) =>
          queue.append(entryOf(offset, { record: Buffer.alloc(size), tagsCode: tag })),
        );
        const pulled: number[] = [];
        let offset = 0;
        while (offset < messages.length) {
          const result = queue.find(offset, maxMessages, (entry) => entry.tagsCode !== 0);
          expect(result.nextBeginOffset).to.be.greaterThan(offset);
          pulled.push(...offsets(result.entries));
          offset = result.nextBeginOffset;
        }
        expect(pulled).to.deep.equal(messages.flatMap(({ tag }, at) => (tag === 0 ? [] : [at])));
      }),
    );
  });
});
