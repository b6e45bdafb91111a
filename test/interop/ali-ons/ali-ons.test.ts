import { expect } from 'chai';
import { allCommitted } from '../support/concurrent-case.js';
import type { ClientProgram } from '../support/client-program.js';
import { aliOns } from '../support/shared-clients.js';
import { comesASecondLater } from '../support/delay-case.js';
import { target } from '../support/target.js';

describe('ali-ons 3.12.0', () => {
  let client: ClientProgram;

  before(async function () {
    this.timeout(300_000);
    client = await aliOns();
  });

  it('sends, and is told where each message is', async () => {
    const topic = target().unique('OnsSends');
    await target().createTopic(topic, 2);
    const id = target().unique('ons-producer');
    await client.run('send', { id, topic, kind: 'sync', bodies: 'a,b,c', tags: 'T', key: 'K' }, 'done');
    const stored = await target().stored(topic);
    expect(stored.map(({ body }) => body.toString()).sort()).to.deep.equal(['a', 'b', 'c']);
    for (const { offsetMsgId, body, brokerName, queueId, queueOffset, status } of client.of(id, 'sent')) {
      const message = stored.find((candidate) => candidate.offsetMsgId === offsetMsgId);
      expect(status).to.equal('SEND_OK');
      expect(message).to.include({ brokerName, queueId, queueOffset, tags: 'T' });
      expect(message?.body.toString()).to.equal(body);
    }
  });

  it('sends what is to be seen later, by a delay level', async () => {
    const topic = target().unique('OnsDelays');
    await target().createTopic(topic, 1);
    const id = target().unique('ons-producer');
    await client.run('send', { id, topic, kind: 'sync', bodies: 'later', delayLevel: '1' }, 'done');
    await comesASecondLater(topic);
  });

  it('asks for a point in time in a way of its own, which brokers keep and do not heed', async () => {
    const topic = target().unique('OnsTimers');
    await target().createTopic(topic, 1);
    const id = target().unique('ons-producer');
    const before = Date.now();
    await client.run('send', { id, topic, kind: 'sync', bodies: 'at once', deliverMs: '60000' }, 'done');
    const [message] = await target().stored(topic);
    expect(message?.body.toString()).to.equal('at once');
    expect(Number(message?.properties['__STARTDELIVERTIME'])).to.be.at.least(before + 60_000);
  });

  it('consumes, and gets again by the retry topic what fails', async () => {
    const topic = target().unique('OnsConsumes');
    const group = target().unique('ons-consumer');
    await target().createTopic(topic, 2);
    await target().createTopic(`%RETRY%${group}`, 1);
    await client.run('send', { id: `${group}-producer`, topic, kind: 'sync', bodies: 'a,b,c' }, 'done');
    await client.run('consume', { id: group, group, topic, fail: 'b:1' }, 'ready');
    // It leaves the delay to the broker: 10 s for the first time.
    const messages = await client.messages(group, 4);
    expect(messages.map(({ body }) => body).sort()).to.deep.equal(['a', 'b', 'b', 'c']);
    const tries = messages.filter(({ body }) => body === 'b');
    expect(tries.map(({ reconsumeTimes }) => reconsumeTimes)).to.deep.equal([0, 1]);
    const [retried] = await target().stored(`%RETRY%${group}`);
    expect(retried?.properties).to.include({ RETRY_TOPIC: topic, DELAY: '3' });
    await allCommitted(group, topic, 3);
    await client.stopOne(group);
  });
});
