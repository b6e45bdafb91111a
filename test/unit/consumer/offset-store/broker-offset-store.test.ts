import { expect } from 'chai';
import { BrokerOffsetStore } from '../../../../lib/consumer/offset-store/broker-offset-store.js';
import { BrokerError, TimeoutError } from '../../../../lib/errors.js';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import { FakeClient, type FakeCall } from '../../../support/fake-client.js';
import { turns } from '../../../support/fake-clock.js';
import { rejection } from '../../../support/rejection.js';

const { UPDATE_CONSUMER_OFFSET, QUERY_CONSUMER_OFFSET } = RequestCode;
const Q = { topic: 'T', brokerName: 'a', queueId: 0 };
const OTHER = { topic: 'T', brokerName: 'a', queueId: 1 };

function setUp(strict = false) {
  const client = new FakeClient();
  const store = new BrokerOffsetStore(client.asClient(), 'g', strict, ({ queueId }) => 10_000 + queueId);
  const written = (): string[] => client.callsOf(UPDATE_CONSUMER_OFFSET).map(({ request }) => `${String(request['queueId'])}: ${String(request['commitOffset'])}`); // prettier-ignore
  /** The newest write, to be answered. */
  const newest = (): FakeCall => client.callsOf(UPDATE_CONSUMER_OFFSET).at(-1) as FakeCall;
  const answerAll = (): void => {
    client.respond = () => ({ ignored: false, offset: 7 });
  };
  return { client, store, written, newest, answerAll };
}

describe('BrokerOffsetStore', () => {
  it('has nothing to load', async () => {
    const { client, store } = setUp();
    await store.load();
    expect(client.calls).to.deep.equal([]);
  });

  describe('readStored', () => {
    it('asks the master, with 5 s to answer', async () => {
      const { client, store } = setUp();
      client.respond = () => ({ offset: 12 });
      expect(await store.readStored(Q)).to.equal(12);
      const [call] = client.calls;
      expect([call?.code, call?.to, call?.timeoutMs]).to.deep.equal([QUERY_CONSUMER_OFFSET, 'a', 5_000]);
      expect(call?.request).to.deep.equal({ consumerGroup: 'g', topic: 'T', queueId: 0, brokerName: 'a' });
      expect(store.get(Q), 'it is read, not begun').to.equal(undefined);
    });

    it('tells none from an error', async () => {
      const { client, store } = setUp();
      client.respond = () => ({ offset: undefined });
      expect(await store.readStored(Q)).to.equal(undefined);
      client.respond = () => {
        throw new BrokerError('no', 1, 'no', true);
      };
      await rejection(store.readStored(Q), BrokerError);
    });

    it('when strict forbids the broker to make up an offset', async () => {
      const { client, store } = setUp(true);
      client.respond = () => ({ offset: undefined });
      await store.readStored(Q);
      expect(client.calls[0]?.request).to.include({ setZeroIfNotFound: false });
    });
  });

  it('keeps offsets in memory, to be raised or, when that is wanted, lowered', () => {
    const { client, store } = setUp();
    store.begin(Q, 10, true);
    store.update(Q, 12, false);
    expect(store.get(Q)).to.equal(12);
    store.update(Q, 11, true);
    expect(store.get(Q)).to.equal(12);
    store.update(Q, 13, true);
    expect(store.get(Q)).to.equal(13);
    store.update(Q, 4, false);
    expect(store.get(Q)).to.equal(4);
    store.update(OTHER, 3, true);
    expect(store.get(OTHER), 'the first one counts').to.equal(3);
    store.remove(Q);
    expect([store.get(Q), store.get(OTHER)]).to.deep.equal([undefined, 3]);
    expect(client.calls).to.deep.equal([]);
  });

  describe('persist', () => {
    it('may be sent until the lease of its queue ends, and not after', async () => {
      const { client, store, answerAll } = setUp();
      answerAll();
      store.begin(Q, 3, false);
      store.begin(OTHER, 3, false);
      await store.persistAll([Q, OTHER]);
      const limits = client.callsOf(UPDATE_CONSUMER_OFFSET).map(({ sendBefore }) => sendBefore?.());
      expect(limits).to.have.members([10_000, 10_001]);
    });

    it('writes what has changed, once, as a request with 5 s to be answered', async () => {
      const t = setUp();
      t.answerAll();
      t.store.begin(Q, 10, true);
      await t.store.persist(Q);
      expect(t.written(), 'what was stored before').to.deep.equal([]);
      t.store.update(Q, 11, false);
      await t.store.persist(Q);
      await t.store.persist(Q);
      expect(t.written()).to.deep.equal(['0: 11']);
      const { to, timeoutMs, request } = t.newest();
      expect([to, timeoutMs]).to.deep.equal(['a', 5_000]);
      expect(request).to.deep.equal({ consumerGroup: 'g', topic: 'T', queueId: 0, commitOffset: 11, brokerName: 'a' });
    });

    it('writes a start that was chosen here, and 0 in any case: brokers make that up', async () => {
      const t = setUp();
      t.answerAll();
      t.store.begin(Q, 10, false);
      t.store.begin(OTHER, 0, true);
      await t.store.persistAll([Q, OTHER]);
      expect(t.written()).to.deep.equal(['0: 10', '1: 0']);
    });

    it('knows nothing of a queue that was never begun or was forgotten', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      t.store.remove(Q);
      await t.store.persistAll([Q, OTHER]);
      expect(t.written()).to.deep.equal([]);
    });

    it('writes again after a failure', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      const failing = rejection(t.store.persist(Q), TimeoutError);
      await turns();
      t.newest().fail(new TimeoutError('no answer'));
      await failing;
      t.answerAll();
      await t.store.persist(Q);
      expect(t.written()).to.deep.equal(['0: 10', '0: 10']);
    });

    it('writes one after the other, the newest at last, and resolves when that is acknowledged', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      const first = t.store.persist(Q);
      await turns();
      t.store.update(Q, 11, false);
      let done = false;
      const second = t.store.persist(Q).then(() => (done = true));
      t.store.update(Q, 12, false);
      await turns();
      expect(t.written()).to.deep.equal(['0: 10']);
      t.newest().answer({ ignored: false });
      await first;
      await turns();
      expect([t.written(), done]).to.deep.equal([['0: 10', '0: 12'], false]);
      t.newest().answer({ ignored: false });
      await second;
    });

    it('waits for a write under way even when nothing is to be added to it', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      void t.store.persist(Q);
      await turns();
      let done = false;
      void t.store.persist(Q).then(() => (done = true));
      await turns();
      expect(done).to.equal(false);
      t.newest().answer({ ignored: false });
      await turns();
      expect([done, t.written()]).to.deep.equal([true, ['0: 10']]);
    });

    it('does not write what was forgotten while it waited for its turn', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      void t.store.persist(Q);
      await turns();
      t.store.update(Q, 11, false);
      const second = t.store.persist(Q);
      await turns();
      t.store.remove(Q);
      t.newest().answer({ ignored: false });
      await second;
      expect(t.written()).to.deep.equal(['0: 10']);
    });

    it('of a queue that began anew lets the write of before go first', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      void t.store.persist(Q);
      await turns();
      t.store.begin(Q, 3, false);
      const second = t.store.persist(Q);
      await turns();
      expect(t.written()).to.deep.equal(['0: 10']);
      t.newest().answer({ ignored: false });
      await turns();
      expect(t.written()).to.deep.equal(['0: 10', '0: 3']);
      t.newest().answer({ ignored: false });
      await second;
      t.answerAll();
      await t.store.persist(Q);
      expect(t.written(), 'what the first write said is not taken for the new').to.have.lengthOf(2);
    });

    it('lets the first write of a topic go alone, as brokers lose one of two', async () => {
      const t = setUp();
      const elsewhere = { ...Q, brokerName: 'b' };
      for (const queue of [Q, OTHER, elsewhere]) t.store.begin(queue, 10, false);
      const writing = t.store.persistAll([Q, OTHER, elsewhere]);
      await turns();
      expect(t.client.calls.map(({ to }) => to)).to.deep.equal(['a', 'b']);
      for (const call of t.client.calls) call.answer({ ignored: false });
      await turns();
      t.newest().answer({ ignored: false });
      await writing;
      for (const queue of [Q, OTHER, elsewhere]) t.store.update(queue, 11, false);
      void t.store.persistAll([Q, OTHER, elsewhere]);
      await turns();
      expect(t.client.calls, 'from then on all at once').to.have.lengthOf(6);
    });

    it('lets another one go first when the first has failed', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      t.store.begin(OTHER, 20, false);
      const writing = rejection(t.store.persistAll([Q, OTHER]), TimeoutError);
      await turns();
      t.newest().fail(new TimeoutError('no answer'));
      await turns();
      expect(t.written()).to.deep.equal(['0: 10', '1: 20']);
      t.newest().answer({ ignored: false });
      await writing;
    });

    it('of several queues tries all, and throws the first failure', async () => {
      const t = setUp();
      t.store.begin(Q, 10, false);
      t.store.begin({ ...Q, brokerName: 'b' }, 20, false);
      t.client.masterless.add('a');
      const writing = rejection(t.store.persistAll([Q, { ...Q, brokerName: 'b' }]), Error);
      await turns();
      expect(t.written()).to.deep.equal(['0: 20']);
      t.newest().answer({ ignored: false });
      expect((await writing).message).to.contain('master');
    });
  });
});
