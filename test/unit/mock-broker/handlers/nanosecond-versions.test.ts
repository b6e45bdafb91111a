import { expect } from 'chai';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { heartBeat } from '../../../../lib/protocol/requests/heart-beat.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { GROUP, MockHarness, pullOf, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

/** The Go client takes nanoseconds for the version of a subscription: more than a number holds exactly. */
describe('subscriptions whose version is a time in nanoseconds', () => {
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    harness = await MockHarness.start();
    client = await harness.connect();
  });

  afterEach(() => harness.stop());

  function beat(subVersion: string): Promise<RemotingCommand> {
    const body = `{"clientID":"go","consumerDataSet":[{"groupName":"${GROUP}","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","unitMode":false,"subscriptionDataSet":[{"classFilterMode":false,"topic":"${TOPIC}","subString":"*","tagsSet":[],"codeSet":[],"subVersion":${subVersion},"expressionType":"TAG"}]}],"producerDataSet":[]}`;
    return client.request({ code: heartBeat.code, body: Buffer.from(body) });
  }

  async function pull(subVersion: string): Promise<number> {
    const request = pullMessage.encode(pullOf({ sysFlag: 0 }));
    const { code, extFields, body } = request;
    return (await client.request({ code, extFields: { ...(extFields ?? pulled), subVersion }, ...(body && { body }) }))
      .code;
  }

  /** The fields, should the codec write them down itself. */
  const pulled = {
    consumerGroup: GROUP,
    topic: TOPIC,
    queueId: '0',
    queueOffset: '0',
    maxMsgNums: '32',
    sysFlag: '0',
    commitOffset: '0',
    suspendTimeoutMillis: '0',
    expressionType: 'TAG',
  };

  it('are taken, and a pull with the same version is served', async () => {
    expect((await beat('1795273719544461820')).code).to.equal(0);
    harness.cluster.produce(TOPIC, { body: 'x', queueId: 0 });
    expect(await pull('1795273719544461820')).to.equal(0);
  });

  it('are told from later ones', async () => {
    await beat('1795273719544461820');
    expect(await pull('1795273720000000000')).to.equal(25);
  });
});
