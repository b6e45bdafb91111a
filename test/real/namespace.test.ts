import { expect } from 'chai';
import { numbered } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** Names at the broker carry the namespace; names that users see do not. */
describe('namespaces on a real cluster', () => {
  let env: RealEnv;
  /** Without a namespace: what it sees is what the broker has. */
  let outside: RealRig;
  const inside: RealRig[] = [];

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    outside = new RealRig(env);
  });

  afterEach(() => Promise.all([outside.stop(), ...inside.splice(0).map((rig) => rig.stop())]));

  function namespaced(namespace: string): RealRig {
    const rig = new RealRig(env, { client: { namespace } });
    inside.push(rig);
    return rig;
  }

  it('the same names in two namespaces are two topics and two groups', async () => {
    const topic = env.unique('topic');
    const group = env.unique('group');
    const rigs = ['east', 'west'].map((namespace) => ({ namespace, rig: namespaced(namespace) }));
    for (const { namespace } of rigs)
      await env.createTopic(`${namespace}%${topic}`, 1, { brokers: [outside.brokerName] });
    await Promise.all(
      rigs.map(async ({ namespace, rig }) => {
        const member = await rig.consume(topic, group);
        const texts = numbered(5).map((text) => `${namespace} ${text}`);
        await rig.send(topic, texts);
        await member.untilDelivered(5);
        expect(member.texts()).to.deep.equal(texts);
        expect(new Set(member.deliveries.map((seen) => seen.topic))).to.deep.equal(new Set([topic]));
        const topics = member.events('queueOwned').map(({ messageQueue }) => messageQueue.topic);
        expect(topics).to.include(topic);
        expect(member.consumer.consumerGroup).to.equal(group);
        const [message] = member.deliveries.map((seen) => seen.message);
        expect(message?.properties['INSTANCE_ID']).to.equal(namespace);
        const queue = outside.queue(`${namespace}%${topic}`);
        expect(await outside.lockAs('somebody-else', `${namespace}%${group}`, [queue]), 'locked').to.deep.equal([]);
        await member.close();
        expect(await outside.committed(`${namespace}%${group}`, queue)).to.equal(5);
      }),
    );
  });

  it('a namespace of the second kind travels along and leaves all names as they are', async () => {
    const rig = new RealRig(env, { client: { namespaceV2: 'north' } });
    inside.push(rig);
    const topic = await rig.topic();
    const group = rig.group();
    await rig.send(topic, numbered(3));
    const member = await rig.consume(topic, group);
    await member.untilDelivered(3);
    await member.close();
    expect(member.texts()).to.deep.equal(numbered(3));
    expect(member.deliveries[0]?.topic).to.equal(topic);
    expect(await outside.committed(group, outside.queue(topic))).to.equal(3);
  });
});
