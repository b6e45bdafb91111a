import { expect } from 'chai';
import { ProcessQueue } from '../../../lib/consumer/process-queue.js';
import { ReadingHabit } from '../../../lib/consumer/reading-habit.js';
import type { StoredMessage } from '../../../lib/protocol/message.js';
import { storedMessage } from '../../support/stored-message.js';

describe('ReadingHabit', () => {
  /** Pulls of one message each; the listener does with each what `look` says. */
  function setUp() {
    const buffer = new ProcessQueue();
    buffer.reset(0);
    const habit = new ReadingHabit(buffer);
    let offset = 0;
    const pull = (): StoredMessage => {
      const message = storedMessage({ queueOffset: offset++ });
      buffer.put([message]);
      habit.pulled([message]);
      return message;
    };
    const consume = (look: (message: StoredMessage) => unknown): void => {
      for (const message of buffer.take(1)) look(message);
      buffer.commit();
    };
    return { habit, pull, consume };
  }

  it('takes nobody for a reader before it has seen one', () => {
    const { habit, pull } = setUp();
    expect(habit.reads).to.equal(false);
    pull();
    expect(habit.reads, 'the sample is not finished').to.equal(false);
  });

  for (const [what, look] of [
    ['the body', (message: StoredMessage) => message.body],
    ['a property', (message: StoredMessage) => message.tags],
  ] as const) {
    it(`notices that ${what} is read, once the message is finished`, () => {
      const { habit, pull, consume } = setUp();
      look(pull());
      expect(habit.reads).to.equal(false);
      consume(look);
      expect(habit.reads).to.equal(true);
    });
  }

  it('notices a change of habit after some pulls', () => {
    const { habit, pull, consume } = setUp();
    const seen: boolean[] = [];
    for (let i = 0; i < 600; i++) {
      seen.push(habit.reads);
      pull();
      consume((message) => (i < 300 ? message.body : undefined));
    }
    expect(seen[299]).to.equal(true);
    expect(seen[599]).to.equal(false);
    expect(seen.filter((reads, i) => i > 0 && reads !== seen[i - 1]).length, 'it does not flap').to.equal(2);
  });
});
