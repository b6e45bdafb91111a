import { expect } from 'chai';
import { MqVersion } from '../../../../lib/protocol/codes.js';
import { versionName } from '../../../../mock-broker/wire/version-name.js';

describe('names of versions', () => {
  it('are those of the reference', () => {
    for (const [name, ordinal] of Object.entries(MqVersion)) expect(versionName(ordinal)).to.equal(name);
    expect(versionName(213)).to.equal('V4_0_0');
    expect(versionName(414)).to.equal('V5_0_1_SNAPSHOT');
    expect(versionName(512)).to.equal('V5_5_0_SNAPSHOT');
  });
});
