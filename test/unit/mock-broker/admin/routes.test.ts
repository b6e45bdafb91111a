import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import { OPERATIONS, type OperationName } from '../../../../mock-broker/admin/operations.js';
import { decodeTopicRoute } from '../../../../lib/protocol/topic-route.js';
import { RawClient } from '../../../support/raw-client.js';
import { AdminRig, json } from './admin-rig.js';

interface Document {
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, { content: Record<string, { schema: object }> }> }>>; // prettier-ignore
}

/** Every operation is asked through the client, and every answer is held against the OpenAPI document. */
describe('the routes of the control plane', () => {
  let rig: AdminRig;
  const asked = new Set<OperationName>();
  const validators = new Map<string, (answer: unknown) => string>();

  before(async () => {
    rig = await AdminRig.start({
      brokers: 2,
      nameServers: 2,
      groups: { billing: {} },
      topics: { Orders: { queues: 2 } },
    });
    const { body } = await rig.fetch('/openapi.json');
    const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
    addFormats.default(ajv);
    for (const methods of Object.values((body as Document).paths)) {
      for (const { operationId, responses } of Object.values(methods)) {
        const [content] = Object.values(responses).map((response) => response.content?.['application/json']);
        if (content === undefined) continue;
        const validate = ajv.compile(content.schema);
        validators.set(operationId, (answer) => (validate(answer) ? '' : ajv.errorsText(validate.errors)));
      }
    }
  });

  after(async () => rig.stop());

  async function ask<Name extends OperationName>(
    name: Name,
    ...args: Parameters<AdminRig['client'][Name]>
  ): Promise<Awaited<ReturnType<AdminRig['client'][Name]>>> {
    asked.add(name);
    const call = rig.client[name] as (...given: typeof args) => Promise<unknown>;
    const answer = await call.apply(rig.client, args);
    expect(validators.get(name)?.(answer), name).to.equal('');
    return answer as Awaited<ReturnType<AdminRig['client'][Name]>>;
  }

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

  it('stop, start and disturb brokers', async () => {
    expect((await ask('listBrokers')).items.map(({ name, running }) => [name, running])).to.deep.equal([
      ['broker-a', true],
      ['broker-b', true],
    ]);
    await ask('expireLocks', { broker: 'broker-a' });
    expect(
      (await ask('getGroup', { group: 'billing' })).queues.some(({ lock }) => (lock?.remainingMs ?? 0) > 0),
    ).to.equal(false);
    await ask('clearLocks', { broker: 'broker-a' });
    expect(rig.cluster.locks('billing')).to.deep.equal([]);
    expect((await ask('setPermission', { broker: 'broker-a', perm: 4 })).permission).to.equal(4);
    await ask('setPermission', { broker: 'broker-a', perm: 6 });
    expect(await ask('disconnectClients', { broker: 'broker-a', clientId: 'c1' })).to.deep.equal({ closed: 1 });
    expect(await ask('stopBroker', { broker: 'broker-b' })).to.deep.include({ running: false, registered: false });
    expect((await ask('startBroker', { broker: 'broker-b' })).running).to.equal(true);
    const { address } = await ask('getBroker', { broker: 'broker-b' });
    expect((await ask('restartBroker', { broker: 'broker-b' })).address).to.equal(address);
    expect(rig.cluster.messages('Orders', { brokerName: 'broker-b', queueId: 1 })).to.have.length(2);
    await ask('stopBroker', { broker: 'broker-b' });
    await ask('startBroker', { broker: 'broker-b', keepData: false });
    expect(rig.cluster.messages('Orders', { brokerName: 'broker-b' })).to.deep.equal([]);
  });

  it('add brokers and remove them', async () => {
    const added = await ask('addBroker', { replicas: 1 });
    expect(added).to.deep.include({ name: 'broker-c', running: true, registered: true });
    expect(added.replicas.map(({ brokerId, running }) => [brokerId, running])).to.deep.equal([[1, true]]);
    await ask('updateTopic', { topic: 'Orders', queues: 3, brokers: ['broker-c'] });
    const { items } = await ask('produce', { topic: 'Orders', broker: 'broker-c', queueId: 2, body: 'paid' });
    expect(items.map(({ broker }) => broker)).to.deep.equal(['broker-c']);

    const taken = await rig.client.addBroker({ name: 'broker-c' }).catch((error: unknown) => error);
    expect(taken).to.include({ status: 400, field: 'name' });
    await ask('removeBroker', { broker: 'broker-c' });
    expect(rig.cluster.brokers.map(({ name }) => name)).to.deep.equal(['broker-a', 'broker-b']);
    const gone = await rig.client.removeBroker({ broker: 'broker-c' }).catch((error: unknown) => error);
    expect(gone).to.include({ code: 'ERR_MOCK_NOT_FOUND', status: 404, field: 'broker' });
    const { address } = added;
    const again = await ask('addBroker', { name: 'moved', port: Number(address.split(':')[1]) });
    expect(again).to.deep.include({ name: 'moved', address, replicas: [] });
    const occupied = await rig.client
      .addBroker({ port: Number(address.split(':')[1]) })
      .catch((error: unknown) => error);
    expect(occupied).to.include({ status: 409 });
    expect(rig.cluster.brokers.map(({ name }) => name)).to.deep.equal(['broker-a', 'broker-b', 'moved']);
    await ask('removeBroker', { broker: 'moved' });
  });

  it('start a broker at another port', async () => {
    const { address: before } = await ask('stopBroker', { broker: 'broker-b' });
    const port = Number(rig.cluster.broker('broker-a').address.split(':')[1]);
    const occupied = await rig.client.startBroker({ broker: 'broker-b', port }).catch((error: unknown) => error);
    expect(occupied).to.include({ status: 409 });
    expect((await ask('getBroker', { broker: 'broker-b' })).address).to.equal(before);
    const moved = await ask('startBroker', { broker: 'broker-b', port: 0 });
    expect(moved.running).to.equal(true);
    const { route } = await ask('getRoute', { nameServer: 0, topic: 'Orders' });
    const data = route?.brokerDatas.find(({ brokerName }) => brokerName === 'broker-b');
    expect(data?.brokerAddrs['0']).to.equal(moved.address);
  });

  it('hold up what comes to replicas', async () => {
    await ask('addBroker', { name: 'replicated', replicas: 1 });
    await ask('updateTopic', { topic: 'Orders', queues: 1, brokers: ['replicated'] });
    const [replica] = rig.cluster.broker('replicated').replicas;
    const place = { topic: 'Orders', broker: 'replicated', queueId: 0 };
    const copied = (): number | undefined => replica?.state.store.maxOffset('Orders', 0);
    const id = { broker: 'replicated', brokerId: 1 };

    expect(await ask('pauseReplication', id)).to.deep.include({ brokerId: 1, paused: true, lagMs: 0, behind: 0 });
    await ask('produce', { ...place, body: 'one' });
    expect((await ask('getBroker', { broker: 'replicated' })).replicas.map(({ behind }) => behind)).to.deep.equal([1]);
    expect(copied()).to.equal(0);
    expect(await ask('resumeReplication', id)).to.deep.include({ paused: false, behind: 0 });
    expect(copied()).to.equal(1);

    expect(await ask('setReplicationLag', { ...id, lagMs: 500 })).to.deep.include({ paused: false, lagMs: 500 });
    await ask('produce', { ...place, body: 'two' });
    await ask('advanceClock', { ms: 499 });
    expect(copied()).to.equal(1);
    await ask('advanceClock', { ms: 1 });
    expect(copied()).to.equal(2);

    const none = await rig.client
      .pauseReplication({ broker: 'replicated', brokerId: 2 })
      .catch((error: unknown) => error);
    expect(none).to.include({ code: 'ERR_MOCK_NOT_FOUND', field: 'brokerId' });
    await ask('removeBroker', { broker: 'replicated' });
  });

  it('stop name servers, and have them disagree', async () => {
    const addresses = rig.cluster.namesrvAddr.split(';');
    const rest = { running: true, frozen: false, overrides: [] };
    expect((await ask('listNameServers')).items).to.deep.equal(
      addresses.map((address, nameServer) => ({ nameServer, address, ...rest })),
    );
    expect(await ask('stopNameServer', { nameServer: 1 })).to.deep.include({ running: false });
    expect(rig.cluster.nameServers.map(({ running }) => running)).to.deep.equal([true, false]);
    expect(await ask('startNameServer', { nameServer: 1 })).to.deep.include({ running: true, address: addresses[1] });

    const queuesAt = async (nameServer: number): Promise<number[] | undefined> => {
      const { route } = await ask('getRoute', { nameServer, topic: 'Orders' });
      return route?.queueDatas.map(({ readQueueNums }) => readQueueNums);
    };
    expect((await ask('freezeNameServer', { nameServer: 1 })).frozen).to.equal(true);
    await ask('updateTopic', { topic: 'Orders', queues: 4 });
    expect([await queuesAt(0), await queuesAt(1)]).to.deep.equal([[4, 4], [2, 2]]); // prettier-ignore
    expect((await ask('thawNameServer', { nameServer: 1 })).frozen).to.equal(false);
    expect(await queuesAt(1)).to.deep.equal([4, 4]);
  });

  it('have one name server say something else of a topic', async () => {
    const { route: before } = await ask('getRoute', { nameServer: 0, topic: 'Orders' });
    const [queueData] = before?.queueDatas ?? [];
    const [brokerData] = before?.brokerDatas ?? [];
    if (queueData === undefined || brokerData === undefined) throw new Error('Orders has no route');
    const route = { orderTopicConf: 'broker-a:1', queueDatas: [{ ...queueData, readQueueNums: 1 }], brokerDatas: [brokerData] }; // prettier-ignore
    expect((await ask('overrideRoute', { nameServer: 1, topic: 'Orders', route })).overrides).to.deep.equal(['Orders']);
    const client = await RawClient.connect(rig.cluster.nameServers[1]?.address ?? '');
    const told = await client.request({ code: 105, extFields: { topic: 'Orders', acceptStandardJsonOnly: 'true' } });
    await client.close();
    expect(decodeTopicRoute(told.body)).to.deep.include(route);
    expect(await ask('getRoute', { nameServer: 0, topic: 'Orders' })).to.deep.equal({ route: before });

    await ask('overrideRoute', { nameServer: 1, topic: 'Payments', route });
    await ask('overrideRoute', { nameServer: 1, topic: 'Orders', route: null });
    expect(await ask('getRoute', { nameServer: 1, topic: 'Orders' })).to.deep.equal({ route: null });
    expect((await ask('clearOverride', { nameServer: 1, topic: 'Orders' })).overrides).to.deep.equal(['Payments']);
    expect(await ask('getRoute', { nameServer: 1, topic: 'Orders' })).to.deep.equal({ route: before });
    expect((await ask('clearOverrides', { nameServer: 1 })).overrides).to.deep.equal([]);

    const none = await rig.client.freezeNameServer({ nameServer: 2 }).catch((error: unknown) => error);
    expect(none).to.include({ code: 'ERR_MOCK_NOT_FOUND', status: 404, field: 'nameServer' });
  });

  it('name the place in a route that is not right', async () => {
    const broker = {
      cluster: 'c',
      brokerName: 'broker-a',
      brokerAddrs: { 0: '127.0.0.1:1' },
      enableActingMaster: false,
    };
    const queue = { brokerName: 'broker-a', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 };
    const wrong: [unknown, string, string][] = [
      ['nothing', 'route', 'an object of orderTopicConf, queueDatas, brokerDatas, staticTopicBrokers or null'],
      [{ queueDatas: [] }, 'route.brokerDatas', 'a list'],
      [{ queueDatas: [queue, { ...queue, perm: 16 }], brokerDatas: [broker] }, 'route.queueDatas.1.perm', 'from 0 to 15'],
      [{ queueDatas: [{ ...queue, nums: 1 }], brokerDatas: [broker] }, 'route.queueDatas.0.nums', 'one of brokerName'],
      [{ queueDatas: [queue], brokerDatas: [{ ...broker, brokerAddrs: { master: 'x' } }] }, 'route.brokerDatas.0.brokerAddrs', 'an object of texts'],
    ]; // prettier-ignore
    for (const [route, field, words] of wrong) {
      const { status, body } = await rig.fetch('/api/name-servers/0/routes/Orders', json({ route }, 'PUT'));
      const { error } = body as { error: { field: string; message: string } };
      expect([status, error.field]).to.deep.equal([400, field]);
      expect(error.message).to.include(words);
    }
    expect(rig.cluster.nameServers[0]?.overrides).to.deep.equal([]);
  });

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
    expect([...asked].sort()).to.deep.equal(Object.keys(OPERATIONS).sort());
  });
});
