import { expect } from 'chai';
import { until } from '../../support/until.js';
import { target } from '../support/target.js';
import { mqadmin, tableOf } from './admin-tool.js';
import { BODIES, startOnlineGroup } from './online-group.js';

describe('mqadmin: offsets', () => {
  /** A group that nobody is in, and a topic of one queue on broker-a with three messages. */
  async function offlineGroup(): Promise<{ topic: string; group: string; address: string }> {
    const topic = target().unique('offline');
    const group = target().unique('offline-group');
    await target().createTopic(topic, 1, { brokers: ['broker-a'] });
    await target().createGroup(group);
    for (const body of ['a', 'b', 'c']) await mqadmin('sendMessage', '-t', topic, '-p', body);
    return { topic, group, address: await target().admin.masterOf('broker-a') };
  }

  function offsetsIn(output: string): [string, string, string][] {
    return tableOf(output).map((row) => [row['brokerName'] ?? '', row['queueId'] ?? '', row['offset'] ?? '']);
  }

  it('resetOffsetByTime without a member', async () => {
    const { topic, group } = await offlineGroup();
    const toEnd = await mqadmin('resetOffsetByTime', '-g', group, '-t', topic, '-s', 'now');
    expect(toEnd).to.match(
      new RegExp(`start reset consumer offset by specified, group\\[${group}\\], topic\\[${topic}\\], force\\[true\\]`),
    );
    expect(offsetsIn(toEnd)).to.deep.equal([['broker-a', '0', '3']]);
    expect(await target().committed(group, topic)).to.equal(3);
    const toStart = await mqadmin('resetOffsetByTime', '-g', group, '-t', topic, '-s', '0');
    expect(offsetsIn(toStart)).to.deep.equal([['broker-a', '0', '0']]);
    expect(await target().committed(group, topic)).to.equal(0);
  });

  it('resetOffsetByTime of one queue to an offset', async () => {
    const { topic, group, address } = await offlineGroup();
    const queue = ['-g', group, '-t', topic, '-s', 'now', '-b', address, '-q', '0'];
    expect(await mqadmin('resetOffsetByTime', ...queue, '-o', '2')).to.include('reset consumer offset to 2');
    expect(await target().committed(group, topic)).to.equal(2);
    expect(await mqadmin('resetOffsetByTime', ...queue, '-o', '9')).to.include(
      'CODE: 1  DESC: Target offset 9 not in consume queue range [0-3]',
    );
    expect(await mqadmin('resetOffsetByTime', ...queue)).to.include('reset consumer offset to 3');
    expect(await target().committed(group, topic)).to.equal(3);
  });

  it('resetOffsetByTime of a group or topic that is not there', async () => {
    const { topic, group } = await offlineGroup();
    const nobody = target().unique('nobody');
    expect(await mqadmin('resetOffsetByTime', '-g', nobody, '-t', topic, '-s', 'now')).to.include(
      `CODE: 26  DESC: Group ${nobody} does not exist`,
    );
    expect(await mqadmin('resetOffsetByTime', '-g', group, '-t', nobody, '-s', 'now')).to.include('CODE: 17');
  });

  it('skipAccumulatedMessage moves a group to the end', async () => {
    const { topic, group } = await offlineGroup();
    const skipped = await mqadmin('skipAccumulatedMessage', '-g', group, '-t', topic);
    expect(offsetsIn(skipped)).to.deep.equal([['broker-a', '0', '3']]);
    expect(await target().committed(group, topic)).to.equal(3);
  });

  it('resetOffsetByTime has a member consume everything again', async () => {
    const online = await startOnlineGroup();
    try {
      const { topic, group, seen } = online;
      const output = await mqadmin('resetOffsetByTime', '-g', group, '-t', topic, '-s', '0');
      expect(offsetsIn(output)).to.deep.equal([['broker-a', '0', '0']]);
      // A held pull hears of the reset when it ends, within 15 s; a message ends it at once.
      await mqadmin('sendMessage', '-t', topic, '-p', 'm6');
      await until('the member has consumed everything again', async () =>
        Promise.resolve(seen.slice(BODIES.length).includes('m6') ? true : undefined),
      );
      const again = seen.slice(seen.lastIndexOf('m0'));
      expect(again.slice(0, BODIES.length + 1)).to.deep.equal([...BODIES, 'm6']);
    } finally {
      await online.stop();
    }
  });

  it('cloneGroupOffset gives a group the offsets of another', async () => {
    const online = await startOnlineGroup();
    try {
      const { topic, group } = online;
      const heir = target().unique('heir');
      const clone = ['-s', group, '-d', heir, '-t', topic];
      expect(await mqadmin('cloneGroupOffset', ...clone)).to.include(`CODE: 26  DESC: Group ${heir} not exist!`);
      await target().createGroup(heir);
      expect(await mqadmin('cloneGroupOffset', ...clone)).to.include(
        `clone group offset success. srcGroup[${group}], destGroup=[${heir}], topic[${topic}]`,
      );
      expect(await target().committed(heir, topic)).to.equal(BODIES.length);
    } finally {
      await online.stop();
    }
  });

  it('deleteSubGroup -r true forgets the offsets', async () => {
    const { topic, group } = await offlineGroup();
    await mqadmin('skipAccumulatedMessage', '-g', group, '-t', topic);
    await mqadmin('deleteSubGroup', '-c', 'DefaultCluster', '-g', group, '-r', 'true');
    expect(await target().committed(group, topic)).to.equal(0);
  });
});
