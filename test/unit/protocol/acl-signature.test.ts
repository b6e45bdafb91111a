import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { accessAdvice, aclContent, aclSignature } from '../../../lib/protocol/acl-signature.js';
import { brokerError } from '../../../lib/protocol/requests/request-type.js';
import { requestFields } from '../../../lib/remoting/request-fields.js';
import type { SignedRequest } from '../../support/signed-request.js';

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

  describe('made by the Java client', () => {
    // test/support/capture-acl.ts has them made.
    const reference = JSON.parse(
      readFileSync(new URL('../../fixtures/acl/reference.json', import.meta.url), 'utf8'),
    ) as SignedRequest[];

    for (const { name, accessKey, secretKey, securityToken, fields, body, signature } of reference) {
      it(`is the same for ${name}`, () => {
        const acl = { accessKey, secretKey, ...(securityToken !== undefined && { securityToken }) };
        const command = { code: 10, extFields: fields, body: Buffer.from(body, 'hex') };
        expect(requestFields(command, { acl })).to.include({ Signature: signature });
      });
    }

    it('differ from each other', () => {
      // An empty token, and a signature of before, leave what is signed as it is.
      expect(new Set(reference.map(({ signature }) => signature)).size).to.equal(reference.length - 2);
    });
  });

  it('does not touch bytes of the body that are no text', () => {
    expect(aclContent({ a: 'x' }, Buffer.from([0xff, 0x00]))).to.deep.equal(Buffer.from([0x78, 0xff, 0x00]));
  });
});

describe('advice about a refusal', () => {
  // Word for word what brokers of 4.9.7 and 5.5.0 say.
  const V4 = 'org.apache.rocketmq.acl.common.AclException: ';
  const WHERE = ', org.apache.rocketmq.acl.plain.PlainPermissionManager.validate(PlainPermissionManager.java:683)';
  const remarks: readonly [remark: string, advice: RegExp][] = [
    [`${V4}Check signature failed for accessKey=rocketmq2${WHERE}`, /acl\.secretKey is not the one/],
    ['check signature failed.', /acl\.secretKey is not the one/],
    [`${V4}No acl config for nobody${WHERE}`, /no such acl\.accessKey/],
    ['User:nobody is not found.', /no such acl\.accessKey/],
    [`${V4}No accessKey is configured${WHERE}`, /set the option 'acl'/],
    ['username cannot be null.', /set the option 'acl'/],
    [`${V4}No default permission for topic:secret${WHERE}`, /granted it at the broker/],
    ['User:a has no permission to access Group:g from 127.0.0.1, no matched policies.', /granted it at the broker/],
    [`${V4}something new${WHERE}`, /check acl/],
  ];

  for (const [remark, advice] of remarks) {
    it(`that says ${remark.replace(V4, '').replace(WHERE, '')}`, () => {
      expect(accessAdvice(remark)).to.match(advice);
      const error = brokerError(34, { code: 16, remark });
      expect(error.message).to.include(remark).and.to.match(advice);
      expect(error.remark, 'the broker’s own words are left as they are').to.equal(remark);
    });
  }

  it('is none when it is about something else', () => {
    expect(accessAdvice('the consumer group is not online')).to.equal(undefined);
    expect(brokerError(34, { code: 1, remark: undefined }).message).to.equal(
      'HEART_BEAT (34) was answered with SYSTEM_ERROR (1)',
    );
  });
});
