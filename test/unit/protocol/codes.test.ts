import { expect } from 'chai';
import { CLIENT_VERSION, MqVersion, requestCodeName, responseCodeName } from '../../../lib/protocol/codes.js';

describe('codes', () => {
  it('have names for error messages', () => {
    expect(requestCodeName(11)).to.equal('PULL_MESSAGE (11)');
    expect(requestCodeName(4711)).to.equal('request 4711');
    expect(responseCodeName(17)).to.equal('TOPIC_NOT_EXIST (17)');
    expect(responseCodeName(999)).to.equal('code 999');
  });

  it('advertise a version that understands GO_AWAY', () => {
    expect(CLIENT_VERSION).to.be.greaterThan(MqVersion.V5_3_1);
  });
});
