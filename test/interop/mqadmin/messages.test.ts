import { expect } from 'chai';
import { javaStringHash } from '../../../lib/protocol/java-hash.js';
import { target } from '../support/target.js';
import { mqadmin, settingsOf, tableOf } from './admin-tool.js';
import { startOnlineGroup } from './online-group.js';

describe('mqadmin: messages', () => {
  let topic: string;

  beforeEach(async () => {
    topic = target().unique('messages');
    await target().createTopic(topic, 2, { brokers: ['broker-a'] });
  });

  /** Sends a message to queue 1 of broker-a. Returns its unique key. */
  async function send(body: string, ...more: string[]): Promise<string> {
    const output = await mqadmin('sendMessage', '-t', topic, '-p', body, '-b', 'broker-a', '-i', '1', ...more);
    const [row] = tableOf(output);
    expect(row).to.include({ 'Broker Name': 'broker-a', QID: '1', 'Send Result': 'SEND_OK' });
    return row?.['MsgId'] ?? '';
  }

  it('sendMessage stores a message, queryMsgByOffset shows it', async () => {
    const msgId = await send('hello', '-k', 'order-1', '-c', 'Paid');
    const [stored] = await target().stored(topic);
    expect(stored).to.include({ tags: 'Paid', queueId: 1, queueOffset: 0 });
    expect(stored?.keys).to.deep.equal(['order-1']);
    expect(stored?.body.toString()).to.equal('hello');

    const shown = settingsOf(await mqadmin('queryMsgByOffset', '-t', topic, '-b', 'broker-a', '-i', '1', '-o', '0'));
    expect(shown).to.include({
      OffsetID: stored?.offsetMsgId,
      Topic: topic,
      Tags: '[Paid]',
      Keys: '[order-1]',
      'Queue ID': '1',
      'Queue Offset': '0',
      'CommitLog Offset': String(stored?.commitLogOffset),
      'Reconsume Times': '0',
      'Store Host': await target().admin.masterOf('broker-a'),
      'System Flag': '0',
    });
    expect(shown['Properties']).to.include(`UNIQ_KEY=${msgId}`).and.include('MAX_OFFSET=1').and.include('MIN_OFFSET=0');
  });

  it('queryMsgById finds a message by its place and says who has consumed it', async () => {
    const online = await startOnlineGroup();
    try {
      const stored = (await target().stored(online.topic)).find((message) => message.keys.includes('key-3'));
      const offsetMsgId = stored?.offsetMsgId ?? '';
      const output = await mqadmin('queryMsgById', '-i', offsetMsgId, '-t', online.topic);
      expect(settingsOf(output)).to.include({
        OffsetID: offsetMsgId,
        Tags: '[Odd]',
        Keys: '[key-3]',
        'Queue Offset': '3',
      });
      expect(output).to.include(`MessageTrack [consumerGroup=${online.group}, trackType=CONSUMED, exceptionDesc=null]`);

      // Given to one client once more, whatever the group's offset.
      const { clientId, group, seen } = online;
      const pushed = await mqadmin('queryMsgById', '-i', offsetMsgId, '-t', online.topic, '-g', group, '-d', clientId);
      expect(pushed).to.include('ConsumeMessageDirectlyResult [order=true, autoCommit=true, consumeResult=CR_SUCCESS');
      expect(seen[seen.length - 1]).to.equal('m3');
    } finally {
      await online.stop();
    }
  });

  it('queryMsgByUniqueKey finds a message by the id its producer gave it, and gives it to a client', async () => {
    const msgId = await send('unique');
    const shown = settingsOf(await mqadmin('queryMsgByUniqueKey', '-i', msgId, '-t', topic));
    expect(shown).to.include({ Topic: topic, 'Queue ID': '1', 'Queue Offset': '0' });

    const online = await startOnlineGroup();
    try {
      const { clientId, group, seen } = online;
      const stored = (await target().stored(online.topic)).find((message) => message.keys.includes('key-2'));
      const pushed = await mqadmin('queryMsgByUniqueKey', '-i', stored?.msgId ?? '', '-t', online.topic, '-g', group, '-d', clientId); // prettier-ignore
      expect(pushed).to.include('consumeResult=CR_SUCCESS');
      expect(seen[seen.length - 1]).to.equal('m2');
    } finally {
      await online.stop();
    }
  });

  it('queryMsgByKey finds the messages of a key', async () => {
    const ids = [await send('one', '-k', 'order-7'), await send('two', '-k', 'order-7')];
    await send('three', '-k', 'order-8');
    const rows = tableOf(await mqadmin('queryMsgByKey', '-t', topic, '-k', 'order-7'));
    expect(rows.map((row) => row['Message ID'])).to.have.members(ids);
    expect(rows.map((row) => [row['QID'], row['Offset']?.split(' ')[0]])).to.have.deep.members([
      ['1', '0'],
      ['1', '1'],
    ]);
  });

  it('queryMsgByKey and queryMsgByUniqueKey say so when there is nothing', async () => {
    expect(await mqadmin('queryMsgByKey', '-t', topic, '-k', 'nothing')).to.include('CODE: 208  DESC: query message by key finished, but no message.'); // prettier-ignore
    const unknown = await mqadmin('queryMsgByUniqueKey', '-t', topic, '-i', '7F0000010001000000000000000000FF');
    expect(settingsOf(unknown)).not.to.have.property('Topic');
  });

  it('printMsg and printMsgByQueue print all messages', async () => {
    await send('first', '-c', 'Even');
    await send('second', '-c', 'Odd');
    await send('third', '-c', 'Even');
    const bodiesIn = (output: string): string[] => [...output.matchAll(/ BODY: (\w+)/g)].map((match) => match[1] ?? '');
    const all = await mqadmin('printMsg', '-t', topic, '-d', 'true');
    expect(bodiesIn(all)).to.deep.equal(['first', 'second', 'third']);
    expect(all).to.include(`minOffset=0, maxOffset=3, MessageQueue [topic=${topic}, brokerName=broker-a, queueId=1]`);
    expect(bodiesIn(await mqadmin('printMsg', '-t', topic, '-d', 'true', '-s', 'Odd'))).to.deep.equal(['second']);

    const queue = ['-t', topic, '-a', 'broker-a', '-i', '1'];
    const ofQueue = await mqadmin('printMsgByQueue', ...queue, '-d', 'true', '-p', 'true', '-f', 'true');
    expect(bodiesIn(ofQueue)).to.deep.equal(['first', 'second', 'third']);
    expect(ofQueue)
      .to.match(/Tag: Even +Count: 2/)
      .and.match(/Tag: Odd +Count: 1/);
  });

  it('consumeMessage pulls messages', async () => {
    await send('first');
    await send('second');
    const one = await mqadmin('consumeMessage', '-t', topic, '-b', 'broker-a', '-i', '1', '-o', '1', '-c', '1');
    expect(one).to.include('Consume ok').and.include('BODY: second').and.not.include('BODY: first');
    const all = await mqadmin('consumeMessage', '-t', topic, '-c', '10');
    expect(all).to.include('BODY: first').and.include('BODY: second');
  });

  it('queryCq shows the index of a queue', async () => {
    await send('first', '-c', 'Even');
    const address = await target().admin.masterOf('broker-a');
    const [stored] = await target().stored(topic);
    const output = await mqadmin('queryCq', '-t', topic, '-q', '1', '-i', '0', '-c', '5', '-b', address);
    expect(output).to.include('max: 1, min: 0').and.include('idx: 0');
    expect(output).to.include(
      `ConsumeQueueData{physicOffset=${stored?.commitLogOffset}, physicSize=${stored?.storeSize}, tagsCode=${javaStringHash('Even')},`,
    );
    const group = target().unique('nobody');
    const offline = await mqadmin('queryCq', '-t', topic, '-q', '1', '-i', '0', '-c', '5', '-b', address, '-g', group);
    expect(offline).to.include(`${group}@${topic} is not online!`);
  });
});
