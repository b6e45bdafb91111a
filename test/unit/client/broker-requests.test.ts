import { expect } from 'chai';
import { serveBrokerRequests } from '../../../lib/client/broker-requests.js';
import type { ClientInstance } from '../../../lib/client/client-instance.js';
import { ProtocolError } from '../../../lib/errors.js';
import { RequestCode, ResponseCode } from '../../../lib/protocol/codes.js';
import { createRequest, type RequestCommand, type ResponseCommand } from '../../../lib/protocol/command.js';
import { consumeMessageDirectly } from '../../../lib/protocol/requests/consume-message-directly.js';
import { getConsumerRunningInfo } from '../../../lib/protocol/requests/get-consumer-running-info.js';
import { getConsumerStatusFromClient } from '../../../lib/protocol/requests/get-consumer-status-from-client.js';
import { notifyConsumerIdsChanged } from '../../../lib/protocol/requests/notify-consumer-ids-changed.js';
import { resetConsumerClientOffset } from '../../../lib/protocol/requests/reset-consumer-client-offset.js';
import type { RequestHandler } from '../../../lib/remoting/request-handlers.js';

const QUEUE = { topic: 'T', brokerName: 'a', queueId: 0 };

function setUp() {
  const handlers = new Map<number, RequestHandler>();
  const asked: [what: string, value: unknown][] = [];
  const note = (what: string, value: unknown): void => void asked.push([what, value]);
  const member = {
    rebalanceSoon: (reason: string) => note('rebalance', reason),
    resetOffset: (request: unknown) => note('reset', request),
    consumerStatus: (topic: string) => {
      note('status', topic);
      return { offsets: [{ queue: QUEUE, offset: 5 }] };
    },
    runningInfo: () => {
      note('info', undefined);
      return { properties: { answer: '42' }, subscriptions: [], queues: [], statusByTopic: {} };
    },
    consumeDirectly: (request: { msgId: string }) => {
      note('consume', request.msgId);
      return Promise.resolve({ order: true, autoCommit: true, consumeResult: 'CR_SUCCESS', spentTimeMills: 3 });
    },
  };
  const client = {
    remoting: { setRequestHandler: (code: number, handler: RequestHandler) => handlers.set(code, handler) },
    consumer: (group: string) => (group === 'g' ? member : undefined),
  };
  serveBrokerRequests(client as unknown as ClientInstance);
  const serve = async (request: RequestCommand): Promise<ResponseCommand | undefined> =>
    handlers.get(request.code)?.(createRequest(request, 1), { address: 'a:1' });
  return { handlers, asked, serve };
}

/** What a client reads of an answer. */
function received(response: ResponseCommand | undefined): never {
  return { extFields: {}, body: Buffer.alloc(0), ...response } as never;
}

describe('serveBrokerRequests', () => {
  it('serves these codes and no other', () => {
    expect([...setUp().handlers.keys()].sort((a, b) => a - b)).to.deep.equal([40, 220, 221, 307, 309]);
  });

  it('a change of members wakes the rebalance of that group, without an answer', async () => {
    const { asked, serve } = setUp();
    expect(await serve(notifyConsumerIdsChanged.encode({ consumerGroup: 'g' }))).to.equal(undefined);
    expect(asked).to.deep.equal([['rebalance', 'group members changed']]);
    expect(await serve(notifyConsumerIdsChanged.encode({ consumerGroup: 'other' }))).to.equal(undefined);
    expect(asked).to.have.lengthOf(1);
  });

  for (const form of ['object-keys', 'list'] as const) {
    it(`a reset is handed to its group, from either form of its table (${form})`, async () => {
      const { asked, serve } = setUp();
      const request = { topic: 'T', group: 'g', timestamp: 9, isForce: true, offsets: [{ queue: QUEUE, offset: 7 }] };
      await serve(resetConsumerClientOffset.encode({ ...request, form }));
      expect(asked[0]?.[0]).to.equal('reset');
      expect(asked[0]?.[1]).to.deep.include({ topic: 'T', group: 'g', offsets: [{ queue: QUEUE, offset: 7 }] });
      await serve(resetConsumerClientOffset.encode({ ...request, group: 'other', form }));
      expect(asked).to.have.lengthOf(1);
    });
  }

  it('the offsets of a group are told', async () => {
    const { asked, serve } = setUp();
    const response = await serve(getConsumerStatusFromClient.encode({ topic: 'T', group: 'g' }));
    expect(getConsumerStatusFromClient.decodeReply(received(response)).offsets).to.deep.equal([{ queue: QUEUE, offset: 5 }]); // prettier-ignore
    expect(asked).to.deep.equal([['status', 'T']]);
  });

  it('what a consumer does is told', async () => {
    const { serve } = setUp();
    const response = await serve(getConsumerRunningInfo.encode({ consumerGroup: 'g', clientId: 'me', jstackEnable: false })); // prettier-ignore
    expect(getConsumerRunningInfo.decodeReply(received(response)).properties).to.deep.equal({ answer: '42' });
  });

  it('a message is consumed on request', async () => {
    const { asked, serve } = setUp();
    const request = { consumerGroup: 'g', clientId: 'me', msgId: 'ID', brokerName: 'a', body: Buffer.from('x') };
    const response = await serve(consumeMessageDirectly.encode(request));
    expect(consumeMessageDirectly.decodeReply(received(response)).consumeResult).to.equal('CR_SUCCESS');
    expect(asked).to.deep.equal([['consume', 'ID']]);
  });

  it('a group that is not here is refused, in the words of the reference', async () => {
    const { serve } = setUp();
    const refused = {
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'The Consumer Group <other> not exist in this consumer',
    };
    const group = 'other';
    expect(await serve(getConsumerStatusFromClient.encode({ topic: 'T', group }))).to.deep.equal(refused);
    const info = { consumerGroup: group, clientId: 'me', jstackEnable: false };
    expect(await serve(getConsumerRunningInfo.encode(info))).to.deep.equal(refused);
    const direct = { consumerGroup: group, clientId: 'me', msgId: 'ID', brokerName: 'a', body: Buffer.from('x') };
    expect(await serve(consumeMessageDirectly.encode(direct))).to.deep.equal(refused);
  });

  it('a request that can not be read is thrown, for whoever dispatches to answer', () => {
    const { handlers } = setUp();
    for (const code of [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, RequestCode.RESET_CONSUMER_CLIENT_OFFSET]) {
      const broken = createRequest({ code, extFields: {}, body: Buffer.from('{') }, 1);
      expect(() => handlers.get(code)?.(broken, { address: 'a:1' })).to.throw(ProtocolError);
    }
  });
});
