import { expect } from 'chai';
import fc from 'fast-check';
import { leaseOf, withLease } from '../../../lib/protocol/lease.js';

describe('the lease in a client id', () => {
  it('is found again, whatever the id looks like', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 59_000 }), (id, lease) => {
        fc.pre(!id.includes('#lease='));
        expect(leaseOf(withLease(id, lease))).to.equal(lease);
      }),
    );
  });

  it('is left out when it is the one of the reference', () => {
    expect(withLease('10.0.0.1@7#ab', 30_000)).to.equal('10.0.0.1@7#ab');
    expect(withLease('10.0.0.1@7#ab', 5_000)).to.equal('10.0.0.1@7#ab#lease=5000');
  });

  it('is 30 s for clients that tell none', () => {
    for (const id of [
      '10.0.0.1@28804#12073372462315',
      'x',
      '',
      'a#lease=',
      'a#lease=5s',
      'a#lease=-1',
      '#lease=5000@u',
    ]) {
      expect(leaseOf(id), id).to.equal(30_000);
    }
  });
});
