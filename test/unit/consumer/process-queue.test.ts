import { expect } from 'chai';
import fc from 'fast-check';
import { ProcessQueue } from '../../../lib/consumer/process-queue.js';
import type { StoredMessage } from '../../../lib/protocol/message.js';
import { storedMessage } from '../../support/stored-message.js';

/** The two TreeMaps of the reference, as plainly as can be: what the ring has to behave like. */
class Model {
  waiting = new Map<number, StoredMessage>();
  consuming = new Map<number, StoredMessage>();
  resolved = new Set<number>();
  floor = 0;

  get unfinished(): number[] {
    return [...this.waiting.keys(), ...this.consuming.keys()].sort((a, b) => a - b);
  }

  put(messages: readonly StoredMessage[]): number {
    let added = 0;
    for (const message of messages) {
      const offset = message.queueOffset;
      if (offset < this.floor || this.resolved.has(offset)) continue;
      if (this.waiting.has(offset) || this.consuming.has(offset)) continue;
      this.waiting.set(offset, message);
      added++;
    }
    return added;
  }

  take(most: number): StoredMessage[] {
    const offsets = [...this.waiting.keys()].sort((a, b) => a - b).slice(0, most);
    return offsets.map((offset) => {
      const message = this.waiting.get(offset) as StoredMessage;
      this.waiting.delete(offset);
      this.consuming.set(offset, message);
      return message;
    });
  }

  commit(): void {
    for (const offset of this.consuming.keys()) this.resolved.add(offset);
    this.consuming.clear();
    this.raise();
  }

  resolve(message: StoredMessage): void {
    this.consuming.delete(message.queueOffset);
    this.resolved.add(message.queueOffset);
    this.raise();
  }

  back(offsets: readonly number[]): void {
    for (const offset of offsets) {
      this.waiting.set(offset, this.consuming.get(offset) as StoredMessage);
      this.consuming.delete(offset);
    }
  }

  private raise(): void {
    const lowest = this.unfinished[0] ?? Number.POSITIVE_INFINITY;
    for (const offset of [...this.resolved].sort((a, b) => a - b)) {
      if (offset >= lowest) break;
      this.resolved.delete(offset);
      this.floor = Math.max(this.floor, offset + 1);
    }
  }
}

function offsetsOf(messages: readonly StoredMessage[]): number[] {
  return messages.map((message) => message.queueOffset);
}

function filled(...offsets: number[]): ProcessQueue {
  const queue = new ProcessQueue();
  queue.reset(0);
  queue.put(offsets.map((offset) => storedMessage({ queueOffset: offset })));
  return queue;
}

describe('ProcessQueue', () => {
  it('hands out the lowest offsets first, however they came', () => {
    const queue = filled(5, 3, 9, 4, 1);
    expect(offsetsOf(queue.take(3))).to.deep.equal([1, 3, 4]);
    expect(offsetsOf(queue.take(3))).to.deep.equal([5, 9]);
    expect(queue.take(1)).to.deep.equal([]);
  });

  it('commits the highest consumed offset + 1', () => {
    const queue = filled(7, 8, 9);
    queue.take(2);
    expect(queue.commit()).to.equal(9);
    expect(queue.count).to.equal(1);
  });

  it('has nothing to commit when nothing is consumed', () => {
    expect(filled(1, 2).commit()).to.equal(-1);
    expect(new ProcessQueue().commit()).to.equal(-1);
  });

  it('hands the same messages out again after a rollback, before all others', () => {
    const queue = filled(1, 2, 3, 4);
    const first = queue.take(2);
    queue.rollback();
    expect(queue.take(2)).to.deep.equal(first);
  });

  it('puts back a part of what is consumed, and keeps the rest uncommitted', () => {
    const queue = filled(1, 2, 3, 4);
    queue.take(2);
    const second = queue.take(1);
    queue.makeConsumeAgain(second);
    expect(offsetsOf(queue.consuming)).to.deep.equal([1, 2]);
    expect(offsetsOf(queue.take(2))).to.deep.equal([3, 4]);
    expect(queue.commit()).to.equal(5);
  });

  it('leaves out what it holds, consumes, or has finished', () => {
    const queue = filled(1, 2, 3);
    queue.take(1);
    expect(queue.commit()).to.equal(2);
    queue.take(1);
    const again = [1, 2, 3, 4].map((queueOffset) => storedMessage({ queueOffset }));
    expect(queue.put(again)).to.equal(1);
    expect(queue.count).to.equal(3);
    expect(queue.highest).to.equal(4);
  });

  it('counts messages and bytes of both halves', () => {
    const queue = new ProcessQueue();
    queue.reset(0);
    queue.put([1, 2, 3].map((queueOffset) => storedMessage({ queueOffset, body: Buffer.alloc(100) })));
    queue.take(2);
    expect([queue.count, queue.waiting, queue.bytes]).to.deep.equal([3, 1, 300]);
    queue.commit();
    expect([queue.count, queue.waiting, queue.bytes]).to.deep.equal([1, 1, 100]);
    queue.reset(0);
    expect([queue.count, queue.waiting, queue.bytes, queue.highest]).to.deep.equal([0, 0, 0, undefined]);
  });

  it('commits only up to the lowest unfinished one when messages are resolved out of turn', () => {
    const queue = filled(10, 11, 12, 13);
    const [a, b, c, d] = queue.take(4) as [StoredMessage, StoredMessage, StoredMessage, StoredMessage];
    expect(queue.resolve(b)).to.equal(-1);
    expect(queue.resolve(a)).to.equal(12);
    expect(queue.resolve(d)).to.equal(-1);
    queue.makeConsumeAgain([c]);
    expect(queue.put([storedMessage({ queueOffset: 13 })]), 'resolved is not taken in again').to.equal(0);
    expect(offsetsOf(queue.take(4))).to.deep.equal([12]);
    expect(queue.commit()).to.equal(14);
  });

  it('keeps the offset before a message that arrived late', () => {
    const queue = filled(1, 5, 6);
    queue.take(2);
    queue.put([storedMessage({ queueOffset: 3 })]);
    expect(queue.commit()).to.equal(2);
    queue.take(1);
    expect(queue.commit()).to.equal(6);
  });

  it('resolves nothing that is not being consumed', () => {
    const queue = filled(1);
    expect(queue.resolve(storedMessage({ queueOffset: 1 }))).to.equal(-1);
    expect(queue.count).to.equal(1);
  });

  type Step =
    | { do: 'put'; offsets: number[] }
    | { do: 'take'; most: number }
    | { do: 'commit' | 'rollback' }
    | { do: 'again' | 'resolve'; pick: number };

  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant('put' as const), offsets: fc.array(fc.nat(300), { maxLength: 80 }) }),
    fc.record({ do: fc.constant('take' as const), most: fc.integer({ min: 1, max: 10 }) }),
    fc.record({ do: fc.constantFrom('commit' as const, 'rollback' as const) }),
    fc.record({ do: fc.constantFrom('again' as const, 'resolve' as const), pick: fc.nat(20) }),
  );

  it('behaves as two sorted maps, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ProcessQueue();
        queue.reset(0);
        const model = new Model();
        let committed = 0;
        for (const action of steps) {
          const commitOffset = perform(action, queue, model);
          const lowest = model.unfinished[0];
          expect(offsetsOf(queue.consuming)).to.deep.equal([...model.consuming.keys()].sort((a, b) => a - b));
          expect(queue.waiting).to.equal(model.waiting.size);
          expect(queue.lowestUnfinished).to.equal(lowest);
          expect(queue.highest).to.equal(model.unfinished.at(-1));
          expect(queue.bytes).to.equal(model.unfinished.length * 4);
          if (commitOffset !== undefined && commitOffset >= 0) {
            expect(commitOffset, 'a commit stays behind the lowest unfinished').to.be.at.most(lowest ?? Infinity);
            expect(commitOffset, 'all that can be committed is').to.equal(model.floor);
            expect(commitOffset, 'commits are monotonic').to.be.at.least(committed);
            committed = commitOffset;
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  function perform(action: Step, queue: ProcessQueue, model: Model): number | undefined {
    switch (action.do) {
      case 'put': {
        const messages = action.offsets.map((queueOffset) => storedMessage({ queueOffset, body: Buffer.alloc(4) }));
        expect(queue.put(messages)).to.equal(model.put(messages));
        return undefined;
      }
      case 'take':
        expect(queue.take(action.most)).to.deep.equal(model.take(action.most));
        return undefined;
      case 'commit':
        model.commit();
        return queue.commit();
      case 'rollback':
        model.back([...model.consuming.keys()]);
        queue.rollback();
        return undefined;
      case 'again': {
        const picked = queue.consuming.slice(action.pick % (queue.consuming.length + 1));
        model.back(offsetsOf(picked));
        queue.makeConsumeAgain(picked);
        return undefined;
      }
      case 'resolve': {
        const picked = queue.consuming[action.pick % Math.max(1, queue.consuming.length)];
        if (picked === undefined) return undefined;
        model.resolve(picked);
        return queue.resolve(picked);
      }
    }
  }
});
