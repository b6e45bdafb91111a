import { expect } from 'chai';
import { ConsumeFromWhere, ConsumeOrderlyStatus, ExpressionType, MessageModel, SendStatus } from '../../lib/enums.js';

describe('enumerations', () => {
  const all = { ConsumeFromWhere, ConsumeOrderlyStatus, ExpressionType, MessageModel, SendStatus };
  for (const [name, values] of Object.entries(all)) {
    it(`${name}: each value is its own name, as it goes over the wire`, () => {
      for (const [key, value] of Object.entries(values)) expect(value).to.equal(key);
    });
  }

  it('have the members of the reference', () => {
    expect(Object.keys(ConsumeOrderlyStatus)).to.have.members(['SUCCESS', 'COMMIT', 'ROLLBACK', 'SUSPEND_CURRENT_QUEUE_A_MOMENT']); // prettier-ignore
    expect(Object.keys(SendStatus)).to.have.members(['SEND_OK', 'FLUSH_DISK_TIMEOUT', 'FLUSH_SLAVE_TIMEOUT', 'SLAVE_NOT_AVAILABLE']); // prettier-ignore
  });
});
