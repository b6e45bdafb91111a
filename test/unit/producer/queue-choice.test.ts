import { expect } from 'chai';
import { RouteError, ValidationError } from '../../../lib/errors.js';
import { QueueChoice, type QueueChoiceOptions, type Target } from '../../../lib/producer/queue-choice.js';
import type { QueueSelector } from '../../../lib/producer/producer-message.js';
import type { Outgoing } from '../../../lib/producer/outgoing.js';
import type { MessageQueue } from '../../../lib/protocol/message-queue.js';
import { queue } from './fake-producer-client.js';

const source = { topic: 'Orders', body: 'x', shardingKey: 'TagA' };
const outgoing: Outgoing = {
  topic: 'Orders',
  wireTopic: 'ns%Orders',
  body: Buffer.from('x'),
  properties: '',
  flag: 0,
  msgId: 'ID',
  shardingKey: 'TagA',
  batch: false,
  source,
};

/** As routes have them: with the namespace. */
const queues = [0, 1, 2, 3].map((id) => queue(id, 'broker-a', 'ns%Orders'));
const KEY: Target = { by: 'key', key: 'TagA' };

function choice(options: Partial<QueueChoiceOptions> = {}): QueueChoice {
  return new QueueChoice({ queuePolicy: 'route', hash: 'java', ...options });
}

function selector(select: QueueSelector, arg?: unknown): Target {
  return { by: 'selector', select, arg };
}

function ordered(target: Target, options?: Partial<QueueChoiceOptions>, from = queues): MessageQueue {
  if (target.by === 'any') throw new Error('not an ordered target');
  return choice(options).ordered(target, outgoing, from);
}

describe('queue choice', () => {
  describe('by sharding key', () => {
    it('goes by the hash of the reference', () => {
      expect(ordered(KEY)).to.deep.equal(queue(3, 'broker-a', 'ns%Orders'));
    });

    it("goes by the Go client's hash when that is asked for", () => {
      expect(ordered({ by: 'key', key: 'foobar' }, { hash: 'fnv1a32' })).to.equal(queues[0xbf9cf968 % 4]);
    });
  });

  it('takes an explicit queue as it is, under its topic on the wire', () => {
    expect(ordered({ by: 'queue', queue: queue(7) })).to.deep.equal(queue(7, 'broker-a', 'ns%Orders'));
  });

  describe('by selector', () => {
    it('shows the queues without namespace, the message and the argument, and takes its answer', () => {
      const seen: unknown[] = [];
      const chosen = ordered(
        selector((shown, message, arg) => {
          seen.push(shown, message, arg);
          return { topic: 'Orders', brokerName: 'broker-a', queueId: 2 };
        }, 42),
      );
      expect(chosen).to.equal(queues[2]);
      expect(seen).to.deep.equal([[0, 1, 2, 3].map((id) => queue(id)), source, 42]);
    });

    it('is not confused by a selector that sorts or changes what it is shown', () => {
      const chosen = ordered(
        selector((shown) => {
          const mine = shown as MessageQueue[];
          mine.reverse();
          return mine[0] as MessageQueue;
        }),
      );
      expect(chosen).to.equal(queues[3]);
      expect(queues[0]).to.deep.equal(queue(0, 'broker-a', 'ns%Orders'));
    });

    for (const [what, answer] of [
      ['a queue that is not there', queue(4)],
      ["another topic's queue", queue(0, 'broker-a', 'Other')],
      ['nothing', undefined],
      ['an index', 1],
      ['a promise', Promise.resolve(queue(0))],
      ['half a queue', { topic: 'Orders', queueId: 0 }],
    ] as const) {
      it(`refuses ${what}`, () => {
        expect(() => ordered(selector(() => answer as MessageQueue)))
          .to.throw(ValidationError)
          .with.property('field', 'the answer of options.selector');
      });
    }
  });

  describe('by policy', () => {
    it('a count lets keys through while it is right', () => {
      expect(ordered(KEY, { queuePolicy: { count: 4 } })).to.equal(queues[3]);
    });

    it('a count fails keys and selectors when the topic has another number of queues', () => {
      for (const target of [KEY, selector((shown) => shown[0] as MessageQueue)]) {
        expect(() => ordered(target, { queuePolicy: { count: 8 } }))
          .to.throw(RouteError, 'has 4 writable queues, but queuePolicy demands 8')
          .with.property('code', 'ERR_ROCKETMQ_NO_QUEUE');
      }
    });

    it('fixed queues are hashed over in their own order, those of other topics aside', () => {
      const fixed = [queue(9, 'broker-x', 'Other'), queue(3), queue(0)];
      // 2598919 is odd: the second of two.
      expect(ordered(KEY, { queuePolicy: { fixed } })).to.deep.equal(queue(0, 'broker-a', 'ns%Orders'));
    });

    it('a fixed queue that takes no messages fails its keys, and does not hand them to others', () => {
      const fixed = [queue(0), queue(1, 'broker-b')];
      expect(() => ordered(KEY, { queuePolicy: { fixed } })).to.throw(RouteError, 'broker-b#1 of queuePolicy takes no');
      expect(ordered({ by: 'key', key: 'TagB' }, { queuePolicy: { fixed } }).queueId).to.equal(0);
    });

    it('fixed queues of other topics only fail', () => {
      expect(() => ordered(KEY, { queuePolicy: { fixed: [queue(0, 'broker-a', 'Other')] } })).to.throw(
        RouteError,
        'queuePolicy names no queue of topic Orders',
      );
    });
  });

  describe('of plain sends', () => {
    const six = [0, 1, 2].flatMap((id) => [queue(id, 'broker-a'), queue(id, 'broker-b')]);

    it('takes the queues in turn, whichever comes first', () => {
      const chooser = choice();
      const first = six.indexOf(chooser.any('Orders', six, undefined));
      for (let step = 1; step <= 12; step++) {
        expect(six.indexOf(chooser.any('Orders', six, undefined))).to.equal((first + step) % 6);
      }
    });

    it('takes turns for each topic of its own', () => {
      const chooser = choice();
      const first = six.indexOf(chooser.any('Orders', six, undefined));
      chooser.any('Bills', six, undefined);
      expect(six.indexOf(chooser.any('Orders', six, undefined))).to.equal((first + 1) % 6);
    });

    it('passes over the broker that just failed', () => {
      const chooser = choice();
      for (let i = 0; i < 20; i++) {
        expect(chooser.any('Orders', six, 'broker-a').brokerName).to.equal('broker-b');
      }
    });

    it('goes back to it when there is no other', () => {
      const chooser = choice();
      const used = new Set(queues.map(() => chooser.any('Orders', queues, 'broker-a').queueId));
      expect(used.size).to.be.above(1);
    });

    it('goes on when the topic has fewer queues than before', () => {
      const chooser = choice();
      for (let i = 0; i < 5; i++) chooser.any('Orders', six, undefined);
      expect(chooser.any('Orders', six.slice(0, 1), undefined)).to.equal(six[0]);
    });

    it('fails when there is none', () => {
      expect(() => choice().any('Orders', [], undefined)).to.throw(RouteError, 'no queue');
    });
  });
});
