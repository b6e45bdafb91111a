import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RequestCode } from '../../lib/protocol/codes.js';
import { MockCluster } from '../../mock-broker/index.js';
import { javaProduce, type JavaTarget, startJavaMember } from '../support/java-member.js';
import { ownFolder } from '../support/owned-process.js';
import { realEnv } from '../support/real-env.js';

/** The reference's own client, of the version under test, works with the mock cluster as with a real one. */
describe('the Java client with the mock cluster', function () {
  this.timeout(120_000);
  let cluster: MockCluster;
  let target: JavaTarget;

  before(async () => {
    const { version } = await realEnv();
    cluster = await MockCluster.start({ brokers: 2, version: version.startsWith('4') ? 407 : 513 });
    const dir = mkdtempSync(join(tmpdir(), 'rocketmq-mock-java-'));
    ownFolder(dir);
    target = { version, namesrvAddr: cluster.namesrvAddr, dir };
  });

  after(() => cluster.stop());

  it('sends in order, in batches and compressed', async () => {
    cluster.createTopic('JavaSends', { queues: 4 });
    const keys = ['a', 'b', 'c'];
    const sent = await javaProduce(target, {
      topic: 'JavaSends',
      count: 30,
      keys,
      tags: 'T',
      size: 6000,
      compressAbove: 1000,
    });
    await javaProduce(target, { topic: 'JavaSends', count: 10, keys: ['batch'], batch: 5 });
    const messages = cluster.messages('JavaSends');
    expect(messages).to.have.length(40);
    for (const { msgId, offsetMsgId, queueOffset } of sent) {
      const message = messages.find((candidate) => candidate.msgId === msgId);
      expect(message).to.include({ offsetMsgId, queueOffset, tags: 'T', isCompressed: true });
      expect(message?.body.length).to.be.at.least(6000);
    }
    for (const key of keys) {
      const places = new Set(
        sent.filter((one) => one.key === key).map(({ brokerName, queueId }) => `${brokerName}#${queueId}`),
      );
      expect(places.size).to.equal(1);
    }
  });

  it('consumes in order, suspends, and gives up on what it can not consume', async () => {
    cluster.createTopic('JavaConsumes', { queues: 2 });
    for (let index = 0; index < 20; index++) {
      cluster.produce('JavaConsumes', {
        body: `m${index}`,
        keys: index === 7 ? 'poison' : 'fine',
        shardingKey: `k${index % 4}`,
      });
    }
    const member = await startJavaMember(target, {
      group: 'java-consumes',
      topic: 'JavaConsumes',
      maxReconsume: 2,
      suspend: { poison: 1000 },
    });
    await member.waitUntil('all messages', ({ messages }) => new Set(messages.map(({ msgId }) => msgId)).size === 20);
    const delivered = new Map<string, number[]>();
    for (const { brokerName, queueId, queueOffset } of member.messages) {
      const offsets = delivered.get(`${brokerName}#${queueId}`) ?? [];
      if (offsets.at(-1) !== queueOffset) offsets.push(queueOffset);
      delivered.set(`${brokerName}#${queueId}`, offsets);
    }
    for (const offsets of delivered.values()) expect(offsets).to.deep.equal(offsets.map((_, index) => index));
    expect(
      member.messages.filter(({ keys }) => keys === 'poison').map(({ reconsumeTimes }) => reconsumeTimes),
    ).to.deep.equal([0, 1, 2]);
    await cluster.journal.waitFor(
      (entry) => entry.code === RequestCode.SEND_MESSAGE_V2 && entry.ext['b'] === '%RETRY%java-consumes',
    );
    const dead = cluster.messages('%DLQ%java-consumes');
    if (target.version.startsWith('5')) expect(dead.map((message) => message.keys)).to.deep.equal([['poison']]);
    expect(cluster.locks('java-consumes').length).to.be.at.least(4);
    await member.stop();
    const committed = cluster.offsets('java-consumes').filter(({ topic }) => topic === 'JavaConsumes');
    const stored = committed.reduce((sum, { offset }) => sum + offset, 0);
    expect(stored).to.equal(20);
    expect(cluster.members('java-consumes')).to.deep.equal([]);
    expect(cluster.locks('java-consumes')).to.deep.equal([]);
  });

  it('filters by tags and by SQL92', async () => {
    cluster.createTopic('JavaFilters', { queues: 1 });
    for (const [index, tags] of ['A', 'B', 'C', 'Aa', 'BB'].entries()) {
      cluster.produce('JavaFilters', { body: tags, tags, properties: { n: String(index) }, brokerName: 'broker-a' });
    }
    const byTags = await startJavaMember(target, { group: 'java-tags', topic: 'JavaFilters', tags: 'B || Aa' });
    const bySql = await startJavaMember(target, {
      group: 'java-sql',
      topic: 'JavaFilters',
      sql: "n > 1 AND TAGS <> 'C'",
    });
    await byTags.waitUntil('B and Aa', ({ messages }) => messages.length === 2);
    await bySql.waitUntil('Aa and BB', ({ messages }) => messages.length === 2);
    expect(byTags.messages.map(({ body }) => body)).to.deep.equal(['B', 'Aa']);
    expect(bySql.messages.map(({ body }) => body)).to.deep.equal(['Aa', 'BB']);
    await Promise.all([byTags.stop(), bySql.stop()]);
  });

  it('shares queues, hands them over, and comes back after a restart of a broker', async () => {
    cluster.createTopic('JavaShares', { queues: 4 });
    const options = { group: 'java-shares', topic: 'JavaShares' };
    const first = await startJavaMember(target, options);
    await first.waitUntil('all queues', ({ assigned }) => assigned.length === 8);
    const second = await startJavaMember(target, options);
    await first.waitUntil('half of the queues', ({ assigned }) => assigned.length === 4);
    await second.waitUntil('half of the queues', ({ assigned }) => assigned.length === 4);
    expect(new Set([...first.assigned, ...second.assigned]).size).to.equal(8);
    await second.stop();
    await first.waitUntil('all queues again', ({ assigned }) => assigned.length === 8);
    await cluster.broker('broker-b').restart();
    cluster.produce('JavaShares', { body: 'after', brokerName: 'broker-b', queueId: 0 });
    await first.waitUntil('a message after the restart', ({ messages }) =>
      messages.some(({ body }) => body === 'after'),
    );
    await first.stop();
  });
});
