import { expect } from 'chai';
import { ValidationError } from '../../../../lib/errors.js';
import { RequestCode, ResponseCode } from '../../../../lib/protocol/codes.js';
import { decodeMessages } from '../../../../lib/protocol/message.js';
import { getConsumerListByGroup } from '../../../../lib/protocol/requests/get-consumer-list-by-group.js';
import { getMaxOffset } from '../../../../lib/protocol/requests/get-max-offset.js';
import { lockBatchMq } from '../../../../lib/protocol/requests/lock-batch-mq.js';
import { type PullMessageReply, pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../../lib/protocol/requests/query-consumer-offset.js';
import { updateConsumerOffset } from '../../../../lib/protocol/requests/update-consumer-offset.js';
import { type FaultRule, type Faults, MockClock } from '../../../../mock-broker/index.js';
import { beat, GROUP, holdOf, MockHarness, pullOf, queueOf, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('faults of each kind, on the wire', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual();
    harness = await MockHarness.start({ clock });
    client = await harness.connect();
  });

  afterEach(() => harness.stop());

  const question = getMaxOffset.encode({ topic: TOPIC, queueId: 0 });
  const fault = (rule: FaultRule): ReturnType<Faults['add']> => harness.cluster.faults.add(rule);
  const produce = (...bodies: string[]): void => {
    for (const body of bodies) harness.cluster.produce(TOPIC, { queueId: 0, body });
  };
  const lock = async (clientId: string, ...queueIds: number[]): Promise<number[]> => {
    const queues = queueIds.map((queueId) => queueOf(queueId));
    const { lockedQueues } = await client.call(lockBatchMq, { consumerGroup: GROUP, clientId, queues });
    return lockedQueues.map((queue) => queue.queueId).sort();
  };
  const owner = (queueId: number): string | undefined =>
    harness.cluster.locks(GROUP).find((held) => held.queue.queueId === queueId)?.clientId;

  it('have ids, can be found, counted and watched', async () => {
    const { faults } = harness.cluster;
    let changes = 0;
    const stop = faults.onChange(() => changes++);
    const first = fault({ code: 'GET_MAX_OFFSET', after: 1, times: 1, action: { type: 'duplicate' } });
    const second = fault({ code: [11, 'HEART_BEAT'], action: { type: 'drop' } });
    expect([first.id, second.id, faults.get('f2')]).to.deep.equal(['f1', 'f2', second]);
    for (let i = 0; i < 3; i++) await client.request(question);
    expect([first.hits, first.matched, second.matched]).to.deep.equal([1, 3, 0]);
    expect(faults.remove('f1')).to.equal(true);
    expect([faults.remove('f1'), faults.get('f1')]).to.deep.equal([false, undefined]);
    expect(changes).to.equal(4);
    stop();
    faults.clear();
    expect(changes).to.equal(4);
  });

  it('are refused for requests they mean nothing to', () => {
    const rules: FaultRule[] = [
      { code: 11, action: { type: 'lock', do: 'refuse' } },
      { code: 'PULL_MESSAGE', action: { type: 'members' } },
      { code: 14, action: { type: 'offset', do: 'lose' } },
      { code: 'NOTHING', action: { type: 'drop' } },
      { group: GROUP, action: { type: 'refuse' } },
      { action: { type: 'throttle', bytesPerSecond: 0 } },
      { times: -1, action: { type: 'drop' } },
    ];
    for (const rule of rules) expect(() => fault(rule), JSON.stringify(rule)).to.throw(ValidationError);
  });

  describe('connections', () => {
    it('fall silent, and go on when the rule is taken back', async () => {
      const silence = fault({ code: RequestCode.GET_MAX_OFFSET, action: { type: 'halfOpen' } });
      const opaques = [client.send(question), client.send(question)];
      await silence.waitForHits();
      clock.advance(200_000);
      const other = await harness.connect();
      expect((await other.request({ code: 105 })).code).to.equal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
      expect(client.received).to.have.length(0);
      expect(client.socket.destroyed).to.equal(false);
      expect(harness.cluster.journal.filter({ code: 30 }), 'the second was not even read').to.have.length(1);
      silence.remove();
      for (const opaque of opaques) expect((await client.reply(opaque)).code).to.equal(0);
    });

    it('fall silent for a time', async () => {
      const silence = fault({ times: 1, action: { type: 'halfOpen', ms: 500 } });
      const opaque = client.send(question);
      await silence.waitForHits();
      clock.advance(499);
      expect(client.received).to.have.length(0);
      clock.advance(1);
      expect((await client.reply(opaque)).code).to.equal(0);
    });

    it('are refused when they are new, at one broker or all', async () => {
      const refusal = fault({ broker: 'broker-a', times: 1, action: { type: 'refuse' } });
      const refused = await harness.connect();
      await refused.closed;
      expect([refusal.hits, refused.received.length]).to.deep.equal([1, 0]);
      expect((await client.request(question)).code).to.equal(0);
      expect((await (await harness.connect()).request(question)).code).to.equal(0);
    });

    it('trickle, by the clock', async () => {
      fault({ times: 1, action: { type: 'throttle', bytesPerSecond: 100 } });
      const opaque = client.send(question);
      let done = false;
      const reply = client.reply(opaque).finally(() => (done = true));
      let waited = 0;
      while (!done && waited < 60_000) {
        await clock.run(100);
        waited += 100;
      }
      expect((await reply).code).to.equal(0);
      const bytes = client.chunks.reduce((sum, size) => sum + size, 0);
      expect(client.chunks.length).to.be.greaterThan(5);
      expect(waited).to.be.at.least((bytes / 100) * 1000 - 200);
    });
  });

  describe('corrupt', () => {
    for (const what of ['length', 'header'] as const) {
      it(`a frame's ${what}: it can't be read`, async () => {
        fault({ action: { type: 'corrupt', what } });
        const chunks: Buffer[] = [];
        const other = await harness.connect();
        other.socket.removeAllListeners('data');
        const arrived = new Promise<void>((resolve) => {
          other.socket.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            resolve();
          });
        });
        other.send(question);
        await arrived;
        const bytes = Buffer.concat(chunks);
        if (what === 'length') expect(bytes.readInt32BE(0)).to.equal(0x7fffffff);
        else expect(bytes.subarray(8, 12).toString('hex')).to.equal('ffffffff');
      });
    }

    const damages = { magic: 'MAGIC', crc: 'CRC', compression: 'COMPRESSION', truncate: 'TRUNCATED' } as const;
    for (const what of Object.keys(damages) as (keyof typeof damages)[]) {
      it(`the first message's ${what}, and nothing else`, async () => {
        produce('one', 'two');
        fault({ times: 1, action: { type: 'corrupt', what } });
        const damaged = await client.call(pullMessage, pullOf());
        const sound = await client.call(pullMessage, pullOf());
        expect(sound.body.length).to.be.greaterThan(0);
        expect(damaged.body.equals(sound.body)).to.equal(false);
        expect(damaged.nextBeginOffset).to.equal(2);
        const read = (body: Buffer): string[] => {
          const { messages } = decodeMessages(body, { brokerName: 'broker-a' });
          return messages.map((message) => {
            try {
              return message.body.toString();
            } catch {
              return 'unreadable';
            }
          });
        };
        expect(read(sound.body)).to.deep.equal(['one', 'two']);
        if (what === 'truncate') expect(damaged.body.length).to.be.lessThan(sound.body.length / 2);
        else if (what === 'compression') expect(read(damaged.body)).to.deep.equal(['unreadable', 'two']);
        else {
          // The records differ in these four bytes alone.
          const at = what === 'magic' ? 4 : 8;
          expect(damaged.body.subarray(at + 4).equals(sound.body.subarray(at + 4))).to.equal(true);
          expect(damaged.body.readInt32BE(at)).to.equal(~sound.body.readInt32BE(at));
        }
      });
    }

    it('leaves answers without messages as they are', async () => {
      fault({ action: { type: 'corrupt', what: 'magic' } });
      expect((await client.request(question)).code).to.equal(0);
    });
  });

  describe('locks', () => {
    it('are refused, all or those of one queue', async () => {
      fault({ times: 1, action: { type: 'lock', do: 'refuse' } });
      fault({ queueId: 1, times: 1, action: { type: 'lock', do: 'refuse' } });
      expect(await lock('a', 0, 1)).to.deep.equal([]);
      expect(harness.cluster.locks(GROUP)).to.have.length(0);
      expect(await lock('a', 0, 1)).to.deep.equal([0]);
      expect(await lock('a', 0, 1)).to.deep.equal([0, 1]);
    });

    it('are granted though another holds them, which does not know', async () => {
      harness.provokes('twoOwners');
      await lock('a', 0);
      fault({ clientId: 'b', queueId: 0, action: { type: 'lock', do: 'grant' } });
      expect(await lock('b', 0, 1)).to.deep.equal([0, 1]);
      expect([owner(0), owner(1)]).to.deep.equal(['a', 'b']);
    });

    it('are stolen first', async () => {
      await lock('a', 0, 1);
      fault({ queueId: 0, times: 1, action: { type: 'lock', do: 'steal', by: 'z' } });
      fault({ times: 1, action: { type: 'lock', do: 'steal' } });
      expect(await lock('a', 0, 1)).to.deep.equal([1]);
      expect(owner(0)).to.equal('z');
      expect(await lock('a', 1)).to.deep.equal([]);
      expect(owner(1)).to.equal('thief');
    });

    it('expire or are forgotten first', async () => {
      harness.provokes('twoOwners');
      await lock('a', 0, 1);
      fault({ clientId: 'b', times: 1, action: { type: 'lock', do: 'expire' } });
      expect(await lock('b', 0)).to.deep.equal([0]);
      expect(owner(1)).to.equal('a');
      fault({ clientId: 'c', times: 1, action: { type: 'lock', do: 'forget' } });
      expect(await lock('c', 0)).to.deep.equal([0]);
      expect(owner(1)).to.equal(undefined);
    });
  });

  describe('offsets', () => {
    const commit = (commitOffset: number): Promise<{ code: number }> =>
      client.ask(updateConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 0, commitOffset });
    const committed = (): number | undefined => harness.cluster.offsets(GROUP)[0]?.offset;

    beforeEach(() => {
      harness.cluster.updateGroup(GROUP, {});
      produce('0', '1', '2', '3', '4', '5');
    });

    it('roll back after a commit, never below 0', async () => {
      fault({ times: 2, action: { type: 'offset', do: 'rollBack', by: 3 } });
      expect((await commit(5)).code).to.equal(0);
      expect(committed()).to.equal(2);
      await commit(1);
      expect(committed()).to.equal(0);
    });

    it('are refused or lost', async () => {
      await commit(1);
      fault({ times: 1, action: { type: 'offset', do: 'refuse' } });
      fault({ times: 1, action: { type: 'offset', do: 'lose' } });
      expect((await commit(2)).code).to.equal(ResponseCode.SYSTEM_ERROR);
      expect((await commit(3)).code).to.equal(ResponseCode.SUCCESS);
      expect(committed()).to.equal(1);
    });

    it('roll back or are lost when a pull commits, and other pulls do not count', async () => {
      const rollBack = fault({ times: 1, action: { type: 'offset', do: 'rollBack' } });
      await client.call(pullMessage, pullOf());
      expect(rollBack.matched).to.equal(0);
      await client.call(pullMessage, pullOf({ sysFlag: 5, commitOffset: 3 }));
      expect(committed()).to.equal(2);
      fault({ times: 2, action: { type: 'offset', do: 'lose' } });
      await client.call(pullMessage, pullOf({ sysFlag: 5, commitOffset: 3 }));
      expect(committed()).to.equal(2);
      await client.call(pullMessage, pullOf({ sysFlag: 5, commitOffset: 3, queueId: 1 }));
      expect(harness.cluster.offsets(GROUP)).to.have.length(1);
    });

    it('are not there when asked for', async () => {
      await commit(4);
      fault({ times: 1, action: { type: 'offset', do: 'none' } });
      const query = { consumerGroup: GROUP, topic: TOPIC, queueId: 0 };
      expect((await client.call(queryConsumerOffset, query)).offset).to.equal(undefined);
      expect((await client.call(queryConsumerOffset, query)).offset).to.equal(4);
    });

    it('fall out of the queue: its beginning moves past them', async () => {
      fault({ code: 'PULL_MESSAGE', times: 1, action: { type: 'offset', do: 'moveMin', to: 4 } });
      const reply = await client.call(pullMessage, pullOf({ queueOffset: 1 }));
      expect(reply).to.include({ status: 'OFFSET_ILLEGAL', nextBeginOffset: 4, minOffset: 4, maxOffset: 6 });
      fault({ times: 1, action: { type: 'offset', do: 'moveMin' } });
      expect(await client.call(pullMessage, pullOf({ queueOffset: 5 }))).to.include({ status: 'OFFSET_ILLEGAL', nextBeginOffset: 6 }); // prettier-ignore
    });
  });

  it('member lists differ from member to member', async () => {
    const other = await harness.connect();
    await beat(client, 'c1');
    await beat(other, 'c2');
    fault({ clientId: 'c2', action: { type: 'members', remove: ['c1'], add: ['c3'] } });
    fault({ group: 'nobody', action: { type: 'members', add: ['c9'] } });
    const list = async (asker: RawClient, consumerGroup = GROUP): Promise<readonly string[]> =>
      (await asker.call(getConsumerListByGroup, { consumerGroup })).consumerIds;
    expect(await list(client)).to.have.members(['c1', 'c2']);
    expect(await list(other)).to.have.members(['c2', 'c3']);
    expect(await list(client, 'nobody')).to.deep.equal(['c9']);
  });

  describe('pulls', () => {
    const pull = (change: Parameters<typeof pullOf>[0] = {}): Promise<PullMessageReply> =>
      client.call(pullMessage, pullOf(change));

    beforeEach(() => produce('0', '1', '2'));

    it('are told that their offset is not to be had', async () => {
      fault({ times: 1, action: { type: 'pull', do: 'illegalOffset', offset: 2 } });
      fault({ times: 1, action: { type: 'pull', do: 'illegalOffset' } });
      expect(await pull()).to.include({ status: 'OFFSET_ILLEGAL', nextBeginOffset: 2 });
      expect(await pull()).to.include({ status: 'OFFSET_ILLEGAL', nextBeginOffset: 0 });
    });

    it('are told to go on at a wrong place, held ones too', async () => {
      fault({ times: 1, action: { type: 'pull', do: 'wrongNextOffset' } });
      fault({ times: 1, action: { type: 'pull', do: 'wrongNextOffset', delta: -2 } });
      expect(await pull()).to.include({ status: 'FOUND', nextBeginOffset: 4 });
      const opaque = client.send(pullMessage.encode(holdOf({ queueOffset: 3 })));
      await client.request(question);
      produce('3');
      expect((await client.reply(opaque)).extFields['nextBeginOffset']).to.equal('2');
    });

    it('are told to slow down, or that there is nothing', async () => {
      fault({ times: 1, action: { type: 'pull', do: 'flowControl' } });
      fault({ times: 1, action: { type: 'pull', do: 'empty' } });
      expect((await client.ask(pullMessage, pullOf())).code).to.equal(ResponseCode.FLOW_CONTROL);
      expect(await pull({ queueOffset: 1 })).to.include({ status: 'NO_NEW_MSG', nextBeginOffset: 1 });
    });

    it('of those who pop are slowed down, empty or in reverse, too', async () => {
      const pop = (): ReturnType<RawClient['request']> =>
        client.request({ code: RequestCode.POP_MESSAGE, extFields: { consumerGroup: 'poppers', topic: TOPIC, queueId: '0', maxMsgNums: '32', invisibleTime: '60000', pollTime: '0', bornTime: String(clock.now()), initMode: '0' } }); // prettier-ignore
      fault({ times: 1, action: { type: 'pull', do: 'flowControl' } });
      fault({ times: 1, action: { type: 'pull', do: 'empty' } });
      fault({ times: 1, action: { type: 'pull', do: 'disorder' } });
      expect([(await pop()).code, (await pop()).code]).to.deep.equal([ResponseCode.FLOW_CONTROL, ResponseCode.POLLING_TIMEOUT]); // prettier-ignore
      const { messages } = decodeMessages((await pop()).body, { brokerName: 'broker-a' });
      expect(messages.map((message) => message.body.toString())).to.deep.equal(['2', '1', '0']);
      expect(() => fault({ code: RequestCode.POP_MESSAGE, action: { type: 'pull', do: 'illegalOffset' } })).to.throw(ValidationError); // prettier-ignore
    });

    it('get messages in reverse', async () => {
      fault({ times: 1, action: { type: 'pull', do: 'disorder' } });
      const { body } = await client.call(pullMessage, pullOf());
      const { messages } = decodeMessages(body, { brokerName: 'broker-a' });
      expect(messages.map((message) => message.body.toString())).to.deep.equal(['2', '1', '0']);
    });
  });
});
