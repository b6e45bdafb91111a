import { expect } from 'chai';
import { consumeDirectly } from '../../../lib/consumer/direct-consume.js';
import type { MessageListenerOrderly } from '../../../lib/consumer/listener.js';
import { encodeMessage, type MessageRecord } from '../../../lib/protocol/message.js';
import type { ConsumeMessageDirectlyReply } from '../../../lib/protocol/requests/consume-message-directly.js';
import { CompressionType, withCompression } from '../../../lib/protocol/sys-flag.js';
import { FakeClock } from '../../support/fake-clock.js';
import { storedMessage } from '../../support/stored-message.js';

const clock = new FakeClock();

function consume(
  listener: MessageListenerOrderly,
  fields: Partial<MessageRecord> = {},
  options: { allowed?: boolean; body?: Buffer; expose?: () => void } = {},
): Promise<ConsumeMessageDirectlyReply> {
  const record = storedMessage({ topic: 'T', queueId: 3, queueOffset: 42, ...fields }).toRecord();
  const body = options.body ?? encodeMessage(record);
  const request = { consumerGroup: 'g', clientId: 'c', brokerName: 'broker-x', body };
  return consumeDirectly(request, options.allowed ?? true, listener, options.expose ?? (() => undefined), clock);
}

describe('consumeDirectly', () => {
  const answers: [answer: unknown, result: string][] = [
    ['SUCCESS', 'CR_SUCCESS'],
    ['COMMIT', 'CR_COMMIT'],
    ['ROLLBACK', 'CR_ROLLBACK'],
    ['SUSPEND_CURRENT_QUEUE_A_MOMENT', 'CR_LATER'],
    [undefined, 'CR_SUCCESS'],
    [null, 'CR_RETURN_NULL'],
    ['RECONSUME_LATER', 'CR_LATER'],
    [0, 'CR_LATER'],
  ];
  for (const [answer, result] of answers) {
    it(`tells ${String(answer)} as ${result}, at once or later`, async () => {
      for (const listener of [() => answer, () => Promise.resolve(answer)]) {
        const reply = await consume(listener as MessageListenerOrderly);
        expect(reply.consumeResult).to.equal(result);
        expect(reply.order).to.equal(true);
        expect(reply.autoCommit).to.equal(true);
      }
    });
  }

  it('tells a failure with its words, thrown or rejected, an error or not', async () => {
    const failures: [MessageListenerOrderly, string][] = [
      [() => { throw new Error('no such order'); }, 'no such order'], // prettier-ignore
      [() => Promise.reject(new TypeError('no such order')), 'no such order'],
      [() => { throw 'just text'; }, 'just text'], // prettier-ignore
    ];
    for (const [listener, words] of failures) {
      const reply = await consume(listener);
      expect(reply.consumeResult).to.equal('CR_THROW_EXCEPTION');
      expect(reply.remark).to.include(words);
    }
  });

  it('gives the listener the one message and a context that says what this is', async () => {
    let seen: unknown;
    await consume((messages, context) => {
      const [message] = messages;
      seen = {
        count: messages.length,
        topic: message?.topic,
        brokerName: message?.brokerName,
        offset: message?.queueOffset,
        body: message?.body.toString(),
        queue: context.messageQueue,
        direct: context.direct,
        owner: context.isOwner(),
        aborted: context.signal.aborted,
      };
    });
    expect(seen).to.deep.equal({
      count: 1,
      topic: 'T',
      brokerName: 'broker-x',
      offset: 42,
      body: 'body',
      queue: { topic: 'T', brokerName: 'broker-x', queueId: 3 },
      direct: true,
      owner: false,
      aborted: false,
    });
  });

  it('tells the commit mode the listener left behind', async () => {
    const reply = await consume((_messages, context) => {
      context.autoCommit = false;
      return 'COMMIT';
    });
    expect(reply.autoCommit).to.equal(false);
  });

  it('tells it after a failure, too', async () => {
    const reply = await consume((_messages, context) => {
      context.autoCommit = false;
      throw new Error('no');
    });
    expect(reply.autoCommit).to.equal(false);
  });

  it('tells how long it took', async () => {
    const reply = await consume(() => clock.jump(1_234));
    expect(reply.spentTimeMills).to.equal(1_234);
  });

  it('refuses when it is not allowed, without calling the listener', async () => {
    let calls = 0;
    const reply = await consume(() => void calls++, {}, { allowed: false });
    expect(reply.consumeResult).to.equal('CR_THROW_EXCEPTION');
    expect(reply.remark).to.include('allowDirectConsume');
    expect(calls).to.equal(0);
  });

  it('says so when there is no message, or one that can not be read', async () => {
    let calls = 0;
    const listener = (): void => void calls++;
    const empty = await consume(listener, {}, { body: Buffer.alloc(0) });
    expect(empty.remark).to.include('no message');
    const rubbish = await consume(listener, {}, { body: Buffer.from('rubbish'.repeat(20)) });
    expect(rubbish.consumeResult).to.equal('CR_THROW_EXCEPTION');
    const corrupt = await consume(listener, { sysFlag: withCompression(0, CompressionType.ZLIB) });
    expect(corrupt.consumeResult).to.equal('CR_THROW_EXCEPTION');
    expect(corrupt.remark).to.include('zlib');
    expect(calls).to.equal(0);
  });
});
