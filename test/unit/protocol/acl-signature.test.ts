import { expect } from 'chai';
import { aclContent, aclSignature } from '../../../lib/protocol/acl-signature.js';

describe('ACL signature', () => {
  const extFields = { topic: 'T1', consumerGroup: 'g1', AccessKey: 'rocketmq2' };

  it('is the one of the reference', () => {
    const content = aclContent(extFields, Buffer.from('body'));
    expect(content.toString()).to.equal('rocketmq2g1T1body');
    expect(aclSignature(content, '12345678')).to.equal('0aR/p0CxCE8CI8OtPMehymrQPww=');
  });

  it('does not depend on the order of the fields, nor on an old signature, nor on undefined fields', () => {
    const again = { Signature: 'old', consumerGroup: 'g1', nothing: undefined, AccessKey: 'rocketmq2', topic: 'T1' };
    expect(aclContent(again, undefined)).to.deep.equal(aclContent(extFields, Buffer.alloc(0)));
  });

  it('sorts names by UTF-16 code unit and writes values as UTF-8', () => {
    const content = aclContent({ b: '2', a: '1', B: '0', _: 'é', 中: '文' }, undefined);
    expect(content.toString('utf8')).to.equal('0é12文');
  });

  it('changes with a field, the body and the key', () => {
    const sign = (ext: Record<string, string>, body: string, key: string): string =>
      aclSignature(aclContent(ext, Buffer.from(body)), key);
    const signatures = [
      sign(extFields, 'body', '12345678'),
      sign({ ...extFields, topic: 'T2' }, 'body', '12345678'),
      sign(extFields, 'bodz', '12345678'),
      sign(extFields, 'body', '12345679'),
    ];
    expect(new Set(signatures).size).to.equal(4);
  });

  it('does not touch bytes of the body that are no text', () => {
    expect(aclContent({ a: 'x' }, Buffer.from([0xff, 0x00]))).to.deep.equal(Buffer.from([0x78, 0xff, 0x00]));
  });
});
