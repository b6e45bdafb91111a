import { expect } from 'chai';

describe('broker-restart', () => {
  it('is being written', () => {
    expect(true).to.equal(true);
  });
});
