import { expect } from 'chai';
import fc from 'fast-check';
import { Call } from '../../../lib/remoting/call.js';
import { CallTable } from '../../../lib/remoting/call-table.js';
import { FakeClock } from '../../support/fake-clock.js';

function callOf(opaque: number, timeoutMs = 1_000): Call {
  const call = new Call({
    address: 'a:1',
    command: { code: 11 },
    oneway: false,
    timeoutMs,
    startedAt: 0,
    closeOnTimeout: true,
    signal: undefined,
    handler: { succeed: () => undefined, fail: () => undefined },
  });
  call.opaque = opaque;
  return call;
}

/** Opaques that follow one another, as they do, and some that land on the same slots. */
const anyOpaque = fc.oneof(
  fc.integer({ min: -20, max: 40 }),
  fc.integer({ min: -4, max: 4 }).map((n) => n * 64),
  fc.constantFrom(2 ** 31 - 1, -(2 ** 31)),
);

describe('CallTable', () => {
  it('holds and finds calls as a map does', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('add', 'remove'), anyOpaque), { maxLength: 200 }), (steps) => {
        const table = new CallTable(new FakeClock(), () => undefined);
        const model = new Map<number, Call>();
        for (const [step, opaque] of steps) {
          if (step === 'add' && !model.has(opaque)) {
            const call = callOf(opaque);
            table.add(call);
            model.set(opaque, call);
          } else if (step === 'remove') {
            const call = model.get(opaque);
            if (call !== undefined) table.remove(call);
            model.delete(opaque);
          }
          expect(table.size).to.equal(model.size);
          expect(table.get(opaque)).to.equal(model.get(opaque));
        }
        for (const [opaque, call] of model) expect(table.get(opaque)).to.equal(call);
        expect(table.drain()).to.have.members([...model.values()]);
        expect(table.size).to.equal(0);
      }),
    );
  });

  it('gives its calls back in the order of their opaques, which start over', () => {
    const table = new CallTable(new FakeClock(), () => undefined);
    const opaques = [2 ** 31 - 2, 2 ** 31 - 1, -(2 ** 31), 1 - 2 ** 31];
    for (const opaque of [2, 0, 3, 1]) table.add(callOf(opaques[opaque] as number));
    expect(table.drain().map((call) => call.opaque)).to.deep.equal(opaques);
  });

  it('tells of those whose time is up, and of no others', async () => {
    const clock = new FakeClock(0);
    const expired: number[] = [];
    const table = new CallTable(clock, (call) => expired.push(call.opaque));
    const calls = Array.from({ length: 50 }, (_, i) => callOf(i, i % 2 === 0 ? 100 : 5_000));
    for (const call of calls) table.add(call);
    table.remove(calls[4] as Call);
    await clock.advance(200);
    expect(expired).to.deep.equal(Array.from({ length: 25 }, (_, i) => 2 * i).filter((opaque) => opaque !== 4));
    expect(table.size).to.equal(25);
  });
});
