import { expect } from 'chai';

describe('namespace-acl-tls', () => {
  it('is being written', () => expect(1).to.equal(1));
});
