import { expect } from 'chai';
import { RequestCode } from '../../lib/protocol/codes.js';
import { lockBatchMq } from '../../lib/protocol/requests/lock-batch-mq.js';
import { Rig } from '../support/rig.js';

describe('rule 1: rebalance', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  it('locks new queues first, in one batch per broker, and pulls only from those that were granted', async () => {
    rig = await Rig.start({ brokers: 2, topics: { T: { queues: 4 } } });
    const { cluster } = rig;
    cluster.broker('broker-a').stealLock('group', { topic: 'T', brokerName: 'broker-a', queueId: 2 }, 'somebody-else');
    const c = await rig.consume('T');
    await rig.advanceUntil('all but one are owned', () => c.owned('T').length === 7);

    const locks = cluster.journal.requests({ code: RequestCode.LOCK_BATCH_MQ });
    const perBroker = new Map<string, number[]>();
    for (const entry of locks) {
      const { queues } = lockBatchMq.decode({ ...entry, extFields: entry.ext } as never);
      const ofTopic = queues.filter((queue) => queue.topic === 'T').length;
      if (ofTopic > 0) perBroker.set(entry.broker, [...(perBroker.get(entry.broker) ?? []), ofTopic]);
    }
    expect(perBroker.get('broker-a')?.[0]).to.equal(4);
    expect(perBroker.get('broker-b')?.[0]).to.equal(4);

    const pulled = cluster.journal.requests({ code: RequestCode.PULL_MESSAGE });
    const ofRefused = pulled.filter(
      (entry) => entry.broker === 'broker-a' && entry.ext['topic'] === 'T' && entry.ext['queueId'] === '2',
    );
    expect(ofRefused).to.deep.equal([]);
  });
});
