import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OrderedConsumerOptions } from '../../lib/index.js';
import { numbered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** Each member gets everything, in order, and keeps its offsets in a file; brokers know nothing of locks or progress. */
describe('broadcasting on a real cluster', () => {
  let env: RealEnv;
  let rig: RealRig;
  let dir: string;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
    dir = mkdtempSync(join(tmpdir(), 'rocketmq-broadcasting-'));
  });

  afterEach(async () => {
    await rig.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  function broadcast(
    topic: string,
    group: string,
    instanceName: string,
    options: Partial<OrderedConsumerOptions> = {},
  ): Promise<RealConsumer> {
    const settings = { messageModel: 'BROADCASTING', instanceName, localOffsetStoreDir: dir, ...options } as const;
    return rig.consume(topic, group, settings);
  }

  it('two members both get every message of every queue, in order, without locks or commits at the broker', async () => {
    const topic = await rig.topic(3);
    const group = rig.group();
    const members = await Promise.all(['one', 'two'].map((name) => broadcast(topic, group, name)));
    await Promise.all(members.map((member) => member.untilOwned(3)));
    const queues = [0, 1, 2].map((queueId) => rig.queue(topic, queueId));
    await Promise.all(queues.map((queue) => rig.send(topic, numbered(10), {}, queue)));
    await Promise.all(members.map((member) => member.untilDelivered(30)));
    for (const member of members) {
      for (const { queueId } of queues) expect(member.texts(queueId), member.name).to.deep.equal(numbered(10));
      expect(member.owned(`%RETRY%${group}`)).to.deep.equal([]);
      expect(member.errors).to.deep.equal([]);
    }
    expect(await rig.lockAs('somebody-else', group, queues), 'no locks').to.deep.equal([0, 1, 2]);
    await Promise.all(members.map((member) => member.close()));
    // A 4.x broker answers 0 for what it doesn't have.
    for (const queue of queues) expect((await rig.committed(group, queue)) ?? 0, 'no commits').to.equal(0);
  });

  it('a member goes on where its file says, each its own', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    const [first, other] = await Promise.all(['one', 'two'].map((name) => broadcast(topic, group, name)));
    if (first === undefined || other === undefined) throw new Error('there are two');
    await rig.send(topic, numbered(4));
    await Promise.all([first.untilDelivered(4), other.untilDelivered(4)]);
    await first.close();
    const file = join(dir, first.clientId, group, 'offsets.json');
    expect(readFileSync(file, 'utf8')).to.match(/:\s*4\b/);
    await rig.send(topic, numbered(3, 4));
    await other.untilDelivered(7);

    const again = await broadcast(topic, group, 'one', { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' });
    await again.untilDelivered(3);
    expect(again.texts()).to.deep.equal(numbered(3, 4));
    expect(other.texts()).to.deep.equal(numbered(7));
  });

  it('a failure holds up its own member alone', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    const slow = rig.consumer(group, { messageModel: 'BROADCASTING', instanceName: 'slow', localOffsetStoreDir: dir, suspendCurrentQueueTimeMillis: 100 }); // prettier-ignore
    slow.answer = ({ offset, reconsumeTimes }) =>
      offset === 1 && reconsumeTimes < 3 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    slow.consumer.subscribe(topic);
    const quick = await broadcast(topic, group, 'quick');
    await slow.start();
    await rig.send(topic, numbered(3));
    await Promise.all([slow.untilDelivered(6), quick.untilDelivered(3)]);
    expect(slow.story).to.deep.equal(['0/0', '1/0', '1/1', '1/2', '1/3', '2/0']);
    expect(quick.story).to.deep.equal(['0/0', '1/0', '2/0']);
  });
});
