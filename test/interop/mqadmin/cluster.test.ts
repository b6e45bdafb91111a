import { expect } from 'chai';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { until } from '../../support/until.js';
import { target } from '../support/target.js';
import { mqadmin, routeOf, settingsOf, tableOf } from './admin-tool.js';

describe('mqadmin: the cluster', () => {
  it('clusterList shows every broker', async () => {
    const masters = await target().admin.masters();
    const rows = tableOf(await mqadmin('clusterList'));
    expect(rows.map((row) => [row['Broker Name'], row['BID'], row['Addr']])).to.have.deep.members(
      [...masters].map(([name, address]) => [name, '0', address]),
    );
    for (const row of rows) {
      expect(row).to.include({ 'Cluster Name': 'DefaultCluster', Version: 'V5_5_0', ACTIVATED: 'true' });
    }
  });

  it('clusterList -m counts what came in and went out', async () => {
    const totals = async (): Promise<{ came: number; went: number }> => {
      const rows = tableOf(await mqadmin('clusterList', '-m'));
      const sum = (name: string): number => rows.reduce((total, row) => total + Number(row[name]), 0);
      return { came: sum('InTotalToday'), went: sum('OutTotalToday') };
    };
    const topic = target().unique('totals');
    await target().createTopic(topic, 1);
    const before = await totals();
    for (const body of ['one', 'two', 'three']) await mqadmin('sendMessage', '-t', topic, '-p', body);
    await mqadmin('printMsg', '-t', topic);
    const after = await totals();
    // Other cases may have left clients behind.
    expect(after.came - before.came).to.be.at.least(3);
    expect(after.went - before.went).to.be.at.least(3);
  });

  it('brokerStatus tells how a broker fares', async () => {
    const address = await target().admin.masterOf('broker-a');
    const status = settingsOf(await mqadmin('brokerStatus', '-b', address));
    expect(status).to.include({
      brokerActive: 'true',
      brokerVersionDesc: 'V5_5_0',
      dispatchBehindBytes: '0',
      putMessageFailedTimes: '0',
      sendThreadPoolQueueCapacity: '10000',
      pullThreadPoolQueueCapacity: '100000',
      EndTransactionThreadPoolQueueCapacity: '100000',
      timerReadBehind: '0',
    });
    for (const name of ['bootTimestamp', 'commitLogMaxOffset', 'msgPutTotalTodayNow', 'msgGetTotalTodayNow']) {
      expect(Number(status[name]), name).to.be.a('number').that.is.at.least(0);
    }
    expect(status['runtime']).to.match(/^\[ \d+ days, \d+ hours, \d+ minutes, \d+ seconds \]$/);
    const ofCluster = await mqadmin('brokerStatus', '-c', 'DefaultCluster');
    for (const one of (await target().admin.masters()).values()) expect(ofCluster).to.include(one);
  });

  it('getBrokerConfig shows the settings, updateBrokerConfig changes them', async () => {
    const address = await target().admin.masterOf('broker-a');
    const settings = settingsOf(await mqadmin('getBrokerConfig', '-b', address));
    expect(settings).to.include({
      autoCreateSubscriptionGroup: 'true',
      autoCreateTopicEnable: 'true',
      brokerClusterName: 'DefaultCluster',
      brokerId: '0',
      brokerName: 'broker-a',
      brokerPermission: '6',
      brokerRole: 'ASYNC_MASTER',
      defaultTopicQueueNums: '8',
      enablePropertyFilter: 'true',
      listenPort: address.split(':')[1] ?? '',
      maxMessageSize: '4194304',
      messageDelayLevel: '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h',
      transactionCheckMax: '15',
      useServerSideResetOffset: 'true',
    });
    expect(Object.keys(settings)).to.have.length.greaterThan(480);

    const change = (name: string, value: string): Promise<string> =>
      mqadmin('updateBrokerConfig', '-b', address, '-k', name, '-v', value);
    expect(await change('slaveReadEnable', 'true')).to.include(`update broker config success, ${address}`);
    expect(await change('nothingOfThatName', 'x')).to.include(`update broker config success, ${address}`);
    const changed = settingsOf(await mqadmin('getBrokerConfig', '-b', address));
    expect(changed).to.include({ slaveReadEnable: 'true' }).and.not.have.property('nothingOfThatName');
    await change('slaveReadEnable', 'false');
    expect(await change('rocketmqHome', '/elsewhere')).to.include(
      'CODE: 16  DESC: Can not update config in black list.',
    );
  });

  it('updateBrokerConfig brokerPermission makes a broker read only', async () => {
    const topic = target().unique('read-only');
    await target().createTopic(topic, 1);
    const address = await target().admin.masterOf('broker-a');
    const permsBecome = (perms: Record<string, number>): Promise<unknown> =>
      until(`the permissions ${JSON.stringify(perms)}`, async () => {
        const now = (await routeOf(topic)).perms;
        return JSON.stringify(now) === JSON.stringify(perms) ? true : undefined;
      });
    await mqadmin('updateBrokerConfig', '-b', address, '-k', 'brokerPermission', '-v', '4');
    try {
      await permsBecome({ 'broker-a': 4, 'broker-b': 6 });
    } finally {
      await mqadmin('updateBrokerConfig', '-b', address, '-k', 'brokerPermission', '-v', '6');
    }
    await permsBecome({ 'broker-a': 6, 'broker-b': 6 });
  });

  it('wipeWritePerm and addWritePerm change what name servers say', async () => {
    const topic = target().unique('wiped');
    await target().createTopic(topic, 1);
    const { namesrvAddr } = target();
    const wiped = await mqadmin('wipeWritePerm', '-b', 'broker-b');
    try {
      expect(wiped).to.match(
        new RegExp(`wipe write perm of broker\\[broker-b\\] in name server\\[${namesrvAddr}\\] OK, \\d+`),
      );
      expect((await routeOf(topic)).perms).to.deep.equal({ 'broker-a': 6, 'broker-b': 4 });
    } finally {
      expect(await mqadmin('addWritePerm', '-b', 'broker-b')).to.match(/add write perm .* OK, \d+/);
    }
    expect((await routeOf(topic)).perms).to.deep.equal({ 'broker-a': 6, 'broker-b': 6 });
  });

  it('getNamesrvConfig and updateNamesrvConfig', async () => {
    const settings = settingsOf(await mqadmin('getNamesrvConfig'));
    expect(settings).to.include({ orderMessageEnable: 'false', enableAllTopicList: 'true', productEnvName: 'center' });
    await mqadmin('updateNamesrvConfig', '-k', 'productEnvName', '-v', 'test');
    expect(settingsOf(await mqadmin('getNamesrvConfig'))).to.include({ productEnvName: 'test' });
    await mqadmin('updateNamesrvConfig', '-k', 'productEnvName', '-v', 'center');
    expect(await mqadmin('updateNamesrvConfig', '-k', 'kvConfigPath', '-v', '/x')).to.include('CODE: 16');
  });

  it('updateKvConfig and deleteKvConfig', async () => {
    const namespace = target().unique('space');
    const ask = { code: RequestCode.GET_KV_CONFIG, ext: { namespace, key: 'colour' } };
    await mqadmin('updateKvConfig', '-s', namespace, '-k', 'colour', '-v', 'green');
    const reply = await target().admin.ask(target().namesrvAddr, ask);
    expect(reply.extFields['value']).to.equal('green');
    await mqadmin('deleteKvConfig', '-s', namespace, '-k', 'colour');
    const gone = await target()
      .admin.ask(target().namesrvAddr, ask)
      .catch((error: unknown) => String(error));
    expect(gone).to.include(`22: No config item, Namespace: ${namespace} Key: colour`);
  });
});
