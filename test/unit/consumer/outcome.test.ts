import { expect } from 'chai';
import fc from 'fast-check';
import type { ConsumeOrderlyStatus } from '../../../lib/enums.js';
import { decideOutcome, isExhausted, isStatus, suspendTime } from '../../../lib/consumer/outcome.js';

describe('outcome', () => {
  // The rules of auto and manual commit, line by line: mode, status, batch after a suspension -> effect, what comes next.
  const table = [
    ['auto', 'SUCCESS', 'some-again', 'commit', 'continue'],
    ['auto', 'COMMIT', 'some-again', 'commit', 'continue'],
    ['auto', 'ROLLBACK', 'some-again', 'commit', 'continue'],
    ['auto', 'SUSPEND_CURRENT_QUEUE_A_MOMENT', 'some-again', 'again', 'suspend'],
    ['auto', 'SUSPEND_CURRENT_QUEUE_A_MOMENT', 'all-resolved', 'commit', 'continue'],
    ['manual', 'SUCCESS', 'some-again', 'keep', 'continue'],
    ['manual', 'COMMIT', 'some-again', 'commit', 'continue'],
    ['manual', 'ROLLBACK', 'some-again', 'rollback', 'suspend'],
    ['manual', 'SUSPEND_CURRENT_QUEUE_A_MOMENT', 'some-again', 'again', 'suspend'],
    ['manual', 'SUSPEND_CURRENT_QUEUE_A_MOMENT', 'all-resolved', 'keep', 'continue'],
  ] as const;

  for (const [mode, status, batch, effect, next] of table) {
    it(`${mode} commit, ${status}${status.startsWith('SUSPEND') ? ` (${batch})` : ''}: ${effect}, ${next}`, () => {
      const outcome = decideOutcome(mode, status, batch);
      expect(outcome.effect).to.equal(effect);
      expect(outcome.next).to.equal(next);
    });
  }

  it('calls COMMIT and ROLLBACK misused with auto commit, and only these', () => {
    for (const [mode, status, batch] of table) {
      const expected = mode === 'auto' && (status === 'COMMIT' || status === 'ROLLBACK') ? true : undefined;
      expect(decideOutcome(mode, status, batch).misused, `${mode} ${status}`).to.equal(expected);
    }
  });

  it('looks at what became of the batch for suspensions only', () => {
    for (const mode of ['auto', 'manual'] as const) {
      for (const status of ['SUCCESS', 'COMMIT', 'ROLLBACK'] as const) {
        expect(decideOutcome(mode, status, 'all-resolved')).to.equal(decideOutcome(mode, status, 'some-again'));
      }
    }
  });

  describe('attempts', () => {
    it('delivers a message maxReconsumeTimes + 1 times', () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 200 }), (max) => {
          let deliveries = 1;
          while (!isExhausted(deliveries - 1, max)) deliveries++;
          expect(deliveries).to.equal(max + 1);
        }),
      );
    });

    it('never ends with -1', () => {
      expect(isExhausted(2 ** 31 - 1, -1)).to.equal(false);
    });
  });

  describe('suspend time', () => {
    const cases: [wished: number, byDefault: number, expected: number][] = [
      [1, 1_000, 10],
      [10, 1_000, 10],
      [5_000, 1_000, 5_000],
      [30_000, 1_000, 30_000],
      [60_000, 1_000, 30_000],
      [-1, 1_000, 1_000],
      [-1, 3, 10],
      [-1, 90_000, 30_000],
      [0, 1_000, 10],
      [-5, 1_000, 10],
      [Number.NaN, 1_000, 1_000],
      [Number.POSITIVE_INFINITY, 1_000, 1_000],
    ];
    for (const [wished, byDefault, expected] of cases) {
      it(`${wished} with an option of ${byDefault} is ${expected} ms`, () => {
        expect(suspendTime(wished, byDefault)).to.equal(expected);
      });
    }
  });

  it('knows the four statuses and nothing else', () => {
    const statuses: ConsumeOrderlyStatus[] = ['SUCCESS', 'COMMIT', 'ROLLBACK', 'SUSPEND_CURRENT_QUEUE_A_MOMENT'];
    for (const status of statuses) expect(isStatus(status)).to.equal(true);
    for (const other of ['success', 'RECONSUME_LATER', '', 0, 1, null, undefined, true, {}, []]) {
      expect(isStatus(other), String(other)).to.equal(false);
    }
  });
});
