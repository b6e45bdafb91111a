import { expect } from 'chai';
import { consumeMessageDirectly } from '../../../../lib/protocol/requests/consume-message-directly.js';
import { getConsumerStatusFromClient } from '../../../../lib/protocol/requests/get-consumer-status-from-client.js';
import { parseLenientJson } from '../../../../lib/protocol/lenient-json.js';
import { beat, GROUP, MockHarness, queueOf, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('requests of operators that go on to clients', () => {
  let harness: MockHarness;
  let operator: RawClient;
  let member: RawClient;

  beforeEach(async () => {
    harness = await MockHarness.start({ groups: { [GROUP]: { groupSysFlag: 1 } } });
    operator = await harness.connect();
    member = await harness.connect();
    await beat(member, 'c1');
  });

  afterEach(() => harness.stop());

  it('GET_CONSUMER_RUNNING_INFO is answered by the client', async () => {
    const extFields = { consumerGroup: GROUP, clientId: 'c1', jstackEnable: 'false' };
    const answer = operator.request({ code: 307, extFields });
    const question = await member.pushed(307);
    expect(question.extFields).to.deep.equal(extFields);
    member.respond(question, { code: 0, body: Buffer.from('{"properties":{}}') });
    expect((await answer).body.toString()).to.equal('{"properties":{}}');
  });

  it('a refusal of the client is passed on', async () => {
    const answer = operator.request({ code: 307, extFields: { consumerGroup: GROUP, clientId: 'c1' } });
    member.respond(await member.pushed(307), { code: 1, remark: 'not here' });
    expect(await answer).to.include({ code: 1, remark: 'not here' });
  });

  it('a client that is not there, or goes away', async () => {
    const unknown = await operator.request({ code: 307, extFields: { consumerGroup: GROUP, clientId: 'c9' } });
    expect(unknown).to.include({ code: 1, remark: `The Consumer <${GROUP}> <c9> not online` });
    const nobody = await operator.request({ code: 307, extFields: { consumerGroup: 'none', clientId: 'c1' } });
    expect(nobody.remark).to.equal('The Consumer <none> <c1> not online');
    const answer = operator.request({ code: 307, extFields: { consumerGroup: GROUP, clientId: 'c1' } });
    await member.pushed(307);
    await member.close();
    const lost = await answer;
    expect(lost.code).to.equal(1);
    expect(lost.remark).to.match(new RegExp(`^invoke consumer <${GROUP}> <c1> Exception: `));
  });

  it('CONSUME_MESSAGE_DIRECTLY brings the message along', async () => {
    const { offsetMsgId } = await send(operator, { body: Buffer.from('once more') });
    const extFields = { consumerGroup: GROUP, clientId: 'c1', msgId: offsetMsgId, topic: TOPIC };
    const answer = operator.request({ code: 309, extFields });
    const question = await member.pushed(309);
    expect(question.extFields).to.deep.equal({
      ...extFields,
      brokerName: 'broker-a',
      topicSysFlag: '0',
      groupSysFlag: '1',
    });
    const [stored] = harness.cluster.messages(TOPIC);
    expect(question.body.length).to.equal(stored?.storeSize);
    expect(question.body.includes('once more')).to.equal(true);
    member.respond(
      question,
      consumeMessageDirectly.encodeReply({
        order: true,
        autoCommit: true,
        consumeResult: 'CR_SUCCESS',
        spentTimeMills: 3,
      }),
    );
    expect(consumeMessageDirectly.decodeReply(await answer)).to.include({ order: true, consumeResult: 'CR_SUCCESS' });
  });

  it('INVOKE_BROKER_TO_GET_CONSUMER_STATUS asks all members, or one', async () => {
    const other = await harness.connect();
    await beat(other, 'c2');
    const reply = (client: RawClient, offset: number): Promise<void> =>
      client.pushed(221).then((question) => {
        expect(question.extFields).to.include({ topic: TOPIC, group: GROUP });
        client.respond(question, getConsumerStatusFromClient.encodeReply({ offsets: [{ queue: queueOf(0), offset }] }));
      });
    const ask = (extFields: Record<string, string>): Promise<Record<string, Record<string, number>>> =>
      operator.request({ code: 223, extFields: { topic: TOPIC, group: GROUP, ...extFields } }).then((answer) => {
        return (parseLenientJson(answer.body.toString()) as { consumerTable: Record<string, Record<string, number>> })
          .consumerTable;
      });
    const [all] = await Promise.all([ask({}), reply(member, 5), reply(other, 6)]);
    expect(Object.keys(all)).to.have.members(['c1', 'c2']);
    expect(Object.values(all['c2'] ?? {})).to.deep.equal([6]);
    const [one] = await Promise.all([ask({ clientAddr: 'c1' }), reply(member, 7)]);
    expect(Object.keys(one)).to.deep.equal(['c1']);
    expect(Object.keys(one['c1'] ?? {}).map((key) => parseLenientJson(key))).to.deep.equal([queueOf(0)]);
  });

  it('members that do not answer are left out', async () => {
    const extFields = { topic: TOPIC, group: GROUP };
    const answer = operator.request({ code: 223, extFields });
    await member.pushed(221);
    await member.close();
    expect((await answer).body.toString()).to.equal('{"consumerTable":{},"messageQueueTable":{}}');
    const nobody = await operator.request({ code: 223, extFields });
    expect(nobody).to.include({ code: 1, remark: `No Any Consumer online in the consumer group: [${GROUP}]` });
  });
});
