import { expect } from 'chai';
import { AbortError, SendError, StateError, ValidationError } from '../../../lib/errors.js';
import type { Target } from '../../../lib/producer/queue-choice.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';
import { connectionLost, oneBroker, queue, SenderRig, twoBrokers, Valve } from './fake-producer-client.js';

const order = (body: string, shardingKey?: string): { topic: string; body: string; shardingKey?: string } => ({
  topic: 'Orders',
  body,
  ...(shardingKey !== undefined && { shardingKey }),
});
const toQueue = (id: number): Target => ({ by: 'queue', queue: queue(id) });
const bySelector = (id: number): Target => ({ by: 'selector', select: () => queue(id), arg: undefined });

describe('message sender', () => {
  let rig: SenderRig;
  let valve: Valve;
  const setUp = (options: ConstructorParameters<typeof SenderRig>[0] = {}): void => {
    rig = new SenderRig(options);
    rig.client.topics.set('Orders', oneBroker(4));
    valve = new Valve();
    rig.client.answer = valve.answer;
  };
  beforeEach(() => setUp());

  describe('keeps the order of a sharding key', () => {
    it('by having one request of it under way at a time', async () => {
      const sends = ['a', 'b', 'c'].map((body) => rig.send(order(body, 'k')));
      await turns();
      expect(valve.waiting).to.deep.equal(['a']);
      valve.release('a');
      await turns();
      expect(valve.waiting).to.deep.equal(['b']);
      valve.release('b');
      await turns();
      valve.release('c');
      const results = await Promise.all(sends);
      expect(results.map(({ queueOffset }) => queueOffset)).to.deep.equal([0, 1, 2]);
      await turns();
      expect(rig.sender.chainCount).to.equal(0);
      expect(rig.sender.pendingCount).to.equal(0);
    });

    it('while a message is tried again', async () => {
      void rig.send(order('a', 'k'));
      const second = rig.send(order('b', 'k'));
      await turns();
      valve.release('a', connectionLost());
      await turns();
      expect(valve.waiting).to.deep.equal(['a']);
      valve.release('a', connectionLost());
      await turns();
      expect(valve.waiting).to.deep.equal(['a']);
      valve.release('a');
      await turns();
      valve.release('b');
      await second;
      expect(rig.bodies).to.deep.equal(['a', 'a', 'a', 'b']);
    });

    it('while the route is looked up', async () => {
      let open: (value: unknown) => void = () => undefined;
      rig.client.gate = new Promise((resolve) => (open = resolve));
      void rig.send(order('a', 'k'));
      await turns();
      void rig.send(order('b', 'k'));
      open(undefined);
      await turns();
      expect(valve.waiting).to.deep.equal(['a']);
    });

    it('while a long body is compressed', async () => {
      void rig.send(order('a'.repeat(1_000_000), 'k'));
      const second = rig.send(order('b', 'k'));
      rig.client.answer = () => undefined;
      await second;
      expect(rig.bodies[1]).to.equal('b');
    });

    it('with batches and one way messages in between', async () => {
      const sends = [
        rig.send(order('a', 'k')),
        rig.batch([order('b', 'k'), order('c', 'k')]),
        rig.oneway(order('d', 'k')),
        rig.send(order('e', 'k')),
      ];
      for (let i = 0; i < 4; i++) {
        await turns();
        expect(valve.waiting).to.have.length(1);
        valve.release(valve.waiting[0] ?? '');
      }
      await Promise.all(sends);
      expect(rig.client.requests.map(({ code, oneway }) => [code, oneway])).to.deep.equal([
        [310, false],
        [320, false],
        [310, true],
        [310, false],
      ]);
    });

    it('of each key and topic by itself', async () => {
      rig.client.topics.set('Bills', oneBroker(1));
      void rig.send(order('a', 'k1'));
      void rig.send(order('b', 'k2'));
      void rig.send({ ...order('c', 'k1'), topic: 'Bills' });
      void rig.send(order('d'));
      await turns();
      expect(valve.waiting).to.have.members(['a', 'b', 'c', 'd']);
    });

    it('even when a queue or a selector is given', async () => {
      void rig.send(order('a', 'k'), toQueue(1));
      void rig.send(order('b', 'k'), bySelector(2));
      void rig.send(order('c', 'other'), toQueue(1));
      await turns();
      expect(valve.waiting).to.have.members(['a', 'c']);
      valve.release('a');
      await turns();
      expect(valve.waiting).to.have.members(['b', 'c']);
      expect(rig.client.requests.map(({ queueId }) => queueId)).to.deep.equal([1, 1, 2]);
    });
  });

  it('lets plain messages go side by side', async () => {
    for (const body of ['a', 'b', 'c']) void rig.send(order(body));
    await turns();
    expect(valve.waiting).to.deep.equal(['a', 'b', 'c']);
    expect(rig.sender.chainCount).to.equal(0);
    expect(rig.sender.pendingCount).to.equal(3);
  });

  describe('keeps the order of a queue, where there is no key', () => {
    it('of each queue by itself', async () => {
      void rig.send(order('a'), toQueue(0));
      void rig.send(order('b'), toQueue(0));
      void rig.send(order('c'), toQueue(1));
      await turns();
      expect(valve.waiting).to.deep.equal(['a', 'c']);
      valve.release('a');
      await turns();
      expect(valve.waiting).to.deep.equal(['c', 'b']);
    });

    it('also when some name it and others select it, and the route is not known yet', async () => {
      let open: (value: unknown) => void = () => undefined;
      rig.client.gate = new Promise((resolve) => (open = resolve));
      void rig.send(order('a'), bySelector(0));
      void rig.send(order('b'), toQueue(0));
      await turns();
      void rig.send(order('c'), bySelector(0));
      open(undefined);
      for (const body of ['a', 'b', 'c']) {
        await turns();
        expect(valve.waiting).to.deep.equal([body]);
        valve.release(body);
      }
      expect(rig.client.lookups).to.deep.equal(['Orders']);
    });

    it('with the argument for the selector', async () => {
      const seen: unknown[] = [];
      const target: Target = {
        by: 'selector',
        arg: 7,
        select: (shown, message, arg) => {
          seen.push(message, arg);
          return shown[3] ?? queue(0);
        },
      };
      const message = order('a');
      rig.client.answer = () => undefined;
      expect((await rig.send(message, target)).messageQueue).to.deep.equal(queue(3));
      expect(seen).to.deep.equal([message, 7]);
    });

    it('fails what no queue is found for, and goes on', async () => {
      rig.client.answer = () => undefined;
      const failure = new Error('of the selector');
      const failing: Target = {
        by: 'selector',
        arg: undefined,
        select: () => {
          throw failure;
        },
      };
      const [first, second, third] = [
        rejection(rig.send(order('a'), failing), Error),
        rejection(rig.send(order('b'), bySelector(9)), ValidationError),
        rig.send(order('c'), bySelector(1)),
      ];
      expect(await first).to.equal(failure);
      expect((await second).field).to.equal('the answer of options.selector');
      expect((await third).messageQueue.queueId).to.equal(1);
      expect(rig.bodies).to.deep.equal(['c']);
    });

    it('within the time from the call on, waiting for others excepted', async () => {
      setUp({ sendMsgTimeout: 500 });
      let open: (value: unknown) => void = () => undefined;
      rig.client.gate = new Promise((resolve) => (open = resolve));
      void rig.send(order('a'), toQueue(0));
      void rig.send(order('b'), toQueue(0));
      await rig.clock.advance(200);
      open(undefined);
      await rig.clock.advance(1_000);
      valve.release('a');
      await turns();
      expect(rig.client.requests.map(({ timeoutMs }) => timeoutMs)).to.deep.equal([300, 300]);
    });
  });

  it('does not count the time a message waits for those before it', async () => {
    void rig.send(order('a', 'k'));
    void rig.send(order('b', 'k'));
    await rig.clock.advance(10_000);
    valve.release('a');
    await turns();
    expect(rig.client.requests.map(({ timeoutMs }) => timeoutMs)).to.deep.equal([3_000, 3_000]);
  });

  it('forgets keys that are done', async () => {
    rig.client.answer = () => undefined;
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => rig.send(order('x', `key-${i}`))));
    await turns();
    expect(rig.sender.chainCount).to.equal(0);
  });

  describe('when a message finally fails', () => {
    it('goes on with the next one of its key', async () => {
      const first = rejection(rig.send(order('a', 'k')), SendError);
      const second = rig.send(order('b', 'k'));
      rig.client.answer = ({ body }) => (body.toString() === 'a' ? { code: 13 } : undefined);
      await first;
      expect((await second).status).to.equal('SEND_OK');
      expect(rig.blocked).to.deep.equal([]);
    });

    describe('and keys are to be blocked', () => {
      beforeEach(() => setUp({ orderedFailure: 'block-key', retryTimesWhenSendFailed: 0 }));

      it('fails all that waits for it and all that comes, until the key is freed', async () => {
        const failing = (body: string): Promise<SendError> => rejection(rig.send(order(body, 'k')), SendError);
        const first = failing('a');
        const second = failing('b');
        const third = failing('c');
        await turns();
        valve.release('a', connectionLost());
        const cause = await first;
        for (const error of [await second, await third, await failing('d')]) {
          expect(error.cause).to.equal(cause);
          expect(error.retryable).to.equal(false);
          expect(error.context).to.include({ blocked: true, outcome: 'not-stored', shardingKey: 'k', topic: 'Orders' });
          expect(error.message).to.include('sharding key "k" is blocked');
        }
        expect(rig.bodies).to.deep.equal(['a']);
        expect(rig.blocked).to.deep.equal([{ scope: { topic: 'Orders', shardingKey: 'k' }, cause }]);
        expect(rig.sender.blocked).to.deep.equal([{ topic: 'Orders', shardingKey: 'k' }]);

        expect(rig.sender.unblock('k', undefined)).to.equal(true);
        expect(rig.sender.unblock('k', undefined)).to.equal(false);
        rig.client.answer = () => undefined;
        expect((await rig.send(order('e', 'k'))).status).to.equal('SEND_OK');
        expect(rig.sender.blocked).to.deep.equal([]);
      });

      it('leaves other keys alone', async () => {
        rig.client.answer = ({ body }) => (body.toString() === 'a' ? { code: 13 } : undefined);
        await rejection(rig.send(order('a', 'k')), SendError);
        await rig.send(order('b', 'l'));
        await rig.send(order('c'));
        rig.client.topics.set('Bills', oneBroker(1));
        await rig.send({ ...order('d', 'k'), topic: 'Bills' });
        expect(rig.bodies).to.deep.equal(['a', 'b', 'c', 'd']);
      });

      it('sends first what the caller sends when it has freed the key', async () => {
        const again = rig.send(order('a', 'k')).catch(() => {
          expect(rig.sender.unblock('k', 'Orders')).to.equal(true);
          return rig.send(order('a2', 'k'));
        });
        const second = rejection(rig.send(order('b', 'k')), SendError);
        await turns();
        valve.release('a', connectionLost());
        await turns();
        valve.release('a2');
        await again;
        await second;
        expect(rig.bodies).to.deep.equal(['a', 'a2']);
      });

      it('frees a key in one topic or in all', async () => {
        rig.client.answer = () => ({ code: 13 });
        rig.client.topics.set('Bills', oneBroker(1));
        const fail = async (topic: string): Promise<void> => {
          await rejection(rig.send({ ...order('a', 'k'), topic }), SendError);
        };
        await fail('Orders');
        await fail('Bills');
        expect(rig.sender.unblock('k', 'Nothing')).to.equal(false);
        expect(rig.sender.unblock('l', undefined)).to.equal(false);
        expect(rig.sender.unblock('k', 'Bills')).to.equal(true);
        expect(rig.sender.blocked).to.deep.equal([{ topic: 'Orders', shardingKey: 'k' }]);
        await fail('Bills');
        expect(rig.sender.unblock('k', undefined)).to.equal(true);
        expect(rig.sender.blocked).to.deep.equal([]);
      });

      it('blocks a queue where there is no key', async () => {
        rig.client.answer = ({ body }) => (body.toString() === 'a' ? { code: 13 } : undefined);
        const first = rejection(rig.send(order('a'), toQueue(1)), SendError);
        const second = rejection(rig.send(order('b'), bySelector(1)), SendError);
        await first;
        expect((await second).message).to.include('queue Orders@broker-a#1 is blocked');
        await rig.send(order('c'), toQueue(2));
        expect(rig.sender.blocked).to.deep.equal([{ topic: 'Orders', messageQueue: queue(1) }]);
        expect(rig.sender.unblock('k', undefined)).to.equal(false);
        expect(rig.sender.unblock(queue(2), undefined)).to.equal(false);
        expect(rig.sender.unblock(queue(1), undefined)).to.equal(true);
        await rig.send(order('d'), toQueue(1));
        expect(rig.bodies).to.deep.equal(['a', 'c', 'd']);
      });

      it('takes a caller that gives up for a failure: what is before may go on, what is behind not', async () => {
        const abort = new AbortController();
        const first = rig.send(order('a', 'k'));
        const second = rig.send(order('b', 'k'));
        const third = rejection(rig.send(order('c', 'k'), undefined, { signal: abort.signal }), AbortError);
        const fourth = rejection(rig.send(order('d', 'k')), SendError);
        await turns();
        abort.abort();
        await third;
        await fourth;
        expect(rig.blocked).to.have.length(1);
        valve.release('a');
        await first;
        await turns();
        valve.release('b');
        await second;
        expect(rig.bodies).to.deep.equal(['a', 'b']);
      });

      it('cuts again when one before that fails, too', async () => {
        const abort = new AbortController();
        const first = rejection(rig.send(order('a', 'k')), SendError);
        const second = rejection(rig.send(order('b', 'k')), SendError);
        const third = rejection(rig.send(order('c', 'k'), undefined, { signal: abort.signal }), AbortError);
        await turns();
        abort.abort();
        await third;
        valve.release('a', connectionLost());
        const cause = await first;
        expect((await second).cause).to.equal(cause);
        expect(rig.blocked).to.have.length(1);
        expect(rig.bodies).to.deep.equal(['a']);
      });

      it('hands on whatever a selector throws', async () => {
        const target: Target = {
          by: 'selector',
          arg: undefined,
          select: () => {
            throw 'no error at all';
          },
        };
        let reason: unknown;
        await rig.send(order('a', 'k'), target).catch((error: unknown) => (reason = error));
        expect(reason).to.equal('no error at all');
        expect(rig.blocked[0]?.cause.message).to.equal('no error at all');
      });
    });
  });

  describe('when the signal fires', () => {
    let abort: AbortController;
    beforeEach(() => (abort = new AbortController()));

    it('does not send a message that waits', async () => {
      void rig.send(order('a', 'k'));
      const second = rejection(rig.send(order('b', 'k'), undefined, { signal: abort.signal }), AbortError);
      const third = rig.send(order('c', 'k'));
      await turns();
      abort.abort(new Error('enough'));
      const error = await second;
      expect(error.message).to.include('before anything was sent');
      expect(error.cause).to.have.property('message', 'enough');
      valve.release('a');
      await turns();
      valve.release('c');
      await third;
      expect(rig.bodies).to.deep.equal(['a', 'c']);
    });

    it('answers at once, but lets the next message wait for the request under way', async () => {
      const first = rejection(rig.send(order('a', 'k'), undefined, { signal: abort.signal }), AbortError);
      const second = rig.send(order('b', 'k'));
      await turns();
      abort.abort();
      expect((await first).message).to.include('whether it is stored is unknown');
      expect(valve.waiting).to.deep.equal(['a']);
      valve.release('a');
      await turns();
      valve.release('b');
      await second;
    });

    it('does not try again', async () => {
      const first = rejection(rig.send(order('a'), undefined, { signal: abort.signal }), AbortError);
      await turns();
      abort.abort();
      await first;
      valve.release('a', connectionLost());
      await turns();
      expect(rig.bodies).to.deep.equal(['a']);
    });

    it('ends the pause before another attempt', async () => {
      rig.client.answer = () => ({ code: 2 });
      const first = rejection(rig.send(order('a', 'k'), undefined, { signal: abort.signal }), AbortError);
      await rig.clock.advance(10);
      expect(rig.clock.timerCount).to.equal(1);
      abort.abort();
      await first;
      await turns();
      expect(rig.clock.timerCount).to.equal(0);
      expect(rig.sender.chainCount).to.equal(0);
      expect(rig.bodies).to.deep.equal(['a']);
    });

    it('leaves a message that has no queue yet unsent', async () => {
      let open: (value: unknown) => void = () => undefined;
      rig.client.gate = new Promise((resolve) => (open = resolve));
      const first = rejection(rig.send(order('a'), bySelector(0), { signal: abort.signal }), AbortError);
      abort.abort();
      await first;
      open(undefined);
      await turns();
      expect(rig.bodies).to.deep.equal([]);
      expect(rig.sender.chainCount).to.equal(0);
    });

    it('after the answer: nothing happens', async () => {
      rig.client.answer = () => undefined;
      await rig.send(order('a', 'k'), undefined, { signal: abort.signal });
      abort.abort();
      await turns();
      expect(rig.sender.pendingCount).to.equal(0);
    });
  });

  describe('drain', () => {
    it('is at once when nothing is under way', async () => {
      await rig.sender.drain(1_000);
      expect(rig.clock.timerCount).to.equal(0);
    });

    it('awaits what is under way and what waits for it', async () => {
      const sends = ['a', 'b'].map((body) => rig.send(order(body, 'k')));
      await turns();
      let closed = false;
      const closing = rig.sender.drain(1_000).then(() => (closed = true));
      await rig.clock.advance(500);
      valve.release('a');
      await turns();
      expect(closed).to.equal(false);
      valve.release('b');
      await closing;
      expect((await Promise.all(sends)).map(({ status }) => status)).to.deep.equal(['SEND_OK', 'SEND_OK']);
      expect(rig.clock.timerCount).to.equal(0);
      expect(rig.client.tracked).to.deep.equal(['Orders']);
      rig.sender.release();
      expect(rig.client.tracked).to.deep.equal([]);
    });

    it('fails what is left when its time is over', async () => {
      setUp({ orderedFailure: 'block-key' });
      const [first, second] = [
        rejection(rig.send(order('a', 'k')), SendError),
        rejection(rig.send(order('b', 'k')), StateError),
      ];
      const closing = rig.sender.drain(1_000);
      await rig.clock.advance(1_000);
      await closing;
      expect((await first).context).to.include({ outcome: 'unknown', attempts: 1 });
      expect((await second).message).to.include('was not sent: the producer was closed before its turn came');
      // The request that is still under way ends into nothing.
      valve.release('a', connectionLost());
      await turns();
      expect(rig.bodies).to.deep.equal(['a']);
      expect(rig.blocked).to.deep.equal([]);
      expect(rig.sender.chainCount).to.equal(0);
    });
  });

  it('spreads plain messages over all queues', async () => {
    rig.client.topics.set('Orders', twoBrokers(3));
    rig.client.answer = () => undefined;
    await Promise.all(Array.from({ length: 12 }, () => rig.send(order('x'))));
    const perQueue = new Map<string, number>();
    for (const { brokerName, queueId } of rig.client.requests) {
      const name = `${brokerName} ${queueId}`;
      perQueue.set(name, (perQueue.get(name) ?? 0) + 1);
    }
    expect([...perQueue.values()]).to.deep.equal([2, 2, 2, 2, 2, 2]);
  });
});
