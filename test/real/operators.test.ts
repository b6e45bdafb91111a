import { expect } from 'chai';

describe('operators', () => {
  it('is being written', () => {
    expect(true).to.equal(true);
  });
});
