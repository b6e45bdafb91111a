import { expect } from 'chai';
import { compareMessageQueues, describeQueue, messageQueueKey } from '../../../lib/protocol/message-queue.js';

const queue = (topic: string, brokerName: string, queueId: number) => ({ topic, brokerName, queueId });

describe('MessageQueue', () => {
  it('is sorted by topic, broker and id, by UTF-16 code unit and number', () => {
    const sorted = [
      queue('B', 'b', 0),
      queue('a', 'B', 9),
      queue('a', 'a', 2),
      queue('a', 'a', 10),
      queue('a', 'b', 0),
      queue('\ud83d\ude00', 'a', 0),
      queue('\uff5e', 'a', 0),
    ];
    const shuffled = [sorted[3], sorted[6], sorted[0], sorted[5], sorted[2], sorted[4], sorted[1]] as typeof sorted;
    expect(shuffled.sort(compareMessageQueues)).to.deep.equal(sorted);
    expect(compareMessageQueues(queue('a', 'b', 1), queue('a', 'b', 1))).to.equal(0);
  });

  it('has a key that is equal exactly for equal queues', () => {
    expect(messageQueueKey(queue('a', 'b', 1))).to.equal(messageQueueKey(queue('a', 'b', 1)));
    const different = [queue('a', 'b', 1), queue('ab', '', 1), queue('a', 'b', 11), queue('a', 'b1', 1)];
    expect(new Set(different.map(messageQueueKey)).size).to.equal(4);
  });

  it('is described for people', () => {
    expect(describeQueue(queue('Orders', 'broker-a', 3))).to.equal('Orders@broker-a#3');
  });
});
