import { expect } from 'chai';
import { getRouteInfoByTopic } from '../../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { MockHarness, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('settings of a mock name server', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: Parameters<typeof MockHarness.start>[0] = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connectNameServer();
  }

  afterEach(() => harness.stop());

  it('are shown and changed', async () => {
    await start();
    expect((await client.request({ code: 319 })).body.toString()).to.include('\nproductEnvName=center\n');
    expect((await client.request({ code: 318, body: Buffer.from('productEnvName=test\nunknown=1') })).code).to.equal(0);
    const changed = (await client.request({ code: 319 })).body.toString();
    expect(changed).to.include('\nproductEnvName=test\n').and.not.include('unknown');
    const refusal = await client.request({ code: 318, body: Buffer.from('kvConfigPath=/x') });
    expect(refusal).to.include({ code: 16, remark: 'Can not update config in black list.' });
  });

  it('values by namespace and key', async () => {
    await start();
    const get = (key: string): ReturnType<RawClient['request']> =>
      client.request({ code: 101, extFields: { namespace: 'n', key } });
    expect(await get('k')).to.include({ code: 22, remark: 'No config item, Namespace: n Key: k' });
    expect((await client.request({ code: 219, extFields: { namespace: 'n' } })).code).to.equal(22);
    await client.request({ code: 100, extFields: { namespace: 'n', key: 'k', value: 'v' } });
    expect((await get('k')).extFields['value']).to.equal('v');
    const list = await client.request({ code: 219, extFields: { namespace: 'n' } });
    expect(list.body.toString()).to.equal('{"table":{"k":"v"}}');
    await client.request({ code: 102, extFields: { namespace: 'n', key: 'k' } });
    expect((await get('k')).code).to.equal(22);
    expect(await client.request({ code: 100, extFields: { key: 'k' } })).to.include({
      code: 1,
      remark: 'namespace or key is null',
    });
  });

  it('a fixed layout that tools put there counts with orderMessageEnable only', async () => {
    await start();
    const layout = async (): Promise<string | undefined> =>
      (await client.call(getRouteInfoByTopic, { topic: TOPIC })).orderTopicConf;
    await client.request({
      code: 100,
      extFields: { namespace: 'ORDER_TOPIC_CONFIG', key: TOPIC, value: 'broker-a:4' },
    });
    expect(await layout()).to.equal(undefined);
    await client.request({ code: 318, body: Buffer.from('orderMessageEnable=true') });
    expect(await layout()).to.equal('broker-a:4');
    harness.cluster.updateTopic(TOPIC, { orderTopicConf: 'broker-a:2' });
    expect(await layout()).to.equal('broker-a:2');
  });

  it('a broker loses and gets back its permission to be written to', async () => {
    await start({ brokers: 2 });
    const perms = async (): Promise<number[]> =>
      (await client.call(getRouteInfoByTopic, { topic: TOPIC })).queueDatas.map((data) => data.perm);
    const wiped = await client.request({ code: 205, extFields: { brokerName: 'broker-b' } });
    expect(Number(wiped.extFields['wipeTopicCount'])).to.be.greaterThan(1);
    expect(await perms()).to.deep.equal([6, 4]);
    const added = await client.request({ code: 327, extFields: { brokerName: 'broker-b' } });
    expect(added.extFields['addTopicCount']).to.equal(wiped.extFields['wipeTopicCount']);
    expect(await perms()).to.deep.equal([6, 6]);
    const unknown = await client.request({ code: 205, extFields: { brokerName: 'broker-x' } });
    expect(unknown.extFields['wipeTopicCount']).to.equal('0');
  });
});
