import { expect } from 'chai';
import fc from 'fast-check';
import { CommitLog, type LogPlace } from '../../../../mock-broker/store/commit-log.js';

interface Entry {
  readonly physicalOffset: number;
  readonly place: LogPlace;
  readonly bytes: Buffer;
}

function append(log: CommitLog<Entry>, bytes: Buffer): Entry {
  const physicalOffset = log.nextPhysicalOffset;
  bytes.copy(log.allocate(bytes.length));
  const entry = { physicalOffset, place: log.commit(bytes.length), bytes };
  log.add(entry);
  return entry;
}

const sizes = fc.array(fc.integer({ min: 1, max: 3_000_000 }), { maxLength: 12 });

describe('CommitLog', () => {
  it('keeps every record as it was written, whatever comes after it, and finds it by its place', () => {
    fc.assert(
      fc.property(sizes, (lengths) => {
        const log = new CommitLog<Entry>();
        const entries = lengths.map((length, index) => append(log, Buffer.alloc(length, index + 1)));
        let expected = 0;
        for (const entry of entries) {
          expect(entry.physicalOffset).to.equal(expected);
          expected += entry.bytes.length;
          const { segment, start, end } = entry.place;
          expect(segment.subarray(start, end).equals(entry.bytes)).to.equal(true);
          expect(log.find(entry.physicalOffset)).to.equal(entry);
          expect(log.find(entry.physicalOffset + 1)).to.equal(
            entries.find(({ physicalOffset }) => physicalOffset === entry.physicalOffset + 1),
          );
        }
        expect(log.nextPhysicalOffset).to.equal(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('takes a record that is larger than a segment', () => {
    const log = new CommitLog<Entry>();
    append(log, Buffer.alloc(10, 1));
    const large = append(log, Buffer.alloc(5 * 1024 * 1024, 2));
    append(log, Buffer.alloc(10, 3));
    const { segment, start, end } = large.place;
    expect(segment.subarray(start, end).equals(large.bytes)).to.equal(true);
  });

  it('does not find what is forgotten, and goes on finding the rest', () => {
    const log = new CommitLog<Entry>();
    const entries = Array.from({ length: 5_000 }, () => append(log, Buffer.alloc(1)));
    const forgotten = new Set(entries.filter((_, index) => index % 3 !== 1));
    for (const entry of forgotten) log.forget(entry);
    for (const entry of entries) {
      expect(log.find(entry.physicalOffset)).to.equal(forgotten.has(entry) ? undefined : entry);
    }
    expect(log.oldest()).to.equal(entries[1]);
  });
});
