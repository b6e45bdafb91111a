import { expect } from 'chai';

describe('tls-acl', () => {
  it('is being written', () => {
    expect(true).to.equal(true);
  });
});
