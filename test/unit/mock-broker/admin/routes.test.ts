import { expect } from 'chai';
import { OPERATIONS } from '../../../../mock-broker/admin/operations.js';
import type { AdminRig } from './admin-rig.js';
import { brokerRoutes } from './broker-routes.js';
import { CheckedApi } from './checked-api.js';

/** Every operation is asked through the client, and every answer is held against the OpenAPI document. */
describe('the routes of the control plane', () => {
  let api: CheckedApi;
  let rig: AdminRig;
  const ask: CheckedApi['ask'] = (name, ...args) => api.ask(name, ...args);

  before(async () => {
    api = await CheckedApi.start({
      brokers: 2,
      nameServers: 2,
      groups: { billing: {} },
      topics: { Orders: { queues: 2 } },
    });
    ({ rig } = api);
  });

  after(async () => rig.stop());

  it('make, change and delete topics', async () => {
    const made = await ask('createTopic', { name: 'Payments', queues: 3, brokers: ['broker-b'] });
    expect(made.brokers).to.deep.equal([{ broker: 'broker-b', readQueueNums: 3, writeQueueNums: 3, perm: 6 }]);
    const changed = await ask('updateTopic', { topic: 'Payments', writeQueueNums: 1, perm: 4 });
    expect(changed.queues.map(({ readable, writable }) => [readable, writable])).to.deep.equal([
      [true, false],
      [true, false],
      [true, false],
    ]);
    expect((await ask('listTopics')).items.map(({ name }) => name)).to.deep.equal(['Orders', 'Payments']);
    await ask('deleteTopic', { topic: 'Payments' });
    expect(rig.cluster.topics()).to.deep.equal(['Orders']);
    expect((await ask('getTopic', { topic: 'Orders' })).queues).to.have.length(4);
  });

  it('store and find messages', async () => {
    const place = { topic: 'Orders', broker: 'broker-a', queueId: 1 };
    const { items } = await ask('produce', { ...place, body: 'paid', keys: ['k-1'], tags: 'Paid', properties: { region: 'eu' }, count: 5 }); // prettier-ignore
    expect(items.map(({ offset }) => offset)).to.deep.equal([0, 1, 2, 3, 4]);
    await ask('produce', { ...place, bodyBase64: '//4=' });

    const page = await ask('listMessages', { ...place, from: 1, limit: 2 });
    expect([page.items.map(({ offset }) => offset), page.next]).to.deep.equal([[1, 2], 3]);
    expect((await ask('listMessages', { ...place, from: 5 })).next).to.equal(null);
    expect((await ask('findMessages', { topic: 'Orders', key: 'k-1', limit: 3 })).items).to.have.length(3);
    const one = await ask('getMessage', { ...place, offset: 4 });
    expect(one).to.deep.include({ tags: 'Paid', keys: ['k-1'], body: { text: 'paid', length: 4, cut: false } });
    expect(one.properties['region']).to.equal('eu');
    expect((await ask('getMessage', { ...place, offset: 5 })).body).to.deep.equal({ base64: '//4=', length: 2, cut: false }); // prettier-ignore

    await ask('expireMessages', { ...place, beforeOffset: 2 });
    expect(rig.cluster.messages('Orders', { queueId: 1 })[0]?.queueOffset).to.equal(2);
  });

  it('store what producers mostly leave to their clients', async () => {
    const place = { topic: 'Unusual', broker: 'broker-a', queueId: 0 };
    await ask('createTopic', { name: 'Unusual', queues: 1, brokers: ['broker-a'] });
    await ask('produce', { ...place, body: 'packed', compression: 'zlib', flag: 7, reconsumeTimes: 3, bornTimestamp: 5 }); // prettier-ignore
    const [packed] = rig.cluster.messages('Unusual');
    expect(packed).to.include({ flag: 7, reconsumeTimes: 3, bornTimestamp: 5, isCompressed: true });
    await ask('produce', {
      ...place,
      innerBatch: [
        { body: 'a', tags: 'A' },
        { body: 'b', keys: 'k-b' },
      ],
    });
    await ask('produce', { ...place, storedBodyBase64: 'AAAA', sysFlag: 1 });
    const { items } = await ask('listMessages', place);
    expect(items.map(({ offset, body, tags, keys }) => [offset, body.text ?? body.base64, tags, keys])).to.deep.equal([
      [0, 'packed', null, []],
      [1, 'a', 'A', []],
      [2, 'b', null, ['k-b']],
      // What can't be unpacked is shown as it is stored.
      [3, '\0\0\0', null, []],
    ]);
    expect((await ask('getMessage', { ...place, offset: 3 })).body).to.deep.include({ length: 3, cut: false });
    const refused = async (message: object): Promise<unknown> =>
      rig.client.produce({ ...place, ...message }).catch((error: unknown) => error);
    expect(await refused({ body: 'a', innerBatch: [{ body: 'b' }] })).to.include({ status: 400, field: 'body' });
    expect(await refused({ compression: 'zlib' })).to.include({ status: 400, field: 'body' });
    const unknown = (await refused({ body: 'a', compression: 'gzip' })) as Error;
    expect(unknown).to.include({ status: 400, field: 'compression' });
    expect(unknown.message).to.match(/allowed is zlib, lz4, zstd$/);
    await ask('deleteTopic', { topic: 'Unusual' });
  });

  it('show long bodies cut in lists, and whole one by one', async () => {
    const [stored] = (await ask('produce', { topic: 'Orders', broker: 'broker-b', queueId: 0, body: 'ü'.repeat(4000) }))
      .items;
    const place = { topic: 'Orders', broker: 'broker-b', queueId: 0 };
    const [listed] = (await ask('listMessages', place)).items;
    expect([listed?.body.cut, listed?.body.length, listed?.body.text?.length]).to.deep.equal([true, 8000, 2048]);
    expect((await ask('getMessage', { ...place, offset: stored?.offset ?? 0 })).body.text).to.have.length(4000);
  });

  it('show delayed messages until they are seen', async () => {
    await ask('produce', { topic: 'Orders', body: 'later', delayLevel: 3, broker: 'broker-a', queueId: 0 });
    const { items } = await ask('listDelayed');
    const now = rig.cluster.clock.now();
    expect(items.map(({ topic, queueId, dueAt }) => [topic, queueId, dueAt - now])).to.deep.equal([
      ['Orders', 0, 10_000],
    ]);
    expect((await ask('advanceClock', { ms: 10_000 })).now).to.equal(now + 10_000);
    expect((await ask('listDelayed')).items).to.deep.equal([]);
    expect((await ask('getClock')).manual).to.equal(true);
  });

  it('show a group with its members, locks and lag', async () => {
    const consumer = await rig.consume('billing', 'c1');
    await ask('setOffset', { group: 'billing', topic: 'Orders', broker: 'broker-a', queueId: 1, offset: 3 });
    rig.cluster.clock.advance(20_000);
    const group = await ask('getGroup', { group: 'billing' });
    expect(group.members).to.deep.equal([{ clientId: 'c1', brokers: ['broker-a'] }]);
    expect(group.subscriptions).to.deep.equal([{ topic: 'Orders', expression: '*', type: 'TAG' }]);
    const queue = group.queues.find((one) => one.broker === 'broker-a' && one.queueId === 1);
    expect(queue).to.deep.include({ minOffset: 2, maxOffset: 6, committed: 3, lag: 3 });
    expect(queue?.lock).to.deep.include({ clientId: 'c1', remainingMs: 40_000 });
    expect((await ask('listGroups')).items.map(({ name }) => name)).to.include('billing');
    expect((await ask('updateGroup', { group: 'billing', retryMaxTimes: 2 })).config?.retryMaxTimes).to.equal(2);

    await ask('stealLock', { group: 'billing', topic: 'Orders', broker: 'broker-a', queueId: 0, clientId: 'thief' });
    const owners = rig.cluster.locks('billing').map((lock) => lock.clientId);
    expect(owners).to.have.members(['thief', 'c1']);
    await consumer.pushed(40);
    const notified = consumer.pushed(40);
    await ask('notifyGroup', { group: 'billing' });
    expect((await notified).extFields).to.deep.equal({ consumerGroup: 'billing' });

    const reset = await ask('resetOffset', { group: 'billing', topic: 'Orders', mode: 'server', offset: 2, broker: 'broker-a', queueId: 1 }); // prettier-ignore
    expect(reset.items).to.deep.equal([{ topic: 'Orders', broker: 'broker-a', queueId: 1, offset: 2 }]);
  });

  it('show pulls that wait', async () => {
    const consumer = await rig.connect();
    consumer.send({
      code: 11,
      extFields: { consumerGroup: 'billing', topic: 'Orders', queueId: '0', queueOffset: '1', maxMsgNums: '1', sysFlag: '6', commitOffset: '0', suspendTimeoutMillis: '15000', subscription: '*', subVersion: '0' }, // prettier-ignore
    });
    await rig.cluster.journal.waitFor((entry) => entry.code === 11 && entry.direction === 'in');
    expect((await ask('listPulls')).items).to.deep.include.members([
      { broker: 'broker-a', topic: 'Orders', queueId: 0, offset: 1, clientId: null, expiresAt: rig.cluster.clock.now() + 15_000 },
    ]); // prettier-ignore
  });

  it('tell the history of dead letters, and replay one into its own queue', async () => {
    const original = { topic: 'Orders', broker: 'broker-b', queueId: 1 };
    const [stored] = (await ask('produce', { ...original, body: 'bad', shardingKey: 'o-1', tags: 'Paid' })).items;
    rig.cluster.clock.advance(1000);
    rig.cluster.createTopic('%DLQ%billing', { queues: 1, brokers: ['broker-b'] });
    rig.cluster.produce('%DLQ%billing', {
      body: 'bad',
      shardingKey: 'o-1',
      tags: 'Paid',
      reconsumeTimes: 16,
      properties: {
        RETRY_TOPIC: 'Orders',
        UNIQ_KEY: stored?.msgId ?? '',
        ORIGIN_MESSAGE_ID: stored?.offsetMsgId ?? '',
      },
    });
    const [letter] = (await ask('listDeadLetters', { group: 'billing' })).items;
    expect(letter?.originalTopic).to.equal('Orders');
    expect(letter?.history.map(({ what, topic }) => [what, topic])).to.deep.equal([
      ['stored', 'Orders'],
      ['dead', '%DLQ%billing'],
    ]);
    rig.cluster.clock.advance(1000);
    const replayed = await ask('replayDeadLetter', { group: 'billing', broker: 'broker-b', queueId: 0, offset: 0 });
    expect(replayed).to.deep.include({ ...original, offset: 1, shardingKey: 'o-1', tags: 'Paid', reconsumeTimes: 0 });
    expect(replayed.properties).not.to.have.any.keys('RETRY_TOPIC', 'ORIGIN_MESSAGE_ID');
    const [after] = (await ask('listDeadLetters', { group: 'billing' })).items;
    expect(after?.history.map(({ what }) => what)).to.deep.equal(['stored', 'dead', 'replayed']);
  });

  brokerRoutes(() => api);

  it('switch faults on and off', async () => {
    const rule = { code: 'LOCK_BATCH_MQ', times: 3, action: { type: 'lock', do: 'refuse' } } as const;
    const { id } = await ask('addFault', rule);
    expect(rig.cluster.faults.active.map((fault) => fault.rule.times)).to.deep.equal([3]);
    expect((await ask('listFaults')).items).to.deep.equal([{ id, rule, hits: 0, matched: 0 }]);
    await ask('removeFault', { id });
    expect(rig.cluster.faults.active).to.deep.equal([]);
    await ask('addFault', rule);
    await ask('clearFaults');
    expect(rig.cluster.faults.active).to.deep.equal([]);
  });

  it('show the journal, by filters and page by page', async () => {
    await rig.consume('shipping', 'c9');
    const locks = await ask('listJournal', { code: 'LOCK_BATCH_MQ', group: 'shipping', direction: 'in' });
    expect(locks.items.map(({ clientId, effect }) => [clientId, effect])).to.deep.equal([
      ['c9', 'locked 2 of 2 queues of shipping for c9'],
    ]);
    const latest = await ask('listJournal', { limit: 2 });
    expect(latest.items.map(({ seq }) => seq)).to.deep.equal([latest.lastSeq - 1, latest.lastSeq]);
    const before = await ask('listJournal', { beforeSeq: latest.lastSeq, limit: 1 });
    expect(before.items[0]?.seq).to.equal(latest.lastSeq - 1);
    const after = await ask('listJournal', { afterSeq: latest.lastSeq - 2, limit: 1 });
    expect(after.items[0]?.seq).to.equal(latest.lastSeq - 1);
    await ask('clearJournal');
    expect((await ask('listJournal')).items).to.deep.equal([]);
  });

  it('tell what the watchdogs found', async () => {
    rig.cluster.faults.add({ code: 'LOCK_BATCH_MQ', clientId: 'c10', action: { type: 'lock', do: 'grant' } });
    await rig.consume('shipping', 'c10');
    const { items } = await ask('listViolations');
    expect(items.map(({ kind, group, clientId }) => [kind, group, clientId])).to.deep.include([
      'twoOwners',
      'shipping',
      'c10',
    ]);
    rig.cluster.faults.clear();
  });

  it('describe the whole cluster', async () => {
    const cluster = await ask('getCluster');
    expect(cluster).to.deep.include({
      namesrvAddr: rig.cluster.namesrvAddr,
      persona: '5.3.3',
      version: 479,
      faults: 0,
    });
    expect(cluster.brokers).to.have.length(2);
    const state = await ask('getState');
    expect(state.groups.map(({ name }) => name)).to.include.members(['billing', 'shipping']);
  });

  it('were all asked', () => {
    expect([...api.asked].sort()).to.deep.equal(Object.keys(OPERATIONS).sort());
  });
});
