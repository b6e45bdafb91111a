import { expect } from 'chai';
import { findStartOffset } from '../../../lib/consumer/start-offset.js';
import type { ConsumeFromWhere } from '../../../lib/enums.js';
import { TimeoutError } from '../../../lib/errors.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { messageQueueKey } from '../../../lib/protocol/message-queue.js';
import { FakeClient } from '../../support/fake-client.js';
import { MemoryOffsetStore } from '../../support/memory-offset-store.js';
import { rejection } from '../../support/rejection.js';

const QUEUE = { topic: 'T', brokerName: 'a', queueId: 2 };
const MAX = 90;
const BY_TIME = 40;
const TIMESTAMP = 1_700_000_000_000;

function setUp() {
  const client = new FakeClient();
  client.respond = ({ code }) => ({ offset: code === RequestCode.GET_MAX_OFFSET ? MAX : BY_TIME });
  const store = new MemoryOffsetStore();
  const find = (consumeFromWhere: ConsumeFromWhere, isRetryTopic = false, chosenBefore?: number) =>
    findStartOffset(
      client.asClient(),
      store,
      QUEUE,
      isRetryTopic,
      { consumeFromWhere, consumeTimestamp: TIMESTAMP },
      chosenBefore,
    );
  return { client, store, find };
}

const WHERES = ['CONSUME_FROM_LAST_OFFSET', 'CONSUME_FROM_FIRST_OFFSET', 'CONSUME_FROM_TIMESTAMP'] as const;

describe('findStartOffset', () => {
  for (const where of WHERES) {
    for (const isRetryTopic of [false, true]) {
      const topic = isRetryTopic ? 'the retry topic' : 'a topic';

      it(`${where} of ${topic} takes what is stored, 0 too, and asks nothing else`, async () => {
        const { client, store, find } = setUp();
        for (const stored of [0, 17]) {
          store.stored.set(messageQueueKey(QUEUE), stored);
          expect(await find(where, isRetryTopic, 5)).to.deep.equal({ offset: stored, chosen: false });
        }
        expect(client.calls).to.deep.equal([]);
      });

      it(`${where} of ${topic} keeps what was chosen before`, async () => {
        const { client, find } = setUp();
        expect(await find(where, isRetryTopic, 5)).to.deep.equal({ offset: 5, chosen: true });
        expect(client.calls).to.deep.equal([]);
      });

      it(`${where} of ${topic} takes an error of the store for what it is`, async () => {
        const { client, store, find } = setUp();
        const error = new TimeoutError('no answer');
        store.readStored = () => Promise.reject(error);
        expect(await rejection(find(where, isRetryTopic, 5), TimeoutError)).to.equal(error);
        expect(client.calls).to.deep.equal([]);
      });
    }
  }

  const { GET_MAX_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP } = RequestCode;
  for (const [where, isRetryTopic, offset, code] of [
    ['CONSUME_FROM_LAST_OFFSET', false, MAX, GET_MAX_OFFSET],
    ['CONSUME_FROM_LAST_OFFSET', true, 0, undefined],
    ['CONSUME_FROM_FIRST_OFFSET', false, 0, undefined],
    ['CONSUME_FROM_FIRST_OFFSET', true, 0, undefined],
    ['CONSUME_FROM_TIMESTAMP', false, BY_TIME, SEARCH_OFFSET_BY_TIMESTAMP],
    ['CONSUME_FROM_TIMESTAMP', true, MAX, GET_MAX_OFFSET],
  ] as const) {
    const name = `${where} of ${isRetryTopic ? 'the retry topic' : 'a topic'}`;

    it(`${name} without a stored offset is ${offset}`, async () => {
      const { client, find } = setUp();
      expect(await find(where, isRetryTopic)).to.deep.equal({ offset, chosen: true });
      expect(client.calls.map((call) => [call.code, call.to])).to.deep.equal(code === undefined ? [] : [[code, 'a']]);
      if (code === SEARCH_OFFSET_BY_TIMESTAMP) expect(client.calls[0]?.request).to.include({ timestamp: TIMESTAMP });
      if (code !== undefined) expect(client.calls[0]?.request).to.include({ topic: 'T', queueId: 2 });
    });

    if (code === undefined) continue;
    it(`${name} fails when that can't be looked up`, async () => {
      const { client, find } = setUp();
      client.respond = () => {
        throw new TimeoutError('no answer');
      };
      await rejection(find(where, isRetryTopic), TimeoutError);
    });
  }
});
