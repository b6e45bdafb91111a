import { expect } from 'chai';
import { until } from '../../support/until.js';
import type { ClientProgram } from '../support/client-program.js';
import { allCommitted, consumeUntilGivenUp } from '../support/concurrent-case.js';
import { goClient } from '../support/shared-clients.js';
import { comesASecondLater } from '../support/delay-case.js';
import { target } from '../support/target.js';

describe('the Go client v2.1.2', () => {
  let client: ClientProgram;

  before(async function () {
    this.timeout(300_000);
    client = await goClient();
  });

  async function send(fields: Readonly<Record<string, string>>, queues = 4): Promise<{ id: string; topic: string }> {
    const topic = target().unique('GoTopic');
    const id = target().unique('go-producer');
    await target().createTopic(topic, queues);
    await client.run('send', { id, topic, ...fields }, 'done');
    return { id, topic };
  }

  for (const kind of ['sync', 'async']) {
    it(`sends ${kind}, and is told where each message is`, async () => {
      const { id, topic } = await send({ kind, bodies: 'a,b,c,d', tags: 'T', key: 'K' });
      const stored = await target().stored(topic);
      expect(stored.map(({ body }) => body.toString()).sort()).to.deep.equal(['a', 'b', 'c', 'd']);
      for (const { msgId, body, brokerName, queueId, queueOffset, status } of client.of(id, 'sent')) {
        const message = stored.find((candidate) => candidate.msgId === msgId);
        expect(status).to.equal('SEND_OK');
        expect(message).to.include({ brokerName, queueId, queueOffset, tags: 'T' });
        expect(message?.body.toString()).to.equal(body);
        expect(message?.keys).to.deep.equal(['K']);
      }
    });
  }

  it('sends without waiting for an answer', async () => {
    const { id, topic } = await send({ kind: 'oneway', bodies: 'a,b,c' });
    await until('three messages', async () => ((await target().stored(topic)).length === 3 ? true : undefined));
    await client.stopOne(id);
  });

  it('sends a batch, which stays together', async () => {
    const { id, topic } = await send({ kind: 'batch', bodies: 'a,b,c,d', tags: 'T', key: 'K' });
    const stored = await target().stored(topic);
    expect(stored.map(({ body, tags }) => [body.toString(), tags])).to.deep.equal(
      ['a', 'b', 'c', 'd'].map((body) => [body, 'T']),
    );
    const [sent] = client.of(id, 'sent');
    const { brokerName, queueId } = sent ?? {};
    for (const message of stored) expect(message).to.include({ brokerName, queueId });
    expect(sent).to.include({ status: 'SEND_OK', queueOffset: 0 });
    expect(sent?.offsetMsgId).to.equal(stored.map(({ offsetMsgId }) => offsetMsgId).join(','));
  });

  it('sends what is to be seen later, by a delay level', async () => {
    const { topic } = await send({ kind: 'sync', bodies: 'later', delayLevel: '1' });
    await comesASecondLater(topic);
  });

  it('consumes what it selects by tags, and commits past the rest', async () => {
    const { topic } = await send({ kind: 'sync', bodies: 'a,b', tags: 'A' }, 1);
    for (const [body, tags] of [
      ['c', 'C'],
      ['d', 'D'],
    ] as const) {
      await client.run('send', { id: target().unique('go-producer'), topic, kind: 'sync', bodies: body, tags }, 'done');
    }
    const id = target().unique('go-tags');
    await client.run('consume', { id, group: id, topic, mode: 'concurrent', tags: 'A || D' }, 'ready');
    const messages = await client.messages(id, 3);
    expect(messages.map(({ body, tags }) => [body, tags]).sort()).to.deep.equal([['a', 'A'], ['b', 'A'], ['d', 'D']]); // prettier-ignore
    await allCommitted(id, topic, 4);
    await client.stopOne(id);
    expect(client.bodies(id).sort()).to.deep.equal(['a', 'b', 'd']);
  });

  it('consumes in order, and again what it suspends', async () => {
    const { topic } = await send({ kind: 'selector', bodies: 'a,b,c,d', key: 'o-17' });
    const id = target().unique('go-orderly');
    await client.run('consume', { id, group: id, topic, mode: 'orderly', fail: 'b:2' }, 'ready');
    const messages = await client.messages(id, 6);
    expect(messages.map(({ body }) => body)).to.deep.equal(['a', 'b', 'b', 'b', 'c', 'd']);
    expect(messages.map(({ reconsumeTimes }) => reconsumeTimes)).to.deep.equal([0, 0, 1, 2, 0, 0]);
    await allCommitted(id, topic, 4);
    await client.stopOne(id);
  });

  it('consumes concurrently: what fails comes back by the retry topic, and is given up at last', async () => {
    const { topic } = await send({ kind: 'sync', bodies: 'a,b,c' });
    const id = target().unique('go-concurrent');
    const { tries, dead } = await consumeUntilGivenUp(client, id, topic);
    expect([tries('a'), tries('b'), tries('c')]).to.deep.equal([[0, 1], [0, 1, 2], [0]]);
    expect(dead?.body.toString()).to.equal('b');
    expect(dead?.properties).to.include({ RETRY_TOPIC: topic });
    await allCommitted(id, topic, 3);
    await client.stopOne(id);
  });
});
