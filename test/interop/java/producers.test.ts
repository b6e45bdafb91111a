import { expect } from 'chai';
import { ROCKETMQ_VERSIONS } from '../../support/rocketmq-java.js';
import { until } from '../../support/until.js';
import type { ClientProgram } from '../support/client-program.js';
import { javaClient } from '../support/shared-clients.js';
import { target } from '../support/target.js';

for (const version of ROCKETMQ_VERSIONS) {
  describe(`the Java client ${version}: producers`, () => {
    let client: ClientProgram;

    before(async function () {
      this.timeout(300_000);
      client = await javaClient(version);
    });

    async function send(fields: Readonly<Record<string, string>>, queues = 4): Promise<{ id: string; topic: string }> {
      const topic = target().unique('Sends');
      const id = target().unique('producer');
      await target().createTopic(topic, queues);
      await client.run('send', { id, topic, ...fields }, 'done');
      return { id, topic };
    }

    for (const kind of ['sync', 'async']) {
      it(`sends ${kind}, and is told where each message is`, async () => {
        const { id, topic } = await send({ kind, bodies: 'a,b,c,d,e', tags: 'T', key: 'K' });
        const stored = await target().stored(topic);
        expect(stored.map(({ body }) => body.toString()).sort()).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
        for (const sent of client.of(id, 'sent')) {
          const message = stored.find(({ msgId }) => msgId === sent.msgId);
          const { body, brokerName, queueId, queueOffset } = sent;
          expect(sent.status).to.equal('SEND_OK');
          expect(message).to.include({ brokerName, queueId, queueOffset, tags: 'T' });
          expect(message?.body.toString()).to.equal(body);
          expect(message?.keys).to.deep.equal(['K']);
        }
      });
    }

    it('sends without waiting for an answer', async () => {
      const { topic } = await send({ kind: 'oneway', bodies: 'a,b,c' });
      await until('three messages', async () => ((await target().stored(topic)).length === 3 ? true : undefined));
    });

    it('sends a batch, which stays together', async () => {
      const { id, topic } = await send({ kind: 'batch', bodies: 'a,b,c,d' });
      const stored = await target().stored(topic);
      expect(stored.map(({ body }) => body.toString())).to.deep.equal(['a', 'b', 'c', 'd']);
      expect(new Set(stored.map(({ brokerName, queueId }) => `${brokerName}#${queueId}`)).size).to.equal(1);
      const [sent] = client.of(id, 'sent');
      expect(sent?.msgId).to.equal(stored.map(({ msgId }) => msgId).join(','));
    });

    it('sends what belongs together into one queue', async () => {
      const { topic } = await send({ kind: 'selector', bodies: 'a,b,c,d', key: 'o-17' });
      const stored = await target().stored(topic);
      expect(stored.map(({ body }) => body.toString())).to.deep.equal(['a', 'b', 'c', 'd']);
      expect(stored.map(({ queueOffset }) => queueOffset)).to.deep.equal([0, 1, 2, 3]);
    });

    it('sends what is to be seen later: by a delay level, and at a point in time', async () => {
      const level = await send({ kind: 'sync', bodies: 'level', delayLevel: '1' });
      expect(await target().stored(level.topic)).to.deep.equal([]);
      const timer = await send({ kind: 'sync', bodies: 'timer', timerMs: '2000' });
      expect(await target().stored(timer.topic)).to.deep.equal([]);
      for (const { topic } of [level, timer]) {
        const [message] = await until(`a message of ${topic}`, async () => {
          const stored = await target().stored(topic);
          return stored.length > 0 ? stored : undefined;
        });
        const { storeTimestamp = 0, bornTimestamp = 0, properties } = message ?? {};
        expect(storeTimestamp - bornTimestamp).to.be.at.least(topic === level.topic ? 1000 : 1500);
        expect(properties).to.include({ REAL_TOPIC: topic });
      }
    });

    it('sends halves of transactions, ends them, and is asked about those it leaves open', async () => {
      const topic = target().unique('Transactions');
      const id = target().unique('transactions');
      await target().createTopic(topic, 4);
      const messages = 'commit:commit,rollback:rollback,later:unknown:commit,never:unknown:rollback';
      await client.run('transact', { id, group: id, topic, messages }, 'done');
      await client.waitFor('both checks', () => client.of(id, 'checked').length >= 2);
      const checked = client.of(id, 'checked');
      expect(new Set(checked.map(({ body }) => body))).to.deep.equal(new Set(['later', 'never']));
      const later = checked.find(({ body }) => body === 'later');
      const sent = client.of(id, 'sent').find(({ body }) => body === 'later');
      expect(later).to.include({ topic, times: '1', queueId: sent?.queueId });
      const stored = await until('the committed messages', async () => {
        const found = await target().stored(topic);
        return found.length >= 2 ? found : undefined;
      });
      expect(stored.map(({ body }) => body.toString()).sort()).to.deep.equal(['commit', 'later']);
      const message = stored.find(({ body }) => body.toString() === 'later');
      expect(message).to.include({ msgId: sent?.msgId, queueId: sent?.queueId, brokerName: sent?.brokerName });
      await client.stopOne(id);
    });

    it('asks, and gets the answer of who consumes', async () => {
      const topic = target().unique('Requests');
      const id = target().unique('requests');
      await target().createTopic(topic, 1);
      await client.run('consume', { id, group: id, topic, mode: 'concurrent', reply: true }, 'ready');
      const [replied] = await client
        .run('request', { id: `${id}-asking`, topic, body: 'how much?' }, 'replied')
        .then((events) => events.filter(({ event }) => event === 'replied'));
      expect(replied?.body).to.equal('re: how much?');
      // Handed on first, stored then.
      await until('the stored reply', async () => {
        const stored = await target().stored('DefaultCluster_REPLY_TOPIC');
        return stored.some(({ body }) => body.toString() === 're: how much?') ? true : undefined;
      });
      // Stopped before that, it would be interrupted in the middle of it.
      await client.waitFor('the sending of the reply', () => client.of(id, 'answered').length > 0);
      await client.stopOne(id);
    });
  });
}
