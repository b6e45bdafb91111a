import { expect } from 'chai';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { target } from '../support/target.js';
import { mqadmin, routeOf, tableOf } from './admin-tool.js';

/** What a broker of 5.5.0 has before anybody makes a topic; `#` stands for its own name. */
const SYSTEM_TOPICS = [
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'BenchmarkTest',
  'OFFSET_MOVED_EVENT',
  'TBW102',
  'RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC',
  'rmq_sys_REVIVE_LOG_DefaultCluster',
  'SELF_TEST_TOPIC',
  'DefaultCluster',
  'SCHEDULE_TOPIC_XXXX',
  'DefaultCluster_REPLY_TOPIC',
  'rmq_sys_wheel_timer',
  'rmq_sys_SYNC_BROKER_MEMBER_broker-a',
  'rmq_sys_SYNC_BROKER_MEMBER_broker-b',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC',
  'broker-a',
  'broker-b',
];

describe('mqadmin: topics', () => {
  it('updateTopic makes a topic on a cluster, topicRoute shows it, deleteTopic removes it', async () => {
    const topic = target().unique('made');
    const made = await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', topic, '-r', '4', '-w', '2');
    for (const address of (await target().admin.masters()).values()) {
      expect(made).to.include(`create topic to ${address} success.`);
    }
    expect(made).to.include(
      `TopicConfig [topicName=${topic}, readQueueNums=4, writeQueueNums=2, perm=RW-, topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, attributes={}]`,
    );
    expect((await routeOf(topic)).queues).to.deep.equal({ 'broker-a': [4, 2], 'broker-b': [4, 2] });

    const gone = await mqadmin('deleteTopic', '-c', 'DefaultCluster', '-t', topic);
    expect(gone).to.include(`delete topic [${topic}] from cluster [DefaultCluster] success.`);
    expect(gone).to.include(`delete topic [${topic}] from NameServer success.`);
    expect(await mqadmin('topicRoute', '-t', topic)).to.include(
      `CODE: 17  DESC: No topic route info in name server for the topic: ${topic}`,
    );
  });

  it('updateTopic on one broker, with attributes and a fixed order', async () => {
    const topic = target().unique('one');
    const address = await target().admin.masterOf('broker-b');
    await mqadmin('updateTopic', '-b', address, '-t', topic, '-r', '3', '-w', '3', '-a', '+message.type=FIFO');
    expect((await routeOf(topic)).queues).to.deep.equal({ 'broker-b': [3, 3] });
    const config = await target().admin.ask(address, { code: RequestCode.GET_TOPIC_CONFIG, ext: { topic } });
    expect(JSON.parse(config.body.toString())).to.deep.equal({
      attributes: { 'message.type': 'FIFO' },
      order: false,
      perm: 6,
      readQueueNums: 3,
      topicFilterType: 'SINGLE_TAG',
      topicName: topic,
      topicSysFlag: 0,
      writeQueueNums: 3,
    });

    const again = ['-b', address, '-t', topic, '-r', '3', '-w', '3', '-a'];
    for (const [attributes, problem] of [
      ['+nothing=1', 'CODE: 1  DESC: unsupported key: nothing'],
      ['+queue.type=BatchCQ', 'CODE: 1  DESC: attempt to update an unchangeable attribute. key: queue.type'],
      ['+message.type=MIXED', 'CODE: 29  DESC: MIXED message type is not supported.'],
    ] as const) {
      expect(await mqadmin('updateTopic', ...again, attributes), attributes).to.include(problem);
    }

    const ordered = await mqadmin(
      'updateTopic',
      '-c',
      'DefaultCluster',
      '-t',
      topic,
      '-r',
      '2',
      '-w',
      '2',
      '-o',
      'true',
    );
    expect(ordered).to.match(/set cluster orderConf\. isOrder=true, orderConf=\[broker-[ab]:2;broker-[ab]:2\]/);
    const { namesrvAddr, admin } = target();
    const ask = { code: RequestCode.GET_KV_CONFIG, ext: { namespace: 'ORDER_TOPIC_CONFIG', key: topic } };
    expect((await admin.ask(namesrvAddr, ask)).extFields['value']).to.match(/^broker-[ab]:2;broker-[ab]:2$/);
  });

  it('updateTopic of a system topic is refused', async () => {
    for (const topic of ['broker-a', 'DefaultCluster', 'SELF_TEST_TOPIC']) {
      const address = await target().admin.masterOf('broker-a');
      expect(await mqadmin('updateTopic', '-b', address, '-t', topic)).to.include(
        `The topic[${topic}] is conflict with system topic.`,
      );
    }
  });

  it('updateTopicPerm changes the permission on a cluster or one broker', async () => {
    const topic = target().unique('perm');
    await target().createTopic(topic, 2);
    const address = await target().admin.masterOf('broker-a');
    const changed = await mqadmin('updateTopicPerm', '-t', topic, '-p', '4', '-b', address);
    expect(changed).to.include(`update topic perm from 6 to 4 in ${address} success.`);
    expect((await routeOf(topic)).perms).to.deep.equal({ 'broker-a': 4, 'broker-b': 6 });
    await mqadmin('updateTopicPerm', '-t', topic, '-p', '2', '-c', 'DefaultCluster');
    expect((await routeOf(topic)).perms).to.deep.equal({ 'broker-a': 2, 'broker-b': 2 });
  });

  it('topicList shows the topics, those of the brokers too', async () => {
    const topic = target().unique('listed');
    await target().createTopic(topic, 1);
    const topics = (await mqadmin('topicList')).split('\n');
    expect(topics).to.include.members([...SYSTEM_TOPICS, topic]);
    const system = topics.filter((name) => /^(rmq_sys|RMQ_SYS|broker-|DefaultCluster|[A-Z_]+$)/.test(name));
    // A transaction that nobody ends leaves one more behind.
    const early = system.filter((name) => name !== 'TRANS_CHECK_MAX_TIME_TOPIC' && name !== '');
    expect(early).to.have.members(SYSTEM_TOPICS.filter((name) => name !== 'BenchmarkTest' && name !== 'TBW102'));
    const rows = tableOf(await mqadmin('topicList', '-c'));
    expect(rows.find((row) => row['Topic'] === topic)).to.include({ 'Cluster Name': 'DefaultCluster' });
  });

  it('topicClusterList names the clusters of a topic', async () => {
    const topic = target().unique('clusters');
    await target().createTopic(topic, 1);
    expect((await mqadmin('topicClusterList', '-t', topic)).trim()).to.equal('DefaultCluster');
  });

  it('topicStatus shows where the queues begin and end', async () => {
    const topic = target().unique('status');
    await target().createTopic(topic, 2);
    for (const body of ['a', 'b']) await mqadmin('sendMessage', '-t', topic, '-p', body, '-b', 'broker-a', '-i', '1');
    const output = await mqadmin('topicStatus', '-t', topic);
    const rows = tableOf(output).map((row) => {
      const { 'Broker Name': broker, QID, 'Min Offset': min, 'Max Offset': max } = row;
      return [broker, QID, min, max, (row['Last Updated'] ?? '') !== ''];
    });
    expect(rows).to.deep.equal([
      ['broker-a', '0', '0', '0', false],
      ['broker-a', '1', '0', '2', true],
      ['broker-b', '0', '0', '0', false],
      ['broker-b', '1', '0', '0', false],
    ]);
    expect(output).to.match(/Topic Put TPS: \d+\.\d+/);
  });

  it('statsAll shows a topic without consumers', async () => {
    const topic = target().unique('stats');
    await target().createTopic(topic, 1);
    const [row] = tableOf(await mqadmin('statsAll', '-t', topic));
    expect(Object.values(row ?? {})).to.include.members([topic, '0', '0.00', 'NO_CONSUMER']);
  });
});
