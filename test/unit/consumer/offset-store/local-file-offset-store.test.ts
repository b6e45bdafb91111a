import { expect } from 'chai';
import { LocalFileOffsetStore } from '../../../../lib/consumer/offset-store/local-file-offset-store.js';
import type { LocalOffsetFile, QueueOffset } from '../../../../lib/consumer/offset-store/local-offset-file.js';
import { OffsetStoreError } from '../../../../lib/errors.js';
import { rejection } from '../../../support/rejection.js';

const Q = { topic: 'T', brokerName: 'a', queueId: 0 };
const OTHER = { topic: 'T', brokerName: 'a', queueId: 1 };

/** A file that is none: what was in it before, and what was saved into it. */
function setUp(before: readonly QueueOffset[] = []) {
  const saved: string[][] = [];
  const state = { failure: undefined as Error | undefined, settled: 0 };
  const file = {
    load: () => (state.failure === undefined ? Promise.resolve([...before]) : Promise.reject(state.failure)),
    save: (offsets: Iterable<QueueOffset>) => {
      if (state.failure !== undefined) return Promise.reject(state.failure);
      saved.push([...offsets].map(({ queue, offset }) => `${queue.queueId}: ${offset}`));
      return Promise.resolve();
    },
    settled: () => {
      state.settled++;
      return Promise.resolve();
    },
  } as unknown as LocalOffsetFile;
  return { store: new LocalFileOffsetStore(file), saved, state };
}

describe('LocalFileOffsetStore', () => {
  it('goes on where the file says', async () => {
    const { store } = setUp([{ queue: Q, offset: 5 }]);
    await store.load();
    expect(await store.readStored(Q)).to.equal(5);
    expect(store.get(Q)).to.equal(5);
    expect(await store.readStored(OTHER)).to.equal(undefined);
  });

  it('fails when the file can not be read', async () => {
    const { store, state } = setUp();
    state.failure = new OffsetStoreError('broken');
    expect(await rejection(store.load(), OffsetStoreError)).to.equal(state.failure);
  });

  it('saves what has changed, once', async () => {
    const { store, saved } = setUp([{ queue: Q, offset: 5 }]);
    await store.load();
    await store.persistAll([Q, OTHER]);
    expect(saved).to.deep.equal([]);
    store.begin(Q, 5, true);
    store.begin(OTHER, 0, false);
    store.update(Q, 6, false);
    await store.persistAll([Q, OTHER]);
    await store.persistAll([Q, OTHER]);
    expect(saved).to.deep.equal([['0: 6', '1: 0']]);
    store.update(Q, 7, true);
    store.update(OTHER, 3, false);
    await store.persist(OTHER);
    expect(saved.slice(1), 'only what was asked for').to.deep.equal([['1: 3']]);
    expect(await store.readStored(Q), 'not kept yet').to.equal(6);
  });

  it('waits for what is being saved even when there is nothing to add', async () => {
    const { store, state } = setUp();
    await store.persistAll([Q]);
    expect(state.settled).to.equal(1);
  });

  it('raises, and lowers only when that is wanted', () => {
    const { store } = setUp();
    store.update(Q, 5, true);
    store.update(Q, 4, true);
    expect(store.get(Q)).to.equal(5);
    store.update(Q, 4, false);
    expect(store.get(Q)).to.equal(4);
  });

  it('saves again what could not be saved', async () => {
    const { store, saved, state } = setUp();
    store.begin(Q, 9, false);
    state.failure = new OffsetStoreError('disk full');
    await rejection(store.persist(Q), OffsetStoreError);
    state.failure = undefined;
    await store.persist(Q);
    expect(saved).to.deep.equal([['0: 9']]);
  });

  it('forgets nothing: a topic that is subscribed to again goes on where it was', async () => {
    const { store } = setUp();
    store.begin(Q, 9, false);
    await store.persist(Q);
    store.remove(Q);
    expect(await store.readStored(Q)).to.equal(9);
  });
});
