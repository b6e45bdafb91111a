import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { OrphanLocks } from '../../../lib/consumer/orphan-locks.js';
import { QueueLocks } from '../../../lib/consumer/queue-locks.js';
import { TimeoutError } from '../../../lib/errors.js';
import type { MessageQueue } from '../../../lib/protocol/message-queue.js';
import { FakeClient, type FakeCall } from '../../support/fake-client.js';

const CONSUMER_LIST = 38;
const LOCK = 41;
const UNLOCK = 42;
const SHORT = 'gone#lease=5000';
const DEFAULT = 'gone';
/** On top of the lease, with the time until the next look. */
const SOON = 1_000;

/** A broker that knows who is there and who holds which lock, and a member that waits for queues 0 and 1. */
function setUp(vanished: string) {
  const client = new FakeClient();
  const { clock } = client;
  const state = { members: ['me', vanished], silent: false };
  const holders = new Map<number, string>([
    [0, vanished],
    [1, vanished],
  ]);
  const released: string[] = [];
  /** What happens as a lock is given back. */
  const test: { onUnlock: () => void } = { onUnlock: () => undefined };
  client.connected.set('a:1', clock.now());
  client.respond = (call: FakeCall) => {
    if (state.silent) throw new TimeoutError('no answer');
    const { clientId = '', queues = [] } = call.request as { clientId?: string; queues?: MessageQueue[] };
    switch (call.code) {
      case CONSUMER_LIST:
        return { consumerIds: state.members };
      case UNLOCK:
        for (const { queueId } of queues) if (holders.get(queueId) === clientId) holders.delete(queueId);
        test.onUnlock();
        return {};
      case LOCK: {
        const granted = queues.filter(({ queueId }) => (holders.get(queueId) ?? clientId) === clientId);
        for (const { queueId } of granted) holders.set(queueId, clientId);
        return { lockedQueues: granted };
      }
      default:
        throw new Error(`nobody expected ${call.code}`);
    }
  };
  const queues = [0, 1].map((queueId) => {
    const messageQueue = { topic: 'T', brokerName: 'a', queueId };
    return new AssignedQueue(messageQueue, messageQueue, false);
  });
  const locks = new QueueLocks(
    client.asClient(),
    'g',
    { leaseTime: 30_000, renewInterval: 20_000 },
    { granted: () => undefined, refused: (queue) => orphans.refused(queue), failed: () => undefined },
  );
  const orphans = new OrphanLocks({
    client: client.asClient(),
    consumerGroup: 'g',
    locks,
    released: (clientId, acquired) =>
      released.push(`${clientId}: ${acquired.map((q) => q.messageQueue.queueId).join()}`),
  });
  /** The member is heard of, vanishes, and its queues are wanted here. */
  const vanish = async (): Promise<void> => {
    orphans.membersSeen(state.members, ['a']);
    await clock.advance(100);
    state.members = ['me'];
    orphans.membersSeen(state.members, ['a']);
    await locks.lock(queues);
    await clock.advance(0);
  };
  const unlocks = (): FakeCall[] => client.callsOf(UNLOCK);
  return Object.assign(test, { client, clock, state, holders, released, queues, locks, orphans, vanish, unlocks });
}

describe('OrphanLocks', () => {
  it('gives back the locks of a member that has vanished when its lease has run out, and takes them over', async () => {
    const t = setUp(SHORT);
    await t.vanish();
    await t.clock.advance(5_000);
    expect(t.unlocks()).to.have.length(0);
    await t.clock.advance(SOON);
    expect(t.unlocks().map(({ request }) => request['clientId'])).to.deep.equal([SHORT]);
    expect([...t.holders.values()]).to.deep.equal(['me', 'me']);
    expect(t.queues.every((queue) => queue.locked)).to.equal(true);
    expect(t.released).to.deep.equal([`${SHORT}: 0,1`]);
  });

  it('waits 30 s for clients that do not tell their lease', async () => {
    const t = setUp(DEFAULT);
    await t.vanish();
    await t.clock.advance(30_000);
    expect(t.unlocks()).to.have.length(0);
    await t.clock.advance(SOON);
    expect(t.released).to.deep.equal([`${DEFAULT}: 0,1`]);
  });

  it('leaves a member alone that comes back, and counts anew when it vanishes again', async () => {
    const t = setUp(SHORT);
    await t.vanish();
    await t.clock.advance(4_000);
    t.state.members = ['me', SHORT];
    await t.clock.advance(1_000);
    t.state.members = ['me'];
    await t.clock.advance(5_000);
    expect(t.unlocks()).to.have.length(0);
    await t.clock.advance(SOON);
    expect(t.released).to.have.length(1);
  });

  it('gives the locks back to a member that returns just as they are taken from it', async () => {
    const t = setUp(SHORT);
    await t.vanish();
    t.onUnlock = () => (t.state.members = ['me', SHORT]);
    await t.clock.advance(60_000);
    expect(t.unlocks()).to.have.length(1);
    expect([...t.holders]).to.deep.equal([[0, SHORT], [1, SHORT]]); // prettier-ignore
    expect(t.queues.some((queue) => queue.locked)).to.equal(false);
    expect(t.released).to.deep.equal([]);
  });

  it('gives them back to it, too, when it can not be known whether it has returned', async () => {
    const t = setUp(SHORT);
    await t.vanish();
    t.onUnlock = () => (t.state.silent = true);
    await t.clock.advance(6_000);
    expect(t.unlocks()).to.have.length(1);
    expect(t.client.callsOf(LOCK).at(-1)?.request['clientId']).to.equal(SHORT);
    t.state.silent = false;
    t.onUnlock = () => undefined;
    await t.clock.advance(5_000);
    expect(t.unlocks(), 'it counts anew').to.have.length(1);
    await t.clock.advance(SOON);
    expect(t.released).to.deep.equal([`${SHORT}: 0,1`]);
  });

  it('counts anew when the broker could not be asked meanwhile', async () => {
    const t = setUp(SHORT);
    await t.vanish();
    await t.clock.advance(4_500);
    t.state.silent = true;
    await t.clock.advance(500);
    t.state.silent = false;
    await t.clock.advance(5_000);
    expect(t.unlocks()).to.have.length(0);
    await t.clock.advance(SOON);
    expect(t.released).to.have.length(1);
  });

  it('does not take a member for vanished that the broker has not heard of since its own start', async () => {
    const t = setUp(SHORT);
    t.orphans.membersSeen(['me', SHORT], ['a']);
    await t.clock.advance(100);
    // The connection is new, and the broker has forgotten everybody.
    t.client.connected.set('a:1', t.clock.now());
    t.state.members = ['me'];
    await t.locks.lock(t.queues);
    await t.clock.advance(30_000 + 5_000);
    expect(t.unlocks()).to.have.length(0);
    await t.clock.advance(SOON);
    expect(t.released).to.have.length(1);
  });

  it('touches nothing while everybody is there: the owner may be long about giving a queue back', async () => {
    const t = setUp(DEFAULT);
    t.orphans.membersSeen(t.state.members, ['a']);
    await t.locks.lock(t.queues);
    await t.clock.advance(120_000);
    expect(t.unlocks()).to.have.length(0);
  });

  it('asks nobody any more once the queues are had, or not wanted any longer', async () => {
    const t = setUp(SHORT);
    await t.vanish();
    for (const queue of t.queues) queue.releasing = true;
    await t.clock.advance(1_000);
    const asked = t.client.callsOf(CONSUMER_LIST).length;
    await t.clock.advance(60_000);
    expect(t.client.callsOf(CONSUMER_LIST)).to.have.length(asked);
    expect(t.unlocks()).to.have.length(0);
  });

  it('forgets whom no list has named for so long that no broker can keep a lock of theirs', async () => {
    const t = setUp(SHORT);
    for (let i = 0; i < 20; i++) t.orphans.membersSeen(['me', `former-${i}`], ['a']);
    await t.clock.advance(91_000);
    t.client.calls.length = 0;
    t.state.members = ['me', SHORT];
    await t.vanish();
    await t.clock.advance(5_000 + SOON);
    expect(t.released).to.deep.equal([`${SHORT}: 0,1`]);
    expect(t.unlocks().map(({ request }) => request['clientId'])).to.deep.equal([SHORT]);
  });

  it('does nothing after it was stopped', async () => {
    const t = setUp(SHORT);
    await t.vanish();
    t.orphans.stop();
    await t.clock.advance(60_000);
    expect(t.unlocks()).to.have.length(0);
  });
});
