import { expect } from 'chai';

describe('compression', () => {
  it('is being written', () => expect(1).to.equal(1));
});
