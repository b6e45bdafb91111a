import { expect } from 'chai';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { allCommitted } from '../support/concurrent-case.js';
import { until } from '../../support/until.js';
import type { ClientProgram } from '../support/client-program.js';
import { javaClient } from '../support/shared-clients.js';
import { target } from '../support/target.js';

describe('the Java client 5.5.0: popping', () => {
  let client: ClientProgram;

  before(async function () {
    this.timeout(300_000);
    client = await javaClient('5.5.0');
  });

  async function popTopic(group: string, queues: number): Promise<string> {
    const topic = target().unique('Popped');
    await target().createTopic(topic, queues);
    await target().createGroup(group);
    for (const address of (await target().admin.masters()).values()) {
      const body = { topic, consumerGroup: group, mode: 'POP', popShareQueueNum: 0 };
      await target().admin.ask(address, { code: RequestCode.SET_MESSAGE_REQUEST_MODE, body });
    }
    return topic;
  }

  const send = (topic: string, bodies: string): Promise<unknown> =>
    client.run('send', { id: target().unique('producer'), topic, kind: 'selector', bodies, key: 'k' }, 'done');

  it('consumes concurrently without locks or queues of its own, and commits what it acknowledged', async () => {
    const group = target().unique('pop');
    const topic = await popTopic(group, 2);
    await client.run('consume', { id: group, group, topic, mode: 'concurrent', pop: true }, 'ready');
    await send(topic, 'a,b,c,d,e');
    const messages = await client.messages(group, 5);
    expect(messages.map(({ body }) => body).sort()).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    await allCommitted(group, topic, 5);
    await client.stopOne(group);
    expect(await target().stored(`%RETRY%${group}_${topic}`)).to.deep.equal([]);
  });

  it('gets again what it does not acknowledge, by the retry topic', async () => {
    const group = target().unique('revive');
    const topic = await popTopic(group, 1);
    const pop = { group, topic, mode: 'concurrent', pop: true, popInvisible: 5000, delayLevel: 0 };
    await send(topic, 'a,b');
    // What failed comes again 10 s later, the least that this client asks for.
    await client.run('consume', { id: group, ...pop, fail: 'a:1' }, 'ready');
    await client.messages(group, 2);
    const retry = `%RETRY%${group}_${topic}`;
    const [revived] = await until('the message in the retry topic', async () => {
      const stored = await target().stored(retry);
      return stored.length > 0 ? stored : undefined;
    });
    expect(revived?.body.toString()).to.equal('a');
    expect(revived?.reconsumeTimes).to.equal(1);
    expect(revived?.properties).to.include({ ORIGIN_GROUP: group });
    expect(Number(revived?.properties['1ST_POP_TIME'])).to.be.greaterThan(0);
    const messages = await client.messages(group, 3);
    expect(messages.filter(({ body }) => body === 'a').map(({ reconsumeTimes }) => reconsumeTimes)).to.deep.equal([
      0, 1,
    ]);
    expect(messages.every((message) => message.topic === topic)).to.equal(true);
    await client.stopOne(group);
  });

  it('pops in order: a batch blocks its queue, and is counted when it comes again', async () => {
    const group = target().unique('orderly');
    const topic = await popTopic(group, 1);
    await send(topic, 'a,b,c,d');
    const [message] = await target().stored(topic);
    const broker = message?.brokerName ?? '';
    const address = (await target().admin.masters()).get(broker) ?? '';
    const pop = { group, topic, broker, address, queue: 0, batch: 2, invisible: 2000 };
    // The second pop waits until the first batch is visible again.
    await client.run('popOrderly', { id: `${group}-1`, ...pop, times: 2, ack: false }, 'done');
    expect(client.bodies(`${group}-1`)).to.deep.equal(['a', 'b', 'a', 'b']);
    expect(client.of(`${group}-1`, 'message').map(({ reconsumeTimes }) => reconsumeTimes)).to.deep.equal([0, 0, 1, 1]);
    await client.run('popOrderly', { id: `${group}-2`, ...pop, times: 2, ack: true }, 'done');
    expect(client.bodies(`${group}-2`)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(client.of(`${group}-2`, 'message').map(({ reconsumeTimes }) => reconsumeTimes)).to.deep.equal([2, 2, 0, 0]);
    expect(await target().committed(group, topic)).to.equal(4);
  });
});
