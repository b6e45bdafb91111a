import { expect } from 'chai';
import { decodeMessages } from '../../../../lib/protocol/message.js';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import type { PullMessageRequest } from '../../../../lib/protocol/requests/pull-message.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { sendBatchMessage } from '../../../../lib/protocol/requests/send-batch-message.js';
import { encodeBatch } from '../../../../lib/protocol/message.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { GROUP, holdOf, messageOf, MockHarness, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('held pulls', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual();
    harness = await MockHarness.start({ clock });
    client = await harness.connect();
  });

  afterEach(() => harness.stop());

  /** Sends a pull and waits until the broker holds it. Resolves with its opaque. */
  async function hold(change: Partial<PullMessageRequest> = {}, by: RawClient = client): Promise<number> {
    const opaque = by.send(pullMessage.encode(holdOf(change)));
    // Requests of a connection are handled in turn: when this is answered, the pull is held.
    await by.request({ code: 999 });
    return opaque;
  }

  function messages(reply: RemotingCommand): string[] {
    return decodeMessages(reply.body, { brokerName: 'b' }).messages.map((message) => message.body.toString());
  }

  it('are answered as soon as a message comes, over the wire or not', async () => {
    const first = await hold();
    await send(await harness.connect(), { body: Buffer.from('wire') });
    expect(messages(await client.reply(first))).to.deep.equal(['wire']);
    const second = await hold({ queueOffset: 1 });
    harness.cluster.produce(TOPIC, { body: 'local', queueId: 0 });
    expect(messages(await client.reply(second))).to.deep.equal(['local']);
    expect(harness.cluster.brokers[0]?.heldPulls).to.equal(0);
  });

  it('bring all of what was stored together', async () => {
    const opaque = await hold();
    const body = encodeBatch(['a', 'b', 'c'].map((text) => ({ flag: 0, body: Buffer.from(text), properties: '' })));
    await (await harness.connect()).call(sendBatchMessage, messageOf({ batch: true, body }));
    expect(messages(await client.reply(opaque))).to.deep.equal(['a', 'b', 'c']);
  });

  it('wait for their own queue and tags', async () => {
    const opaque = await hold({ subscription: 'A' });
    harness.cluster.produce(TOPIC, { body: 'elsewhere', queueId: 1, tags: 'A' });
    harness.cluster.produce(TOPIC, { body: 'other tag', queueId: 0, tags: 'B' });
    await client.request({ code: 999 });
    expect(harness.cluster.brokers[0]?.heldPulls).to.equal(1);
    harness.cluster.produce(TOPIC, { body: 'mine', queueId: 0, tags: 'A' });
    const reply = await client.reply(opaque);
    expect(messages(reply)).to.deep.equal(['mine']);
    expect(reply.extFields['nextBeginOffset']).to.equal('2');
  });

  it('end with 19 at the first scan after their time is up', async () => {
    const opaque = await hold({ suspendTimeoutMillis: 6000 });
    clock.advance(5000);
    await client.request({ code: 999 });
    expect(client.received.some((command) => command.opaque === opaque)).to.equal(false);
    clock.advance(4999);
    await client.request({ code: 999 });
    expect(client.received.some((command) => command.opaque === opaque)).to.equal(false);
    clock.advance(1);
    expect(await client.reply(opaque)).to.include({ code: 19, remark: 'NO_MESSAGE_IN_QUEUE' });
  });

  it('end with 20 at the next scan when only messages came that do not match', async () => {
    const opaque = await hold({ subscription: 'A' });
    harness.cluster.produce(TOPIC, { body: 'x', queueId: 0, tags: 'B' });
    clock.advance(5000);
    const reply = await client.reply(opaque);
    expect(reply.code).to.equal(20);
    expect(reply.extFields['nextBeginOffset']).to.equal('1');
  });

  it('are looked at as often as the cluster is told to', async () => {
    const fast = await MockHarness.start({ clock, holdScanMs: 100 });
    const other = await fast.connect();
    const opaque = await hold({ suspendTimeoutMillis: 250 }, other);
    clock.advance(300);
    expect((await other.reply(opaque)).code).to.equal(19);
    await fast.stop();
  });

  it('commit when they come, not when they are answered', async () => {
    const opaque = await hold({ sysFlag: 7, commitOffset: 5 });
    expect(harness.cluster.offsets(GROUP)[0]?.offset).to.equal(5);
    harness.cluster.setOffset(GROUP, { topic: TOPIC, brokerName: 'broker-a', queueId: 0 }, 7);
    harness.cluster.produce(TOPIC, { body: 'x', queueId: 0 });
    await client.reply(opaque);
    expect(harness.cluster.offsets(GROUP)[0]?.offset).to.equal(7);
  });

  it('are forgotten when their connection closes', async () => {
    const other = await harness.connect();
    await hold({}, other);
    await hold();
    expect(harness.cluster.brokers[0]?.heldPulls).to.equal(2);
    await other.close();
    // The broker has seen the end of the connection once its own side of it is gone.
    while ((harness.cluster.brokers[0]?.connections.length ?? 0) > 1) await client.request({ code: 999 });
    expect(harness.cluster.brokers[0]?.heldPulls).to.equal(1);
  });

  it('are not held without being asked to, or when there is an answer', async () => {
    expect((await client.ask(pullMessage, holdOf({ sysFlag: 4 }))).code).to.equal(19);
    expect((await client.ask(pullMessage, holdOf({ queueOffset: 5 }))).code).to.equal(21);
  });

  it('may be many on one queue, all of which are answered', async () => {
    const opaques = [await hold(), await hold(), await hold({ subscription: 'B' })];
    harness.cluster.produce(TOPIC, { body: 'x', queueId: 0, tags: 'A' });
    expect((await client.reply(opaques[0] ?? 0)).code).to.equal(0);
    expect((await client.reply(opaques[1] ?? 0)).code).to.equal(0);
    expect(harness.cluster.brokers[0]?.heldPulls).to.equal(1);
  });

  it('are checked again when they are answered', async () => {
    const opaque = await hold();
    harness.cluster.updateGroup(GROUP, { consumeEnable: false });
    harness.cluster.produce(TOPIC, { body: 'x', queueId: 0 });
    expect((await client.reply(opaque)).code).to.equal(16);
  });
});
