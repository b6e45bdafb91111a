import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { FlowControl, type FlowLimits } from '../../../lib/consumer/flow-control.js';
import { storedMessage } from '../../support/stored-message.js';

const MIB = 1024 * 1024;

function flow(limits: Partial<FlowLimits> = {}): FlowControl {
  return new FlowControl({
    pullThresholdForQueue: 10,
    pullThresholdSizeForQueue: 1,
    pullThresholdForTopic: -1,
    pullThresholdSizeForTopic: -1,
    pullThresholdForConsumer: -1,
    maxPullsInFlight: 3,
    pullBatchSize: 2,
    consumeMessageBatchMaxSize: 1,
    ...limits,
  });
}

function queueWith(count: number, bodyLength = 1): AssignedQueue {
  const messageQueue = { topic: 'T', brokerName: 'b', queueId: 0 };
  const queue = new AssignedQueue(messageQueue, messageQueue, false);
  const body = Buffer.alloc(bodyLength);
  queue.buffer.put(Array.from({ length: count }, (_, queueOffset) => storedMessage({ queueOffset, body })));
  return queue;
}

/** How many messages of this size a queue holds when there is no room any more. */
function capacity(control: FlowControl, bodyLength = 1): number {
  let count = 0;
  while (control.hasRoom(queueWith(count, bodyLength))) count++;
  return count;
}

describe('FlowControl', () => {
  it('has room up to the threshold by count, and not past it', () => {
    expect(capacity(flow())).to.equal(11);
  });

  it('has room up to the threshold by bytes, and not past it', () => {
    expect(capacity(flow({ pullThresholdForQueue: 1_000 }), MIB / 4)).to.equal(5);
  });

  it('counts what the listener holds until it is finished', () => {
    const queue = queueWith(11);
    const control = flow();
    queue.buffer.take(11);
    expect(control.hasRoom(queue)).to.equal(false);
    queue.buffer.commit();
    expect(control.hasRoom(queue)).to.equal(true);
  });

  it('keeps to the threshold of the queue when there is none for the topic, however many queues there are', () => {
    const control = flow();
    control.shareAmong(7);
    expect(capacity(control)).to.equal(11);
  });

  it('shares the threshold of the topic evenly, anew with every change, one message at least', () => {
    const control = flow({ pullThresholdForTopic: 12 });
    const capacities = [1, 2, 5, 12, 100, 3].map((queues) => {
      control.shareAmong(queues);
      return capacity(control);
    });
    expect(capacities).to.deep.equal([13, 7, 3, 2, 2, 5]);
  });

  it('shares the bytes of the topic evenly in whole MiB, one at least', () => {
    const control = flow({ pullThresholdForQueue: 1_000, pullThresholdSizeForTopic: 5 });
    const capacities = [2, 9].map((queues) => {
      control.shareAmong(queues);
      return capacity(control, MIB);
    });
    expect(capacities).to.deep.equal([3, 2]);
  });

  describe('the threshold of the consumer', () => {
    function shared(limits: Partial<FlowLimits>, queues: number): number {
      const control = flow({ pullThresholdForQueue: 1_000, ...limits });
      control.shareAmong(queues);
      return capacity(control);
    }

    it('is shared evenly by the queues, and comes on top of their own', () => {
      expect([1, 2, 4].map((queues) => shared({ pullThresholdForConsumer: 100 }, queues))).to.deep.equal([101, 51, 26]);
      expect(shared({ pullThresholdForConsumer: 100, pullThresholdForQueue: 20 }, 2)).to.equal(21);
    });

    it('leaves each queue two pulls, and a batch of the listener', () => {
      expect(shared({ pullThresholdForConsumer: 100 }, 99)).to.equal(5);
      expect(shared({ pullThresholdForConsumer: 100, consumeMessageBatchMaxSize: 30 }, 99)).to.equal(31);
    });

    it('counts only what waits: a listener may leave more than its share uncommitted', () => {
      const control = flow({ pullThresholdForQueue: 1_000, pullThresholdForConsumer: 100 });
      control.shareAmong(10);
      const queue = queueWith(200);
      queue.buffer.take(189);
      expect(control.hasRoom(queue)).to.equal(false);
      queue.buffer.take(1);
      expect(control.hasRoom(queue)).to.equal(true);
    });
  });

  it('keeps the share it had while no queue is owned', () => {
    const control = flow({ pullThresholdForTopic: 12 });
    control.shareAmong(4);
    control.shareAmong(0);
    expect(capacity(control)).to.equal(4);
  });

  describe('for pulls that are sent ahead', () => {
    const size = { messages: 2, bytes: MIB / 8 };

    it('counts what those under way will bring', () => {
      const control = flow({ pullThresholdForQueue: 6 });
      expect(control.hasRoom(queueWith(2), size, 2)).to.equal(true);
      expect(control.hasRoom(queueWith(3), size, 2)).to.equal(false);
      expect(control.hasRoom(queueWith(3), size, 1)).to.equal(true);
      const byBytes = flow({ pullThresholdForQueue: 1_000 });
      expect(byBytes.hasRoom(queueWith(2, (3 * MIB) / 8), size, 2)).to.equal(true);
      expect(byBytes.hasRoom(queueWith(2, (3 * MIB) / 8 + 1), size, 2)).to.equal(false);
      const byConsumer = flow({ pullThresholdForQueue: 1_000, pullThresholdForConsumer: 6 });
      byConsumer.shareAmong(1);
      expect(byConsumer.hasRoom(queueWith(2), size, 2)).to.equal(true);
      expect(byConsumer.hasRoom(queueWith(3), size, 2)).to.equal(false);
    });

    it('counts what waits as if it were under way: one answer more than the option says, in all', () => {
      const control = flow({ pullThresholdForQueue: 1_000, maxPullsInFlight: 3 });
      const most = (waiting: number): number => {
        let underWay = 0;
        while (control.hasRoom(queueWith(waiting), size, underWay)) underWay++;
        return underWay;
      };
      expect([0, 2, 3, 4, 5, 6, 100].map(most)).to.deep.equal([3, 3, 2, 2, 1, 1, 1]);
      const held = queueWith(100);
      held.buffer.take(98);
      expect(control.hasRoom(held, size, 2), 'what the listener has does not count').to.equal(true);
    });

    it('allows as many of a queue as the option says, and fewer where there are many queues', () => {
      const most = (ownedQueues: number, maxPullsInFlight = 3): number => {
        const control = flow({ maxPullsInFlight });
        control.shareAmong(ownedQueues);
        let underWay = 0;
        while (control.hasRoom(queueWith(0), { messages: 0, bytes: 0 }, underWay)) underWay++;
        return underWay;
      };
      expect([0, 1, 8, 21, 22, 32, 33, 64, 65, 256, 10_000].map((owned) => most(owned))).to.deep.equal([
        3, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1,
      ]);
      expect([most(8, 1), most(0, 16), most(4, 16), most(8, 16), most(256, 16)]).to.deep.equal([1, 16, 16, 8, 1]);
    });
  });
});
