import { expect } from 'chai';
import { MqVersion, RequestCode } from '../../../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../../../lib/protocol/command.js';
import { MockClock, type Violation } from '../../../mock-broker/index.js';
import { beat, GROUP, MockHarness, queueOf, TOPIC } from '../../support/mock-harness.js';
import type { RawClient } from '../../support/raw-client.js';
import { ackOf, changeOf, type Fields, INVISIBLE_MS, popOf, requestOf } from './pop-requests.js';

describe('watchdogs, of queues that are popped in order', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let a: RawClient;
  let b: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual(1_800_000_000_000);
    harness = await MockHarness.start({ clock, version: MqVersion.V5_5_0, watchdogs: 'report' });
    a = await harness.connect();
    b = await harness.connect();
    await beat(a, 'a');
    await beat(b, 'b');
    for (const body of ['1', '2', '3', '4']) harness.cluster.produce(TOPIC, { queueId: 0, body });
  });

  afterEach(() => harness.stop());

  const pop = (client: RawClient, fields: Fields = {}): Promise<RemotingCommand> =>
    client.request(popOf({ order: true, maxMsgNums: 2, ...fields }));
  const ack = async (client: RawClient, popped: RemotingCommand, ...offsets: number[]): Promise<void> => {
    for (const offset of offsets) await client.request(ackOf(popped, offset));
  };
  const told = (): [string, string][] => harness.cluster.violations.map(({ kind, message }) => [kind, message]);
  const only = (): Violation => {
    expect(harness.cluster.violations).to.have.length(1);
    return harness.cluster.violations[0] as Violation;
  };
  /** The frames that prove a violation, in words. */
  const proof = ({ entries }: Violation): string[] =>
    entries.map(({ clientId, kind, effect }) => `${clientId} ${kind}: ${effect}`);
  /** Has the next answer give out what an earlier one gave. */
  const lie = (clientId: string, popped: RemotingCommand): void => {
    const extFields = { ...popped.extFields, popTime: String(clock.now()) };
    const reply = ({ remark }: ResponseCommand): ResponseCommand => ({ code: 0, remark, extFields, body: popped.body });
    harness.cluster.faults.add({ code: RequestCode.POP_MESSAGE, clientId, times: 1, action: { type: 'rewrite', reply } }); // prettier-ignore
  };

  it('find nothing where receivers take turns', async () => {
    const first = await pop(a);
    expect((await pop(b)).code).to.equal(210);
    await ack(a, first, 0, 1);
    await ack(a, first, 1);
    const second = await pop(b);
    await b.request(changeOf(second, 2, INVISIBLE_MS * 2));
    await b.request(changeOf(second, 3, INVISIBLE_MS * 2));
    clock.advance(INVISIBLE_MS);
    await ack(b, second, 2, 3);
    // What comes again after its time is nobody's, and a batch is acknowledged at once.
    harness.cluster.produce(TOPIC, { queueId: 0, body: '5' });
    await pop(a);
    clock.advance(INVISIBLE_MS);
    const again = await pop(b);
    const { popTime, invisibleTime, reviveQid } = again.extFields;
    const one = { c: GROUP, t: TOPIC, r: '0', so: 4, q: 0, rq: Number(reviveQid), pt: Number(popTime), it: Number(invisibleTime), b: [1] }; // prettier-ignore
    await b.request(requestOf(RequestCode.BATCH_ACK_MESSAGE, {}, { brokerName: 'broker-a', acks: [one] }));
    expect(harness.cluster.offsets(GROUP).map(({ offset }) => offset)).to.deep.equal([5]);
    expect(told()).to.deep.equal([]);
  });

  it('find two receivers at once, with the frames that prove it', async () => {
    const first = await pop(a);
    clock.advance(5000);
    lie('b', first);
    await pop(b);
    const violation = only();
    expect(violation).to.deep.include({ kind: 'twoReceivers', group: GROUP, clientId: 'b', queue: queueOf(0) });
    expect(violation.message).to.equal('b was given messages of the queue, and a holds offset 0 for another 15000 ms');
    const given = `gave ${GROUP} ${TOPIC} broker-a 0 at 0, 1 in order`;
    const lied = `fault f1: rewrite; nothing of ${TOPIC} for ${GROUP}`;
    expect(proof(violation)).to.deep.equal([
      `a request: ${given}`,
      `a response: ${given}`,
      `b request: ${lied}`,
      `b response: ${lied}`,
    ]);
  });

  it('find a pop without order beside one in order, whichever came first', async () => {
    const first = await pop(a, { maxMsgNums: 1 });
    await pop(b, { order: false, maxMsgNums: 1 });
    expect(only().message).to.equal(`b was given messages of the queue, and a holds offset 0 for another ${INVISIBLE_MS} ms`); // prettier-ignore
    await ack(a, first, 0);
    await pop(a);
    expect(told()[1]).to.deep.equal([
      'twoReceivers',
      'a was given messages of the queue, and b has some without order',
    ]);
  });

  it('leave alone who pops without order, and other queues and groups', async () => {
    await pop(a, { order: false, maxMsgNums: 1 });
    const late = await pop(b, { order: false, maxMsgNums: 1 });
    clock.advance(INVISIBLE_MS);
    await ack(b, late, 1);
    harness.cluster.produce(TOPIC, { queueId: 1, body: 'other' });
    await pop(a);
    await pop(b, { queueId: 1 });
    await pop(b, { consumerGroup: 'shipping' });
    expect(told()).to.deep.equal([]);
  });

  it('take the same attempt for the same receiver, unless its name is another', async () => {
    await pop(a, { attemptId: 'x' });
    const nameless = await harness.connect();
    expect((await pop(nameless, { attemptId: 'x' })).code).to.equal(0);
    expect(told()).to.deep.equal([]);
    clock.advance(INVISIBLE_MS);
    await pop(a, { attemptId: 'y' });
    await pop(b, { attemptId: 'y' });
    expect(told().map(([kind]) => kind)).to.deep.equal(['twoReceivers']);
  });

  it('find an acknowledgement of who was too slow, whether somebody else has the message or not', async () => {
    const first = await pop(a);
    clock.advance(INVISIBLE_MS + 500);
    await ack(a, first, 0, 0);
    expect(told()).to.deep.equal([
      ['ackWithoutHold', 'a acknowledges offset 0, which it no longer holds: its time was over 500 ms ago'],
    ]);
    const second = await pop(b);
    await ack(a, first, 1);
    const violation = harness.cluster.violations[1] as Violation;
    expect(violation).to.deep.include({ kind: 'ackWithoutHold', group: GROUP, clientId: 'a', queue: queueOf(0) });
    expect(violation.message).to.equal('a acknowledges offset 1, which it no longer holds: b was given it since');
    const done = `${GROUP} is done with ${TOPIC} broker-a 0 at 1`;
    const [given, later] = [
      `gave ${GROUP} ${TOPIC} broker-a 0 at 0, 1 in order`,
      `gave ${GROUP} ${TOPIC} broker-a 0 at 1, 2 in order`,
    ];
    expect(proof(violation)).to.deep.equal([
      `a request: ${given}`,
      `a response: ${given}`,
      `b request: ${later}`,
      `b response: ${later}`,
      `a request: ${done}`,
    ]);
    await ack(b, second, 1, 2);
    expect(told()).to.have.length(2);
  });

  it('find one by an earlier handle, and one of somebody who was given nothing', async () => {
    const first = await pop(a);
    clock.advance(INVISIBLE_MS);
    const second = await pop(a);
    await ack(a, first, 0);
    await ack(b, second, 0);
    expect(told()).to.deep.equal([
      ['ackWithoutHold', 'a acknowledges offset 0, by the handle of an earlier pop: it was given it again since'],
      ['ackWithoutHold', 'b acknowledges offset 0, which a holds'],
    ]);
  });

  it('know that a message given up early is free, and one asked for longer is not', async () => {
    const first = await pop(a, { maxMsgNums: 1 });
    await a.request(changeOf(first, 0, 1000));
    clock.advance(1000);
    const second = await pop(b, { maxMsgNums: 1 });
    expect(second.extFields['msgOffsetInfo']).to.equal('0 0 0');
    await b.request(changeOf(second, 0, INVISIBLE_MS * 2));
    clock.advance(INVISIBLE_MS);
    expect((await pop(a)).code).to.equal(210);
    expect(told()).to.deep.equal([]);
    lie('a', first);
    await pop(a);
    expect(only().message).to.equal(`a was given messages of the queue, and b holds offset 0 for another ${INVISIBLE_MS} ms`); // prettier-ignore
  });

  it('take no answer for a hold that comes when its time is over', async () => {
    const code = RequestCode.POP_MESSAGE;
    harness.cluster.faults.add({ code, clientId: 'a', times: 1, action: { type: 'delay', ms: INVISIBLE_MS + 1000 } });
    const opaque = a.send(popOf({ order: true, maxMsgNums: 1 }));
    await harness.cluster.journal.waitFor((entry) => entry.code === code && entry.clientId === 'a');
    clock.advance(INVISIBLE_MS);
    const second = await pop(b, { maxMsgNums: 1 });
    clock.advance(1000);
    const first = await a.reply(opaque);
    await ack(b, second, 0);
    expect(told()).to.deep.equal([]);
    await ack(a, first, 0);
    expect(told()).to.deep.equal([
      ['ackWithoutHold', 'a acknowledges offset 0, which it no longer holds: b was given it since'],
    ]);
  });

  it('do not blame clients for what an operator did', async () => {
    const first = await pop(a);
    harness.cluster.resetOffset(GROUP, TOPIC, { mode: 'server', offset: 0, queueId: 0 });
    await pop(b);
    await ack(a, first, 0, 1);
    expect(told()).to.deep.equal([]);
  });

  it('count an acknowledgement that got lost as one', async () => {
    const first = await pop(a);
    harness.cluster.faults.add({ code: RequestCode.ACK_MESSAGE, times: 2, action: { type: 'drop' } });
    for (const offset of [0, 1]) a.send(ackOf(first, offset));
    await harness.cluster.journal.waitFor(({ code, ext }) => code === RequestCode.ACK_MESSAGE && ext['offset'] === '1');
    clock.advance(INVISIBLE_MS);
    await pop(b);
    await ack(a, first, 0, 1);
    expect(told()).to.deep.equal([]);
  });
});
