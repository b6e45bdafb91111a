import { expect } from 'chai';
import { ROCKETMQ_VERSIONS } from '../../support/rocketmq-java.js';
import { until } from '../../support/until.js';
import type { ClientProgram } from '../support/client-program.js';
import { allCommitted, consumeUntilGivenUp } from '../support/concurrent-case.js';
import { javaClient } from '../support/shared-clients.js';
import { target } from '../support/target.js';

for (const version of ROCKETMQ_VERSIONS) {
  describe(`the Java client ${version}: consumers`, () => {
    let client: ClientProgram;

    before(async function () {
      this.timeout(300_000);
      client = await javaClient(version);
    });

    async function topicOf(
      queues: number,
      bodies: string,
      more: Readonly<Record<string, string>> = {},
    ): Promise<string> {
      const topic = target().unique('Consumed');
      await target().createTopic(topic, queues);
      const id = target().unique('producer');
      await client.run('send', { id, topic, kind: 'selector', bodies, key: 'o-17', ...more }, 'done');
      return topic;
    }

    it('consumes in order, one queue one after the other, and again what it suspends', async () => {
      const topic = await topicOf(2, 'a,b,c,d');
      const id = target().unique('orderly');
      await client.run('consume', { id, group: id, topic, mode: 'orderly', fail: 'b:2' }, 'ready');
      const messages = await client.messages(id, 6);
      expect(messages.map(({ body }) => body)).to.deep.equal(['a', 'b', 'b', 'b', 'c', 'd']);
      expect(messages.map(({ reconsumeTimes }) => reconsumeTimes)).to.deep.equal([0, 0, 1, 2, 0, 0]);
      await allCommitted(id, topic, 4);
      await client.stopOne(id);
    });

    it('consumes concurrently: what fails comes back by the retry topic, and is given up at last', async () => {
      const topic = await topicOf(2, 'a,b,c');
      const id = target().unique('concurrent');
      const { tries, dead } = await consumeUntilGivenUp(client, id, topic);
      expect([tries('a'), tries('b'), tries('c')]).to.deep.equal([[0, 1], [0, 1, 2], [0]]);
      expect(client.of(id, 'message').every((message) => message.topic === topic)).to.equal(true);
      expect(dead?.body.toString()).to.equal('b');
      expect(dead?.reconsumeTimes).to.equal(3);
      expect(dead?.properties).to.include({ RETRY_TOPIC: topic });
      const retried = await target().stored(`%RETRY%${id}`);
      expect(retried.map(({ body }) => body.toString()).sort()).to.deep.equal(['a', 'b', 'b']);
      await allCommitted(id, topic, 3);
      await allCommitted(id, `%RETRY%${id}`, 3);
      await client.stopOne(id);
    });

    it('consumes what it selects by tags', async () => {
      const topic = await topicOf(1, 'a,b', { tags: 'A' });
      await client.run('send', { id: target().unique('p'), topic, kind: 'sync', bodies: 'c', tags: 'C' }, 'done');
      await client.run('send', { id: target().unique('p'), topic, kind: 'sync', bodies: 'd', tags: 'D' }, 'done');
      const id = target().unique('tags');
      await client.run('consume', { id, group: id, topic, mode: 'concurrent', tags: 'A || D' }, 'ready');
      const messages = await client.messages(id, 3);
      expect(messages.map(({ body }) => body).sort()).to.deep.equal(['a', 'b', 'd']);
      await client.stopOne(id);
    });

    it('shares the queues of two members', async () => {
      const topic = target().unique('Shared');
      await target().createTopic(topic, 4);
      const group = target().unique('shared');
      const members = [`${group}-1`, `${group}-2`];
      for (const id of members) await client.run('consume', { id, group, topic, mode: 'concurrent' }, 'ready');
      const bodies = Array.from({ length: 24 }, (_, index) => `m${index}`);
      // The queues are shared only once both know of each other: until then a member may have them all.
      let round = 0;
      await until('both members to have messages', async () => {
        const sent = bodies.map((body) => `${round}-${body}`);
        const seen = (): string[] => members.flatMap((id) => client.bodies(id)).filter((body) => sent.includes(body));
        const fields = { id: `${group}-p${round}`, topic, kind: 'sync', bodies: sent.join(',') };
        await client.run('send', fields, 'done');
        await client.waitFor(`round ${round}`, () => new Set(seen()).size === sent.length);
        const shares = members.map((id) => client.bodies(id).filter((body) => sent.includes(body)).length);
        round += 1;
        return shares.every((share) => share > 0) && seen().length === sent.length ? true : undefined;
      });
      await allCommitted(group, topic, round * bodies.length);
      for (const id of members) await client.stopOne(id);
    });

    for (const mode of ['subscribe', 'assign']) {
      it(`pulls by itself (${mode})`, async () => {
        const topic = await topicOf(2, 'a,b,c,d');
        const id = target().unique('litepull');
        await client.run('litepull', { id, group: id, topic, mode }, 'ready');
        const messages = await client.messages(id, 4);
        expect(messages.map(({ body }) => body)).to.deep.equal(['a', 'b', 'c', 'd']);
        await allCommitted(id, topic, 4);
        await client.stopOne(id);
      });
    }
  });
}
