import { expect } from 'chai';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { beat, GROUP, MockHarness, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

interface Assignment {
  readonly mode: string;
  readonly messageQueue: { readonly topic: string; readonly brokerName: string; readonly queueId: number };
}

describe('assignments by the broker', () => {
  let harness: MockHarness;
  let members: RawClient[];

  beforeEach(async () => {
    harness = await MockHarness.start({ brokers: 2, topics: { [TOPIC]: { queues: 3 } } });
    members = [];
    for (const clientId of ['a', 'b', 'c', 'd']) {
      const member = await harness.connect();
      await beat(member, clientId);
      members.push(member);
    }
  });

  afterEach(() => harness.stop());

  function ask(code: number, body: object): Promise<RemotingCommand> {
    return (members[0] as RawClient).request({ code, body: Buffer.from(JSON.stringify(body)) });
  }

  async function queuesOf(clientId: string, change: object = {}): Promise<string[] | undefined> {
    const body = { topic: TOPIC, consumerGroup: GROUP, clientId, strategyName: 'AVG', messageModel: 'CLUSTERING', ...change }; // prettier-ignore
    const reply = await ask(RequestCode.QUERY_ASSIGNMENT, body);
    const { messageQueueAssignments } = JSON.parse(reply.body.toString()) as { messageQueueAssignments?: Assignment[] };
    return messageQueueAssignments?.map(({ mode, messageQueue: { brokerName, queueId } }) => {
      return `${mode} ${brokerName} ${queueId}`;
    });
  }

  const setMode = (popShareQueueNum: number, change: object = {}): Promise<RemotingCommand> =>
    ask(RequestCode.SET_MESSAGE_REQUEST_MODE, { topic: TOPIC, consumerGroup: GROUP, mode: 'POP', popShareQueueNum, ...change }); // prettier-ignore

  it('share the queues of the whole cluster, by the strategy of the client', async () => {
    expect(await queuesOf('a')).to.deep.equal(['PULL broker-a 0', 'PULL broker-a 1']);
    expect(await queuesOf('b')).to.deep.equal(['PULL broker-a 2', 'PULL broker-b 0']);
    expect(await queuesOf('d')).to.deep.equal(['PULL broker-b 2']);
    expect(await queuesOf('a', { strategyName: 'AVG_BY_CIRCLE' })).to.deep.equal([
      'PULL broker-a 0',
      'PULL broker-b 1',
    ]);
    expect(await queuesOf('stranger')).to.deep.equal([]);
    expect(await queuesOf('a', { messageModel: 'BROADCASTING' })).to.have.length(6);
  });

  it('say nothing when there is nothing to say', async () => {
    expect(await queuesOf('a', { topic: 'Nothing' })).to.equal(undefined);
    expect(await queuesOf('a', { strategyName: 'MINE' })).to.equal(undefined);
    expect(await queuesOf('a', { consumerGroup: 'nobody' })).to.equal(undefined);
  });

  it('have a group pop that an operator says so of: all queues, or those of some neighbours', async () => {
    expect((await setMode(0)).code).to.equal(0);
    expect(await queuesOf('a')).to.deep.equal(['POP broker-a -1', 'POP broker-b -1']);
    await setMode(1);
    expect(await queuesOf('a')).to.deep.equal(['POP broker-a 0', 'POP broker-a 1', 'POP broker-a 2', 'POP broker-b 0']);
    expect(await queuesOf('d')).to.deep.equal(['POP broker-b 2', 'POP broker-a 0', 'POP broker-a 1']);
    expect(await queuesOf('a', { topic: `%RETRY%${GROUP}` })).to.deep.equal(['PULL broker-a 0']);
  });

  it('can not be changed for what is not there', async () => {
    expect((await setMode(0, { topic: 'Nothing' })).code).to.equal(17);
    expect((await setMode(0, { topic: `%RETRY%${GROUP}` })).code).to.equal(16);
    expect((await setMode(0, { consumerGroup: 'a b' })).code).to.equal(26);
  });
});
