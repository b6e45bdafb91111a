import { expect } from 'chai';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { decodeMessages } from '../../../../lib/protocol/message.js';
import { checkTransactionState } from '../../../../lib/protocol/requests/check-transaction-state.js';
import { endTransaction } from '../../../../lib/protocol/requests/end-transaction.js';
import { heartBeat } from '../../../../lib/protocol/requests/heart-beat.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { MockHarness, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const NOW = 1_800_000_000_000;
const ROUND_MS = 30_000;

describe('checks of transactions', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual(NOW);
    harness = await MockHarness.start({ clock, transactionCheckMax: 3 });
    client = await harness.connect();
    await client.call(heartBeat, { clientId: 'c', producerGroups: ['producers'], consumers: [] });
  });

  afterEach(() => harness.stop());

  const half = (properties: Record<string, string> = {}): Promise<unknown> =>
    send(client, {
      body: Buffer.from('x'),
      queueId: 3,
      sysFlag: 4,
      bornTimestamp: clock.now(),
      properties: { TRAN_MSG: 'true', PGROUP: 'producers', UNIQ_KEY: 'U', ...properties },
    });
  const checks = (): RemotingCommand[] =>
    client.received.filter(({ code }) => code === RequestCode.CHECK_TRANSACTION_STATE);
  /** Every frame that is under way has come when this has its answer. */
  const settle = (): Promise<unknown> => client.request({ code: RequestCode.GET_MAX_OFFSET, extFields: {} });
  const stored = (topic: string): string[] => harness.cluster.messages(topic).map((message) => message.body.toString());

  it('asks a producer of the group about a half that is open, round after round', async () => {
    clock.advance(10_000);
    await half();
    clock.advance(ROUND_MS - 10_001);
    await settle();
    expect(checks()).to.have.length(0);
    clock.advance(1);
    await settle();
    expect(checks()).to.have.length(1);
    const check = checkTransactionState.decode(checks()[0] as RemotingCommand);
    const [message] = decodeMessages(check.body, { brokerName: 'broker-a' }).messages;
    expect(check).to.include({ msgId: 'U', transactionId: 'U', brokerName: 'broker-a' });
    expect(message).to.include({ topic: TOPIC, queueId: 3, commitLogOffset: check.commitLogOffset });
    expect(message?.properties).to.include({ TRANSACTION_CHECK_TIMES: '1', PGROUP: 'producers' });

    const { tranStateTableOffset, commitLogOffset } = check;
    const answer = { producerGroup: 'producers', tranStateTableOffset, commitLogOffset, msgId: 'U' };
    await client.ask(endTransaction, { ...answer, state: 'COMMIT', fromTransactionCheck: true });
    expect(stored(TOPIC)).to.deep.equal(['x']);
    clock.advance(ROUND_MS * 3);
    await settle();
    expect(checks()).to.have.length(1);
  });

  it('leaves those alone that are younger than the timeout', async () => {
    clock.advance(ROUND_MS - 6000);
    await half();
    clock.advance(6000);
    await settle();
    expect(checks()).to.have.length(0);
    clock.advance(ROUND_MS);
    await settle();
    expect(checks()).to.have.length(1);
  });

  it('heeds the time that a message wants for itself', async () => {
    await half({ CHECK_IMMUNITY_TIME_IN_SECONDS: '45' });
    clock.advance(ROUND_MS);
    await settle();
    expect(checks()).to.have.length(0);
    clock.advance(ROUND_MS);
    await settle();
    expect(checks()).to.have.length(1);
    const { tranStateTableOffset, commitLogOffset } = checkTransactionState.decode(checks()[0] as RemotingCommand);
    const end = {
      producerGroup: 'producers',
      tranStateTableOffset,
      commitLogOffset,
      msgId: 'U',
      state: 'COMMIT',
    } as const;
    // By then only the answer to a check counts.
    expect((await client.ask(endTransaction, end)).code).to.equal(604);
    expect((await client.ask(endTransaction, { ...end, fromTransactionCheck: true })).code).to.equal(0);
    expect(stored(TOPIC)).to.deep.equal(['x']);
  });

  it('gives up what it has asked about too often', async () => {
    await half();
    clock.advance(ROUND_MS * 3);
    await settle();
    const times = checks().map(({ body }) => {
      return decodeMessages(body, { brokerName: '' }).messages[0]?.properties['TRANSACTION_CHECK_TIMES'];
    });
    expect(times).to.deep.equal(['1', '2', '3']);
    expect(stored('TRANS_CHECK_MAX_TIME_TOPIC')).to.deep.equal([]);
    clock.advance(ROUND_MS * 3);
    await settle();
    expect(checks()).to.have.length(3);
    expect(stored('TRANS_CHECK_MAX_TIME_TOPIC')).to.deep.equal(['x']);
    expect(stored(TOPIC)).to.deep.equal([]);
  });

  it('asks nobody while no producer of the group is connected, and counts all the same', async () => {
    await half({ PGROUP: 'others' });
    clock.advance(ROUND_MS * 4);
    await settle();
    expect(checks()).to.have.length(0);
    expect(stored('TRANS_CHECK_MAX_TIME_TOPIC')).to.deep.equal(['x']);
  });

  it('goes on after a restart', async () => {
    await half();
    const [broker] = harness.cluster.brokers;
    await broker?.restart();
    const again = await harness.connect();
    await again.call(heartBeat, { clientId: 'c', producerGroups: ['producers'], consumers: [] });
    clock.advance(ROUND_MS);
    const check = await again.pushed(RequestCode.CHECK_TRANSACTION_STATE);
    expect(check.extFields).to.include({ msgId: 'U' });
  });
});
