import { expect } from 'chai';
import { decodeTopicRoute } from '../../../../lib/protocol/topic-route.js';
import { RawClient } from '../../../support/raw-client.js';
import { json } from './admin-rig.js';
import type { CheckedApi } from './checked-api.js';

/** What is asked of brokers, their replicas and name servers, and through them of clients. */
export function brokerRoutes(api: () => CheckedApi): void {
  const ask: CheckedApi['ask'] = (name, ...args) => api().ask(name, ...args);

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
    expect(api().rig.cluster.locks('billing')).to.deep.equal([]);
    expect((await ask('setPermission', { broker: 'broker-a', perm: 4 })).permission).to.equal(4);
    await ask('setPermission', { broker: 'broker-a', perm: 6 });
    expect(await ask('disconnectClients', { broker: 'broker-a', clientId: 'c1' })).to.deep.equal({ closed: 1 });
    expect(await ask('stopBroker', { broker: 'broker-b' })).to.deep.include({ running: false, registered: false });
    expect((await ask('startBroker', { broker: 'broker-b' })).running).to.equal(true);
    const { address } = await ask('getBroker', { broker: 'broker-b' });
    expect((await ask('restartBroker', { broker: 'broker-b' })).address).to.equal(address);
    expect(api().rig.cluster.messages('Orders', { brokerName: 'broker-b', queueId: 1 })).to.have.length(2);
    await ask('stopBroker', { broker: 'broker-b' });
    await ask('startBroker', { broker: 'broker-b', keepData: false });
    expect(api().rig.cluster.messages('Orders', { brokerName: 'broker-b' })).to.deep.equal([]);
  });

  it('add brokers and remove them', async () => {
    const added = await ask('addBroker', { replicas: 1 });
    expect(added).to.deep.include({ name: 'broker-c', running: true, registered: true });
    expect(added.replicas.map(({ brokerId, running }) => [brokerId, running])).to.deep.equal([[1, true]]);
    await ask('updateTopic', { topic: 'Orders', queues: 3, brokers: ['broker-c'] });
    const { items } = await ask('produce', { topic: 'Orders', broker: 'broker-c', queueId: 2, body: 'paid' });
    expect(items.map(({ broker }) => broker)).to.deep.equal(['broker-c']);

    const taken = await api()
      .rig.client.addBroker({ name: 'broker-c' })
      .catch((error: unknown) => error);
    expect(taken).to.include({ status: 400, field: 'name' });
    await ask('removeBroker', { broker: 'broker-c' });
    expect(api().rig.cluster.brokers.map(({ name }) => name)).to.deep.equal(['broker-a', 'broker-b']);
    const gone = await api()
      .rig.client.removeBroker({ broker: 'broker-c' })
      .catch((error: unknown) => error);
    expect(gone).to.include({ code: 'ERR_MOCK_NOT_FOUND', status: 404, field: 'broker' });
    const { address } = added;
    const again = await ask('addBroker', { name: 'moved', port: Number(address.split(':')[1]) });
    expect(again).to.deep.include({ name: 'moved', address, replicas: [] });
    const occupied = await api()
      .rig.client.addBroker({ port: Number(address.split(':')[1]) })
      .catch((error: unknown) => error);
    expect(occupied).to.include({ status: 409 });
    expect(api().rig.cluster.brokers.map(({ name }) => name)).to.deep.equal(['broker-a', 'broker-b', 'moved']);
    await ask('removeBroker', { broker: 'moved' });
  });

  it('start a broker at another port', async () => {
    const { address: before } = await ask('stopBroker', { broker: 'broker-b' });
    const port = Number(api().rig.cluster.broker('broker-a').address.split(':')[1]);
    const occupied = await api()
      .rig.client.startBroker({ broker: 'broker-b', port })
      .catch((error: unknown) => error);
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
    const [replica] = api().rig.cluster.broker('replicated').replicas;
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

    const none = await api()
      .rig.client.pauseReplication({ broker: 'replicated', brokerId: 2 })
      .catch((error: unknown) => error);
    expect(none).to.include({ code: 'ERR_MOCK_NOT_FOUND', field: 'brokerId' });
    await ask('removeBroker', { broker: 'replicated' });
  });

  it('stop name servers, and have them disagree', async () => {
    const addresses = api().rig.cluster.namesrvAddr.split(';');
    const rest = { running: true, frozen: false, overrides: [] };
    expect((await ask('listNameServers')).items).to.deep.equal(
      addresses.map((address, nameServer) => ({ nameServer, address, ...rest })),
    );
    expect(await ask('stopNameServer', { nameServer: 1 })).to.deep.include({ running: false });
    expect(api().rig.cluster.nameServers.map(({ running }) => running)).to.deep.equal([true, false]);
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
    const client = await RawClient.connect(api().rig.cluster.nameServers[1]?.address ?? '');
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

    const none = await api()
      .rig.client.freezeNameServer({ nameServer: 2 })
      .catch((error: unknown) => error);
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
      const { status, body } = await api().rig.fetch('/api/name-servers/0/routes/Orders', json({ route }, 'PUT'));
      const { error } = body as { error: { field: string; message: string } };
      expect([status, error.field]).to.deep.equal([400, field]);
      expect(error.message).to.include(words);
    }
    expect(api().rig.cluster.nameServers[0]?.overrides).to.deep.equal([]);
  });

  it('restart a broker with what it had, or without, and elsewhere', async () => {
    const place = { topic: 'Orders', broker: 'restarted', queueId: 0 };
    await ask('addBroker', { name: 'restarted' });
    await ask('updateTopic', { topic: 'Orders', queues: 1, brokers: ['restarted'] });
    await ask('produce', { ...place, body: 'kept?' });
    await ask('stealLock', { group: 'billing', ...place, clientId: 'thief' });
    const holders = (): string[] =>
      api().rig.cluster.locks('billing').filter(({ queue }) => queue.brokerName === 'restarted').map(({ clientId }) => clientId); // prettier-ignore
    const stored = (): number => api().rig.cluster.messages('Orders', { brokerName: 'restarted' }).length;

    const { address } = await ask('restartBroker', { broker: 'restarted', keepLocks: true });
    expect([holders(), stored()]).to.deep.equal([['thief'], 1]);
    const moved = await ask('restartBroker', { broker: 'restarted', keepData: false, port: 0 });
    expect([holders(), stored()]).to.deep.equal([[], 0]);
    expect(moved.running).to.equal(true);
    expect(moved.address).not.to.equal(address);
    await ask('removeBroker', { broker: 'restarted' });
  });

  it('take a broker out of routes, and have them list it otherwise', async () => {
    const addressesOf = async (): Promise<Record<string, string> | undefined> => {
      const { route } = await ask('getRoute', { nameServer: 0, topic: 'Orders' });
      return route?.brokerDatas.find(({ brokerName }) => brokerName === 'broker-b')?.brokerAddrs;
    };
    const { address } = await ask('getBroker', { broker: 'broker-b' });
    const hidden = await ask('setRegistered', { broker: 'broker-b', registered: false });
    expect(hidden).to.deep.include({ running: true, registered: false });
    expect(await addressesOf()).to.equal(undefined);
    expect((await ask('setRegistered', { broker: 'broker-b', registered: true })).registered).to.equal(true);
    expect(await addressesOf()).to.deep.equal({ 0: address });
    expect((await ask('setBrokerId', { broker: 'broker-b', brokerId: 1 })).brokerId).to.equal(1);
    expect(await addressesOf()).to.deep.equal({ 1: address });
    await ask('setBrokerId', { broker: 'broker-b', brokerId: 0 });
    expect(await addressesOf()).to.deep.equal({ 0: address });
  });

  it('tell who pulls where to pull from', async () => {
    const consumer = await api().rig.connect();
    const suggested = async (): Promise<string | undefined> => {
      const extFields = { consumerGroup: 'billing', topic: 'Orders', queueId: '0', queueOffset: '0', maxMsgNums: '1', sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0', subscription: '*', subVersion: '0' }; // prettier-ignore
      return (await consumer.request({ code: 11, extFields })).extFields['suggestWhichBrokerId'];
    };
    const shown = await ask('suggestBrokerId', { broker: 'broker-a', brokerId: 1 });
    expect([shown.suggestedBrokerId, await suggested()]).to.deep.equal([1, '1']);
    await ask('suggestBrokerId', { broker: 'broker-a', brokerId: 0 });
    expect(await suggested()).to.equal('0');
  });

  it('stop a replica and start it again', async () => {
    await ask('addBroker', { name: 'replicated', replicas: 1 });
    const id = { broker: 'replicated', brokerId: 1 };
    const { address } = await ask('startReplica', id);
    expect(await ask('stopReplica', id)).to.deep.include({ running: false, registered: false });
    expect(api().rig.cluster.broker('replicated').replicas[0]?.running).to.equal(false);
    expect((await ask('getBroker', { broker: 'replicated' })).running).to.equal(true);
    expect(await ask('startReplica', id)).to.deep.include({ running: true, registered: true, address });
    await ask('removeBroker', { broker: 'replicated' });
  });

  it('call clients, and pass on what they answer', async () => {
    const member = await api().rig.consume('called', 'c-called');
    const request = { code: 'GET_CONSUMER_RUNNING_INFO', ext: { clientId: 'c-called' } } as const;
    const coming = ask('callClient', { client: 'c-called', ...request, body: '{}' });
    const asked = await member.pushed(307);
    expect([asked.extFields, asked.body.toString()]).to.deep.equal([request.ext, '{}']);
    member.respond(asked, { code: 1, remark: 'not now', extFields: { a: 'b' }, body: Buffer.from([0xff]) });
    expect(await coming).to.deep.equal({
      code: 1,
      name: 'SYSTEM_ERROR (1)',
      remark: 'not now',
      ext: { a: 'b' },
      body: { base64: '/w==', length: 1, cut: false },
    });
    const byGroup = ask('callClient', { client: 'called', code: 307, bodyBase64: '/w==' });
    const second = await member.pushed(307);
    expect(second.body).to.deep.equal(Buffer.from([0xff]));
    member.respond(second, { code: 0 });
    expect(await byGroup).to.deep.include({ code: 0, remark: null, body: { text: '', length: 0, cut: false } });

    expect(await ask('tellClient', { client: 'called', code: 220, ext: { topic: 'Orders' } })).to.deep.equal({ told: 1 }); // prettier-ignore
    expect((await member.pushed(220)).extFields).to.deep.equal({ topic: 'Orders' });
  });

  it('say why a client could not be called', async () => {
    const { rig } = api();
    const member = await rig.consume('silent', 'c-silent');
    const refusal = (input: Parameters<typeof rig.client.callClient>[0]): Promise<unknown> =>
      rig.client.callClient(input).catch((error: unknown) => error);
    const silent = await refusal({ client: 'c-silent', code: 307, timeoutMs: 1 });
    expect(silent).to.include({ code: 'ERR_ROCKETMQ_TIMEOUT', status: 504 });
    const lost = refusal({ client: 'silent', code: 'GET_CONSUMER_RUNNING_INFO' });
    await member.pushed(307);
    await member.pushed(307);
    await member.close();
    expect(await lost).to.include({ code: 'ERR_ROCKETMQ_CONNECTION_LOST', status: 502 });
    expect(await refusal({ client: 'c-silent', code: 307 })).to.include({ status: 404, field: 'client' });
    expect(await refusal({ client: 'c1', code: 'NO_SUCH_CODE' })).to.include({ status: 400, field: 'code' });
    expect(await refusal({ client: 'c1', code: 307, body: 'a', bodyBase64: '' })).to.include({ field: 'body' });
    const nobody = await rig.client.tellClient({ client: 'nobody', code: 40 }).catch((error: unknown) => error);
    expect(nobody).to.include({ code: 'ERR_MOCK_NOT_FOUND', field: 'client' });
  });
}
