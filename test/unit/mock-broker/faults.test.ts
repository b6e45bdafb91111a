import { expect } from 'chai';
import fc from 'fast-check';
import { StateError, TimeoutError, ValidationError } from '../../../lib/errors.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { createRequest, encodeCommand, type RequestCommand } from '../../../lib/protocol/command.js';
import { getMaxOffset } from '../../../lib/protocol/requests/get-max-offset.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { sendMessageV2 } from '../../../lib/protocol/requests/send-message-v2.js';
import { Faults, MockClock, type FaultRule } from '../../../mock-broker/index.js';
import {
  beat,
  GROUP,
  holdOf,
  messageOf,
  MockHarness,
  pullOf,
  queueOf,
  send,
  TOPIC,
} from '../../support/mock-harness.js';
import type { RawClient } from '../../support/raw-client.js';
import { rejection } from '../../support/rejection.js';

describe('Faults', () => {
  const drop = { type: 'drop' } as const;

  function fires(
    faults: Faults,
    request: RequestCommand,
    change: Partial<{ broker: string; connection: number; clientId: string }> = {},
  ): boolean {
    const subject = { broker: 'broker-a', connection: 1, clientId: 'c1', ...change };
    return faults.match({ ...subject, command: createRequest(request, 1) }) !== undefined;
  }

  it('matches by every field of a rule', () => {
    const lock = lockBatchMq.encode({ consumerGroup: GROUP, clientId: 'c9', queues: [queueOf(3)] });
    const pull = pullMessage.encode(pullOf({ queueId: 2 }));
    const message = sendMessageV2.encode(messageOf({ queueId: 1 }));
    const cases: [Omit<FaultRule, 'action'>, RequestCommand, boolean][] = [
      [{}, pull, true],
      [{ code: 11 }, pull, true],
      [{ code: 11 }, lock, false],
      [{ broker: 'broker-b' }, pull, false],
      [{ connection: 1 }, pull, true],
      [{ connection: 2 }, pull, false],
      [{ clientId: 'c1' }, pull, true],
      [{ clientId: 'c9' }, pull, false],
      [{ clientId: 'c9' }, lock, true],
      [{ group: GROUP }, pull, true],
      [{ group: GROUP }, lock, true],
      [{ group: 'producers' }, message, true],
      [{ group: 'other' }, lock, false],
      [{ topic: TOPIC, queueId: 2 }, pull, true],
      [{ topic: TOPIC, queueId: 3 }, pull, false],
      [{ topic: TOPIC, queueId: 3 }, lock, true],
      [{ topic: TOPIC, queueId: 1 }, message, true],
      [{ topic: 'Other' }, message, false],
      [{ where: (request) => request.extFields['b'] === TOPIC }, message, true],
      [{ where: () => false }, message, false],
      [{ group: GROUP }, { code: 34, body: Buffer.from('broken') }, false],
    ];
    for (const [rule, request, expected] of cases) {
      const faults = new Faults();
      faults.add({ ...rule, action: drop });
      expect(fires(faults, request), JSON.stringify([rule, request.code])).to.equal(expected);
    }
  });

  it('fires `times` times after letting `after` requests pass, and then gives way to the next rule', () => {
    const faults = new Faults();
    const fault = faults.add({ code: 11, after: 2, times: 2, action: drop });
    const fired = Array.from({ length: 6 }, () => fires(faults, { code: 11 }));
    expect(fired).to.deep.equal([false, false, true, true, false, false]);
    expect(fault.hits).to.equal(2);
    const next = faults.add({ action: drop });
    expect(fires(faults, { code: 11 })).to.equal(true);
    expect(next.hits).to.equal(1);
  });

  it('can be taken back, one or all', () => {
    const faults = new Faults();
    const first = faults.add({ code: 11, action: drop });
    faults.add({ code: 15, action: drop });
    expect(faults.active).to.have.length(2);
    first.remove();
    expect(fires(faults, { code: 11 })).to.equal(false);
    faults.clear();
    expect(fires(faults, { code: 15 })).to.equal(false);
  });

  it('fires by chance, the same way for the same seed', () => {
    const history = (seed: number): string => {
      const faults = new Faults();
      faults.add({ probability: 0.5, seed, action: drop });
      return Array.from({ length: 64 }, () => (fires(faults, { code: 1 }) ? '1' : '0')).join('');
    };
    fc.assert(fc.property(fc.integer(), (seed) => history(seed) === history(seed)));
    expect(history(1)).to.not.equal(history(2));
    expect(history(1)).to.match(/0/).and.to.match(/1/);
  });

  it('tells when it has fired', async () => {
    const faults = new Faults();
    const fault = faults.add({ action: drop });
    const twice = fault.waitForHits(2);
    fires(faults, { code: 1 });
    await fault.waitForHits();
    fires(faults, { code: 1 });
    await twice;
    const error = await rejection(fault.waitForHits(3, { timeoutMs: 1 }), TimeoutError);
    expect(error.message).to.include('fired 2 of 3 times');
  });

  it('fails those who wait when it is closed', async () => {
    const faults = new Faults();
    const fault = faults.add({ action: drop });
    const hits = fault.waitForHits();
    fault.remove();
    faults.close();
    await rejection(hits, StateError);
  });

  it('refuses rules that make no sense', () => {
    const faults = new Faults();
    const rules: FaultRule[] = [
      { probability: 1.1, action: drop },
      { action: { type: 'delay', ms: -1 } },
      { action: { type: 'chunk', size: 0 } },
      { action: { type: 'coalesce', frames: 1 } },
    ];
    for (const rule of rules) expect(() => faults.add(rule)).to.throw(ValidationError);
  });

  describe('on the wire', () => {
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
    const add = (rule: FaultRule): void => void harness.cluster.faults.add({ times: 1, ...rule });
    const stored = (): number => harness.cluster.messages(TOPIC).length;

    it('answer without effect', async () => {
      add({
        code: 310,
        action: { type: 'answer', code: 2, remark: 'busy', ext: { a: 'b' }, body: Buffer.from('body') },
      });
      const reply = await client.ask(sendMessageV2, messageOf());
      expect(reply).to.include({ code: 2, remark: 'busy' });
      expect([reply.extFields, reply.body.toString()]).to.deep.equal([{ a: 'b' }, 'body']);
      expect(stored()).to.equal(0);
      add({ action: { type: 'answer', code: 1500 } });
      expect((await client.request(question)).code).to.equal(1500);
    });

    it('delay the answer, or effect and answer, on the mock clock', async () => {
      add({ code: 310, action: { type: 'delay', ms: 1000 } });
      add({ code: 310, action: { type: 'delay', ms: 1000, when: 'before' } });
      const late = client.send(sendMessageV2.encode(messageOf()));
      const later = client.send(sendMessageV2.encode(messageOf()));
      await client.request(question);
      expect(stored()).to.equal(1);
      expect(client.received).to.have.length(1);
      clock.advance(1000);
      await client.reply(late);
      await client.reply(later);
      expect(stored()).to.equal(2);
    });

    it('drop request or answer', async () => {
      add({ code: 310, action: { type: 'drop' } });
      add({ code: 310, action: { type: 'dropReply' } });
      client.send(sendMessageV2.encode(messageOf()));
      await client.request(question);
      expect(stored()).to.equal(0);
      client.send(sendMessageV2.encode(messageOf()));
      await client.request(question);
      expect(stored()).to.equal(1);
      expect(client.received).to.have.length(2);
    });

    it('close the connection before the effect, before, within or after the answer', async () => {
      const closeWhen = async (
        when: 'before' | 'before-reply' | 'mid-frame' | 'after',
      ): Promise<[number, number, number]> => {
        const before = stored();
        add({ code: 310, action: { type: 'close', when } });
        const other = await harness.connect();
        other.send(sendMessageV2.encode(messageOf()));
        await other.closed;
        return [stored() - before, other.received.length, other.chunks.length > 0 ? 1 : 0];
      };
      expect(await closeWhen('before')).to.deep.equal([0, 0, 0]);
      expect(await closeWhen('before-reply')).to.deep.equal([1, 0, 0]);
      expect(await closeWhen('mid-frame')).to.deep.equal([1, 0, 1]);
      expect(await closeWhen('after')).to.deep.equal([1, 1, 1]);
    });

    it('close the connection of a one-way request after its effect', async () => {
      add({ code: 310, action: { type: 'close', when: 'after' } });
      client.send(sendMessageV2.encode(messageOf()), { oneway: true });
      await client.closed;
      expect(stored()).to.equal(1);
    });

    it('answer twice', async () => {
      add({ action: { type: 'duplicate' } });
      const opaque = client.send(question);
      await client.reply(opaque);
      await client.reply(opaque);
      expect(harness.cluster.journal.entries.filter((entry) => entry.kind === 'response')).to.have.length(2);
    });

    it('send bytes that are no frame', async () => {
      const bytes = encodeCommand(createRequest({ code: 40, extFields: { consumerGroup: 'x' } }, 1));
      add({ code: 310, action: { type: 'raw', bytes } });
      client.send(sendMessageV2.encode(messageOf()));
      expect((await client.pushed(40)).extFields).to.deep.equal({ consumerGroup: 'x' });
      expect(stored()).to.equal(0);
    });

    it('rewrite the answer, that of a held pull too', async () => {
      const suggest = (id: string): FaultRule => ({
        code: RequestCode.PULL_MESSAGE,
        action: {
          type: 'rewrite',
          reply: (answer) => ({ ...answer, extFields: { ...answer.extFields, suggestWhichBrokerId: id } }),
        },
      });
      add(suggest('1'));
      expect((await client.call(pullMessage, pullOf())).suggestWhichBrokerId).to.equal(1);
      add(suggest('2'));
      const opaque = client.send(pullMessage.encode(holdOf()));
      await client.request(question);
      harness.cluster.produce(TOPIC, { body: 'x', queueId: 0 });
      expect((await client.reply(opaque)).extFields['suggestWhichBrokerId']).to.equal('2');
    });

    it('cut the answer into pieces, without mixing it with others', async () => {
      add({ action: { type: 'chunk', size: 7 } });
      const first = client.send(question);
      const second = client.send(question);
      await client.reply(first);
      await client.reply(second);
      expect(client.received.map((command) => command.opaque)).to.deep.equal([first, second]);
      expect(Math.min(...client.chunks)).to.be.at.most(7);
      expect(client.chunks.length).to.be.greaterThan(2);
    });

    it('send several answers in one write', async () => {
      add({ times: 3, action: { type: 'coalesce', frames: 3 } });
      const opaques = [client.send(question), client.send(question), client.send(question)];
      for (const opaque of opaques) await client.reply(opaque);
      expect(client.chunks).to.have.length(1);
    });

    it('are about requests the mock sends, too', async () => {
      const { faults } = harness.cluster;
      const notify = RequestCode.NOTIFY_CONSUMER_IDS_CHANGED;
      const notified = async (action: FaultRule['action'], group: string): Promise<number> => {
        const fault = faults.add({ code: notify, action });
        await beat(client, 'c1', [TOPIC], { groupName: group });
        expect(fault.hits).to.equal(1);
        fault.remove();
        return client.untaken(notify).filter((command) => command.extFields['consumerGroup'] === group).length;
      };
      expect(await notified({ type: 'drop' }, 'g1')).to.equal(0);
      expect(await notified({ type: 'duplicate' }, 'g2')).to.equal(2);
      expect(await notified({ type: 'chunk', size: 5 }, 'g3')).to.equal(1);
      expect(await notified({ type: 'delay', ms: 500 }, 'g4')).to.equal(0);
      clock.advance(500);
      expect((await client.pushed(notify)).extFields['consumerGroup']).to.equal('g2');
      const raw = encodeCommand(createRequest({ code: 40, extFields: { consumerGroup: 'g5' } }, 1));
      expect(await notified({ type: 'raw', bytes: raw }, 'g5')).to.equal(1);
      faults.add({ code: notify, action: { type: 'close', when: 'before' } });
      client.send({ code: 35, extFields: { clientID: 'c1', consumerGroup: 'nobody' } });
      void beat(client, 'c1', [TOPIC], { groupName: 'g6' }).catch(() => undefined);
      await client.closed;
    });

    it('end with the broker: what was delayed is never sent', async () => {
      add({ action: { type: 'delay', ms: 1000 } });
      client.send(question);
      await harness.cluster.journal.waitFor((entry) => entry.code === question.code);
      await harness.cluster.brokers[0]?.stop();
      expect(clock.pendingTimers).to.equal(0);
      await client.closed;
      expect(client.received).to.have.length(0);
    });

    it("answer with a test's own mistakes", async () => {
      const mistake = (): never => {
        throw new RangeError('mistake');
      };
      add({ action: { type: 'rewrite', reply: mistake } });
      expect(await client.request(question)).to.include({
        code: 1,
        remark: "a fault's rewrite failed: RangeError: mistake",
      });
      harness.cluster.faults.add({ where: mistake, action: { type: 'drop' } });
      expect((await client.request(question)).remark).to.equal("a fault's rule failed: RangeError: mistake");
    });

    it('apply to name servers by their name', async () => {
      add({ broker: 'namesrv', action: { type: 'answer', code: 1, remark: 'name server not ready' } });
      const nameServer = await harness.connectNameServer();
      expect((await send(client)).status).to.equal('SEND_OK');
      expect((await nameServer.request({ code: 105, extFields: { topic: TOPIC } })).remark).to.equal(
        'name server not ready',
      );
    });
  });
});
