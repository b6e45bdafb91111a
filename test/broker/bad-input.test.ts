import { expect } from 'chai';

describe('bad-input', () => {
  it('is being written', () => expect(1).to.equal(1));
});
