import { expect } from 'chai';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import { parseProperties } from '../../../../lib/protocol/properties.js';
import { heartBeat } from '../../../../lib/protocol/requests/heart-beat.js';
import { sendMessage } from '../../../../lib/protocol/requests/send-message.js';
import { sendMessageV2 } from '../../../../lib/protocol/requests/send-message-v2.js';
import { messageOf, MockHarness } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const REPLIES = 'DefaultCluster_REPLY_TOPIC';

describe('replies to requests', () => {
  let harness: MockHarness;
  let asking: RawClient;
  let answering: RawClient;

  beforeEach(async () => {
    harness = await MockHarness.start();
    asking = await harness.connect();
    answering = await harness.connect();
    await asking.call(heartBeat, { clientId: 'asking', producerGroups: ['p'], consumers: [] });
  });

  afterEach(() => harness.stop());

  const replyOf = (properties: Record<string, string>): Parameters<typeof sendMessageV2.encode>[0] =>
    messageOf({ topic: REPLIES, body: Buffer.from('yes'), properties: { CORRELATION_ID: '7', ...properties } });

  for (const code of [RequestCode.SEND_REPLY_MESSAGE, RequestCode.SEND_REPLY_MESSAGE_V2]) {
    it(`are pushed to the client that waits, and stored (${code})`, async () => {
      const type = code === RequestCode.SEND_REPLY_MESSAGE ? sendMessage : sendMessageV2;
      const opaque = answering.send({ ...type.encode(replyOf({ REPLY_TO_CLIENT: 'asking' })), code });
      const pushed = await asking.pushed(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT);
      expect(pushed.body.toString()).to.equal('yes');
      expect(pushed.extFields).to.include({ topic: REPLIES, bornTimestamp: '1700000000000' });
      expect(pushed.extFields['bornHost']).to.match(/^127\.0\.0\.1:\d+$/);
      expect(pushed.extFields['storeHost']).to.equal(harness.cluster.brokers[0]?.address);
      const properties = parseProperties(pushed.extFields['properties'] ?? '');
      expect(properties).to.include({ CORRELATION_ID: '7', REPLY_TO_CLIENT: 'asking' });
      expect(properties).to.have.property('PUSH_REPLY_TIME');
      asking.respond(pushed, { code: 0 });
      const answer = await answering.reply(opaque);
      expect(answer.code).to.equal(0);
      const [stored] = harness.cluster.messages(REPLIES);
      expect(answer.extFields).to.include({
        msgId: stored?.offsetMsgId,
        queueOffset: '0',
        MSG_REGION: 'DefaultRegion',
      });
    });
  }

  it('are stored also when nobody waits, or the client does not take them', async () => {
    const ask = async (properties: Record<string, string>): Promise<string | undefined> => {
      const code = RequestCode.SEND_REPLY_MESSAGE_V2;
      const answer = await answering.request({ ...sendMessageV2.encode(replyOf(properties)), code });
      expect(answer.code).to.equal(1);
      return answer.remark;
    };
    expect(await ask({})).to.equal('reply message properties[REPLY_TO_CLIENT] is null');
    expect(await ask({ REPLY_TO_CLIENT: 'gone' })).to.equal('push reply message fail, channel of <gone> not found.');
    const refused = ask({ REPLY_TO_CLIENT: 'asking' });
    asking.respond(await asking.pushed(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT), { code: 1 });
    expect(await refused).to.equal('push reply message to askingfail.');
    expect(harness.cluster.messages(REPLIES)).to.have.length(3);
  });
});
