import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { MqVersion, ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, RequestCommand } from '../../lib/protocol/command.js';
import { decodeMessages } from '../../lib/protocol/message.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { endTransaction } from '../../lib/protocol/requests/end-transaction.js';
import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import { type ConsumerData, heartBeat } from '../../lib/protocol/requests/heart-beat.js';
import { updateAndCreateSubscriptionGroup } from '../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateAndCreateTopic } from '../../lib/protocol/requests/update-and-create-topic.js';
import { buildSubscription } from '../../lib/protocol/subscription.js';
import { MockCluster } from '../../mock-broker/index.js';
import { PARITY_CASES } from '../support/parity-cases.js';
import {
  at,
  C,
  comparable,
  comparableMessage,
  CONSUMER,
  into,
  NAMES,
  plain,
  pull,
  RUN,
  send,
  type Side,
  SUB_VERSION,
  T,
} from '../support/parity-requests.js';
import { RawClient } from '../support/raw-client.js';
import { realEnv } from '../support/real-env.js';

/**
 * The mock broker answers like a real one: the same requests, mostly odd ones, are sent to both, and code, remark and
 * header fields of the answers are compared.
 */

/** The mock delivers delayed messages of level 1 after one second, a real broker up to a second later. */
const SETTLE_MS = 5000;

async function connectSide(namesrvAddr: string, broker: string, brokerName: string): Promise<Side> {
  const [address = ''] = namesrvAddr.split(';');
  const side = {
    address: broker,
    broker: await RawClient.connect(broker),
    nameServer: await RawClient.connect(address),
    brokerName,
  };
  const topic = (name: string, readQueueNums: number, writeQueueNums: number, perm: number): RequestCommand =>
    updateAndCreateTopic.encode({ topic: name, readQueueNums, writeQueueNums, perm });
  const steps: RequestCommand[] = [
    topic(NAMES.topic, 4, 4, 6),
    topic(NAMES.readOnly, 4, 4, 4),
    topic(NAMES.writeOnly, 4, 4, 2),
    topic(NAMES.narrow, 4, 2, 6),
    topic(NAMES.contents, 8, 8, 6),
    updateAndCreateSubscriptionGroup.encode({ groupName: NAMES.retrying }),
    updateAndCreateSubscriptionGroup.encode({ groupName: NAMES.group }),
    updateAndCreateSubscriptionGroup.encode({ groupName: NAMES.silent }),
    updateAndCreateSubscriptionGroup.encode({ groupName: NAMES.disabled, consumeEnable: false }),
    ...['A', 'B', 'A', 'B', 'A'].map((tag, index) =>
      send({ queueId: 0, properties: encodeProperties({ TAGS: tag, KEYS: `key${index}` }) }),
    ),
    heartBeat.encode({
      clientId: 'parity-client',
      producerGroups: [],
      consumers: [
        {
          groupName: NAMES.group,
          ...CONSUMER,
          subscriptions: [
            buildSubscription(NAMES.topic, '*', 'TAG', SUB_VERSION),
            buildSubscription(`%RETRY%${NAMES.group}`, '*', 'TAG', SUB_VERSION),
          ],
        },
      ],
    }),
  ];
  for (const step of steps) {
    const reply = await side.broker.request(step);
    if (reply.code !== 0)
      throw new Error(`${brokerName} answered ${step.code} with ${reply.code}: ${reply.remark ?? ''}`);
  }
  return side;
}

describe('the mock broker beside a real one', function () {
  this.timeout(60_000);
  let real: Side;
  let mock: Side;
  let cluster: MockCluster;
  let is5 = true;

  before(async () => {
    const env = await realEnv();
    is5 = env.version.startsWith('5');
    const first = env.brokers[0];
    if (first === undefined) throw new Error('the cluster has no broker');
    cluster = await MockCluster.start({
      brokers: [{ name: first.name }],
      version: is5 ? MqVersion.V5_5_0 : MqVersion.V4_9_7,
    });
    real = await connectSide(env.namesrvAddr, first.address, first.name);
    mock = await connectSide(cluster.namesrvAddr, cluster.broker(first.name).address, first.name);
    // A real broker finds a message by its queue a moment after it has stored it.
    for (let found = false; !found;) {
      const { extFields } = await real.broker.request(plain(C.GET_MAX_OFFSET, at(NAMES.topic, 0)));
      found = extFields['offset'] === '5';
    }
  });

  after(async () => {
    for (const side of [real, mock]) {
      for (const topic of [NAMES.topic, NAMES.readOnly, NAMES.writeOnly, NAMES.narrow, NAMES.contents]) {
        await side?.broker.request(plain(C.DELETE_TOPIC_IN_BROKER, { topic }));
      }
      await side?.broker.close();
      await side?.nameServer.close();
    }
    await cluster?.stop();
  });

  PARITY_CASES.forEach((one, index) => {
    it(`${index + 1} ${one.name}`, async () => {
      const ask = async (side: Side): Promise<RemotingCommand> => {
        const request = typeof one.request === 'function' ? one.request(side) : one.request;
        const client = one.to === 'nameServer' ? side.nameServer : side.broker;
        return client.request(request, { version: one.version ?? MqVersion.V5_3_3 });
      };
      if (one.since5 === true && !is5) return;
      let actual = comparable(await ask(mock), one);
      let expected = comparable(await ask(real), one);
      const deadline = Date.now() + SETTLE_MS;
      while (one.settles === true && Date.now() < deadline) {
        if (actual.code === 0 && isDeepStrictEqual(actual, expected)) break;
        actual = comparable(await ask(mock), one);
        expected = comparable(await ask(real), one);
      }
      expect(actual).to.deep.equal(expected);
    });
  });

  /** What a member of a group is told while heartbeats come: one number per heartbeat. */
  async function countNotifications(side: Side): Promise<number[]> {
    const groupName = `parity-notify-${RUN}`;
    const [first, second] = [await RawClient.connect(side.address), await RawClient.connect(side.address)];
    const counts: number[] = [];
    const beat = async (
      client: RawClient,
      clientId: string,
      topics: string[],
      change: Partial<ConsumerData> = {},
      version = 1,
    ): Promise<void> => {
      const subscriptions = topics.map((topic) => buildSubscription(topic, '*', 'TAG', version));
      const before = first.untaken(C.NOTIFY_CONSUMER_IDS_CHANGED).length;
      await client.call(heartBeat, {
        clientId,
        producerGroups: [],
        consumers: [{ ...CONSUMER, groupName, subscriptions, ...change }],
      });
      // A notification of the first client that came with another's heartbeat is there when its own request is answered.
      await first.request(plain(C.GET_MAX_OFFSET, at(T, 0)));
      counts.push(first.untaken(C.NOTIFY_CONSUMER_IDS_CHANGED).length - before);
    };
    await beat(first, 'n1', ['T1']);
    await beat(first, 'n1', ['T1']);
    await beat(first, 'n1', ['T1'], {}, 2);
    await beat(first, 'n1', ['T1', 'T2'], {}, 2);
    await beat(first, 'n1', ['T2'], {}, 2);
    await beat(first, 'n1-renamed', ['T2'], {}, 2);
    await beat(second, 'n2', ['T2'], {}, 2);
    await beat(second, 'n2', ['T3'], { messageModel: 'BROADCASTING' }, 2);
    const members = await first.request(plain(C.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: groupName }));
    counts.push(members.body.toString().includes('n1-renamed') ? 1 : 0);
    await second.request(plain(C.UNREGISTER_CLIENT, { clientID: 'whoever', consumerGroup: groupName }));
    await first.close();
    await second.close();
    return counts;
  }

  it('notifies members for the same reasons', async () => {
    expect(await countNotifications(mock)).to.deep.equal(await countNotifications(real));
  });

  /** A held pull among sends: the codes and offsets of its answers. */
  async function holdAndSend(side: Side): Promise<unknown[]> {
    const seen: unknown[] = [];
    const client = await RawClient.connect(side.address, { patienceMs: 20_000 });
    const hold = (queueOffset: number, subscription: string): Promise<RemotingCommand> =>
      client.request(
        pull({
          consumerGroup: NAMES.silent,
          topic: NAMES.contents,
          queueId: 7,
          queueOffset,
          sysFlag: 6,
          subscription,
          suspendTimeoutMillis: 15_000,
        }),
      );
    const note = (reply: RemotingCommand): unknown =>
      seen.push([reply.code, reply.remark, reply.extFields['nextBeginOffset'], reply.extFields['maxOffset']]);
    const tagged = (TAGS: string): Promise<RemotingCommand> => side.broker.request(into(7, { TAGS }));

    await tagged('B');
    await tagged('A');
    // Whether a message comes before or after the pull is held is up to the broker's threads: only what is found counts.
    let reply = await hold(0, 'A');
    while (reply.code === ResponseCode.PULL_RETRY_IMMEDIATELY)
      reply = await hold(Number(reply.extFields['nextBeginOffset']), 'A');
    note(reply);
    // Nothing that matches comes: the scan sees the new message, and executes the pull again.
    const second = hold(2, 'A');
    await tagged('B');
    note(await second);
    await client.close();
    return seen;
  }

  it('holds pulls until a message that matches comes, or the scan', async () => {
    expect(await holdAndSend(mock)).to.deep.equal(await holdAndSend(real));
  });

  /** A half message, committed: what is stored then. */
  async function commitTransaction(side: Side): Promise<unknown> {
    const properties = { UNIQ_KEY: 'T1', TRAN_MSG: 'true', PGROUP: 'parity-producer' };
    const half = sendMessageV2.decodeReply(await side.broker.request(into(6, properties, { sysFlag: 4 })));
    const commitLogOffset = Number.parseInt(half.offsetMsgId.slice(16), 16);
    const { queueOffset: tranStateTableOffset } = half;
    await side.broker.ask(endTransaction, { producerGroup: 'parity-producer', tranStateTableOffset, commitLogOffset, state: 'COMMIT', msgId: 'T1' }); // prettier-ignore
    const request = pull({
      consumerGroup: NAMES.silent,
      topic: NAMES.contents,
      queueId: 6,
      sysFlag: 4,
      subscription: '*',
    });
    for (;;) {
      const reply = await side.broker.request(request);
      const messages = decodeMessages(reply.body, { brokerName: '' }).messages.map(comparableMessage);
      if (messages.length > 0) return messages;
    }
  }

  it('stores committed transactions alike', async () => {
    expect(await commitTransaction(mock)).to.deep.equal(await commitTransaction(real));
  });
});
