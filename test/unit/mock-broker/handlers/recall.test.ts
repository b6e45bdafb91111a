import { expect } from 'chai';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { MockHarness, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const NOW = 1_800_000_000_000;

describe('calling back a message that waits', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual(NOW);
    harness = await MockHarness.start({ clock });
    client = await harness.connect();
  });

  afterEach(() => harness.stop());

  const allow = (): Promise<RemotingCommand> =>
    client.request({ code: RequestCode.UPDATE_BROKER_CONFIG, body: Buffer.from('recallMessageEnable=true') });
  const recall = (recallHandle: string, topic = TOPIC): Promise<RemotingCommand> =>
    client.request({ code: RequestCode.RECALL_MESSAGE, extFields: { topic, recallHandle } });
  const handleOf = (text: string): string => Buffer.from(text).toString('base64url');

  async function waiting(uniqKey: string): Promise<string> {
    const reply = await send(client, { properties: { TIMER_DELAY_SEC: '10', UNIQ_KEY: uniqKey } });
    return reply.recallHandle ?? '';
  }

  it('is forbidden unless an operator allows it', async () => {
    expect(await recall(await waiting('U'))).to.include({ code: 16, remark: 'recall failed, operation is forbidden' });
  });

  it('keeps it from being delivered, and no other', async () => {
    await allow();
    const handle = await waiting('U');
    await waiting('V');
    clock.advance(9000);
    const reply = await recall(handle);
    expect(reply.code).to.equal(0);
    expect(reply.extFields).to.include({ msgId: 'U', MSG_REGION: 'DefaultRegion' });
    clock.advance(1000);
    expect(harness.cluster.messages(TOPIC).map(({ msgId }) => msgId)).to.deep.equal(['V']);
  });

  it('refuses what is none of its handles', async () => {
    await allow();
    const handle = await waiting('U');
    expect((await recall(handle, 'Nothing')).code).to.equal(17);
    const refusals = [
      'nonsense',
      handleOf(`v1 Other broker-a ${NOW + 1000} U`),
      handleOf(`v1 ${TOPIC} broker-b ${NOW + 1000} U`),
      handleOf(`v1 ${TOPIC} broker-a ${NOW} U`),
      handleOf(`v1 ${TOPIC} broker-a soon U`),
    ];
    for (const refused of refusals) expect((await recall(refused)).code, refused).to.equal(604);
  });
});
