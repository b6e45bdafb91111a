import { expect } from 'chai';
import { target } from '../support/target.js';
import { mqadmin, settingsOf, tableOf } from './admin-tool.js';
import { BODIES, type OnlineGroup, startOnlineGroup } from './online-group.js';

describe('mqadmin: consumer groups', () => {
  it('updateSubGroup configures a group, getConsumerConfig shows it, deleteSubGroup removes it', async () => {
    const group = target().unique('configured');
    const made = await mqadmin('updateSubGroup', '-c', 'DefaultCluster', '-g', group, '-r', '3', '-q', '2', '-o', 'true', '-d', 'true'); // prettier-ignore
    for (const address of (await target().admin.masters()).values()) {
      expect(made).to.include(`create subscription group to ${address} success.`);
    }
    const output = await mqadmin('getConsumerConfig', '-g', group);
    expect(output).to.include('DefaultCluster:broker-a=').and.include('DefaultCluster:broker-b=');
    expect(settingsOf(output)).to.include({
      groupName: group,
      consumeEnable: 'true',
      consumeFromMinEnable: 'false',
      consumeBroadcastEnable: 'true',
      consumeMessageOrderly: 'true',
      retryQueueNums: '2',
      retryMaxTimes: '3',
      brokerId: '0',
      whichBrokerWhenConsumeSlowly: '1',
      notifyConsumerIdsChangedEnable: 'true',
      groupSysFlag: '0',
      consumeTimeoutMinute: '15',
    });

    const policy = '{"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":5000,"max":7200000,"multiplier":2}}';
    const more = ['--attributes', '+priority.factor=7', '-p', policy];
    expect(await mqadmin('updateSubGroup', '-c', 'DefaultCluster', '-g', group, '-r', '3', ...more)).to.include(
      'success',
    );
    const changed = settingsOf(await mqadmin('getConsumerConfig', '-g', group));
    expect(changed).to.include({ attributes: '{priority.factor=7}', retryMaxTimes: '3', retryQueueNums: '1' });
    expect(changed['groupRetryPolicy']).to.match(/^GroupRetryPolicy\{type=EXPONENTIAL.*initial=5000/);

    const address = await target().admin.masterOf('broker-a');
    expect(await mqadmin('updateSubGroup', '-b', address, '-g', group, '-s', 'false')).to.include(
      'consumeEnable=false',
    );

    const gone = await mqadmin('deleteSubGroup', '-c', 'DefaultCluster', '-g', group);
    expect(gone).to.include(
      `delete subscription group [${group}] from broker [${address}] in cluster [DefaultCluster] success.`,
    );
  });

  it('setConsumeMode has a group pop, or pull again', async () => {
    const group = target().unique('mode');
    const topic = target().unique('mode');
    await target().createTopic(topic, 1);
    await target().createGroup(group);
    for (const mode of ['POP', 'PULL']) {
      const output = await mqadmin('setConsumeMode', '-c', 'DefaultCluster', '-t', topic, '-g', group, '-m', mode, '-q', '4'); // prettier-ignore
      for (const address of (await target().admin.masters()).values()) {
        expect(output).to.include(`set consume mode to ${address} success.`);
      }
      expect(output).to.include(`topic[${topic}] group[${group}] consume mode[${mode}] popShareQueueNum[4]`);
    }
  });

  it('a group that nobody has consumed with is not found', async () => {
    const group = target().unique('never');
    await target().createGroup(group);
    const problem = `CODE: 17  DESC: No topic route info in name server for the topic: %RETRY%${group}`;
    for (const command of ['consumerProgress', 'consumerConnection', 'consumerStatus']) {
      expect(await mqadmin(command, '-g', group), command).to.include(problem);
    }
  });

  describe('with a member', () => {
    let online: OnlineGroup;

    before(async () => {
      online = await startOnlineGroup();
    });

    after(() => online.stop());

    it('consumerProgress -g shows how far the group is', async () => {
      const { topic, group, clientId } = online;
      const output = await mqadmin('consumerProgress', '-g', group);
      const count = String(BODIES.length);
      expect(tableOf(output).find((row) => row['Topic'] === topic)).to.include({
        'Broker Name': 'broker-a',
        QID: '0',
        'Broker Offset': count,
        'Consumer Offset': count,
        Diff: '0',
        Inflight: '0',
      });
      expect(settingsOf(output)).to.include({ 'Consume Diff Total': '0', 'Consume Inflight Total': '0' });
      expect(settingsOf(output)['Consume TPS']).to.match(/^\d+\.\d\d$/);

      const withClients = tableOf(await mqadmin('consumerProgress', '-g', group, '-s', 'true'));
      const ip = clientId.slice(0, clientId.indexOf('@'));
      expect(withClients.find((row) => row['Topic'] === topic)).to.include({ 'Client IP': ip, Diff: '0' });

      const ofTopic = tableOf(await mqadmin('consumerProgress', '-g', group, '-t', topic));
      expect(ofTopic.map((row) => row['Topic'])).to.deep.equal([topic]);
    });

    it('consumerProgress shows every group', async () => {
      const rows = tableOf(await mqadmin('consumerProgress'));
      expect(rows.find((row) => row['Group'] === online.group)).to.include({
        Count: '1',
        Version: 'V5_3_3',
        Type: 'PUSH',
        Model: 'CLUSTERING',
        'Diff Total': '0',
      });
    });

    it('consumerConnection shows members and subscriptions', async () => {
      const { topic, group, clientId } = online;
      const output = await mqadmin('consumerConnection', '-g', group);
      const [member, ...others] = tableOf(output);
      expect(others).to.deep.equal([]);
      expect(member).to.include({ ClientId: clientId, Language: 'OTHER', Version: 'V5_3_3' });
      expect(member?.['ClientAddr']).to.match(/^127\.0\.0\.1:\d+$/);
      const lines = output.slice(output.indexOf('Below is subscription')).split('\n');
      const subscriptions = lines.map((line) => line.split(/\s+/)).filter((words) => words[1] === '*');
      expect(subscriptions.map((words) => words[0])).to.have.members([`%RETRY%${group}`, topic]);
      expect(settingsOf(output)).to.include({
        ConsumeType: 'CONSUME_PASSIVELY',
        MessageModel: 'CLUSTERING',
        ConsumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      });
    });

    it('producerConnection and producer show producers', async () => {
      const { topic, producerGroup, producerClientId } = online;
      const output = await mqadmin('producerConnection', '-g', producerGroup, '-t', topic);
      const [index, clientId, address, ...rest] = output.trim().split(/\s+/);
      expect([index, clientId, ...rest]).to.deep.equal(['0001', producerClientId, 'OTHER', 'V5_3_3']);
      expect(address).to.match(/^127\.0\.0\.1:\d+$/);

      const all = await mqadmin('producer', '-b', await target().admin.masterOf('broker-a'));
      const line = all.split('\n').find((candidate) => candidate.includes(producerGroup));
      expect(line).to.include(
        `producer group (${producerGroup}) instance : clientId=${producerClientId},remoteIP=/127.0.0.1:`,
      );
      expect(line).to.match(/language=OTHER, version=479, lastUpdateTimestamp=\d{13}$/);
    });

    it('consumerStatus asks the members how they fare', async () => {
      const { topic, group, clientId } = online;
      const output = await mqadmin('consumerStatus', '-g', group);
      expect(tableOf(output)[0]).to.include({ Index: '1', ClientId: clientId, Version: 'V5_3_3' });
      expect(output).to.include('Same subscription in the same group of consumer').and.include('Rebalance OK');

      const own = await mqadmin('consumerStatus', '-g', group, '-i', clientId);
      expect(settingsOf(own)).to.include({ PROP_CONSUMEORDERLY: 'true', PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY' });
      const offsets = own.slice(own.indexOf('#Topic', own.indexOf('#Consumer Offset#')));
      expect(tableOf(offsets).find((row) => row['Topic'] === topic)).to.include({
        'Consumer Offset': String(BODIES.length),
      });
      expect(own).to.match(/ProcessQueueInfo \[commitOffset=6,.*locked=true/);

      const unknown = await mqadmin('consumerStatus', '-g', group, '-i', 'nobody');
      expect(unknown).to.include(`The Consumer <${group}> <nobody> not online`);
    });

    it('topicList -c and statsAll name the groups of a topic', async () => {
      const { topic, group } = online;
      const listed = tableOf(await mqadmin('topicList', '-c')).find((row) => row['Topic'] === topic);
      expect(listed).to.include({ 'Consumer Group': group });
      const [row] = tableOf(await mqadmin('statsAll', '-t', topic));
      expect(row).to.include({ Topic: topic, 'Consumer Group': group, Accumulation: '0' });
    });

    it('brokerConsumeStats shows every group of a broker', async () => {
      const { topic, group } = online;
      const output = await mqadmin('brokerConsumeStats', '-b', await target().admin.masterOf('broker-a'));
      const row = tableOf(output).find((candidate) => candidate['Topic'] === topic && candidate['Group'] === group);
      expect(row).to.include({
        'Broker Name': 'broker-a',
        QID: '0',
        'Broker Offset': '6',
        'Consumer Offset': '6',
        Diff: '0',
      });
      expect(output).to.match(/Diff Total: \d+/);
    });

    it('a stopped member is gone', async () => {
      await online.stop();
      expect(await mqadmin('consumerConnection', '-g', online.group)).to.include(
        `CODE: 206  DESC: the consumer group[${online.group}] not online`,
      );
      const rows = tableOf(await mqadmin('consumerProgress'));
      expect(rows.find((row) => row['Group'] === online.group)).to.include({ Count: '0', Version: 'OFFLINE' });
      expect(await mqadmin('producerConnection', '-g', online.producerGroup, '-t', online.topic)).to.include(
        `the producer group[${online.producerGroup}] not exist`,
      );
    });
  });
});
