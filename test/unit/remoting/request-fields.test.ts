import { expect } from 'chai';
import { aclContent, aclSignature } from '../../../lib/protocol/acl-signature.js';
import { requestFields } from '../../../lib/remoting/request-fields.js';
import { Harness, PULL } from './harness.js';

const ACL = { accessKey: 'rocketmq2', secretKey: '12345678' };

describe('remoting/request-fields', () => {
  it('leaves the fields alone without credentials and namespace', () => {
    const extFields = { topic: 'T1' };
    expect(requestFields({ code: 11, extFields }, {})).to.equal(extFields);
    expect(requestFields({ code: 11 }, {})).to.equal(undefined);
  });

  it('signs as the reference does', () => {
    const command = {
      code: 11,
      extFields: { topic: 'T1', consumerGroup: 'g1', none: undefined },
      body: Buffer.from('body'),
    };
    expect(requestFields(command, { acl: ACL })).to.deep.equal({
      topic: 'T1',
      consumerGroup: 'g1',
      AccessKey: 'rocketmq2',
      Signature: '0aR/p0CxCE8CI8OtPMehymrQPww=',
    });
  });

  it('signs the token and the namespace too', () => {
    const fields = requestFields(
      { code: 11, extFields: { topic: 'T1' } },
      { acl: { ...ACL, securityToken: 'token' }, namespaceV2: 'tenant' },
    );
    const { Signature, ...signed } = fields ?? {};
    expect(signed).to.deep.equal({
      topic: 'T1',
      nsd: 'true',
      ns: 'tenant',
      AccessKey: 'rocketmq2',
      SecurityToken: 'token',
    });
    expect(Signature).to.equal(aclSignature(aclContent(signed, undefined), ACL.secretKey));
    expect(aclContent(signed, undefined).toString()).to.equal('rocketmq2tokentenanttrueT1');
  });

  it('adds the namespace without credentials', () => {
    expect(requestFields({ code: 34 }, { namespaceV2: 'tenant' })).to.deep.equal({ nsd: 'true', ns: 'tenant' });
  });

  it('replaces a signature of before', () => {
    const command = { code: 11, extFields: { Signature: 'old', topic: 'T1' } };
    const signed = requestFields(command, { acl: ACL });
    expect(signed?.['Signature']).to.equal(
      aclSignature(aclContent({ AccessKey: 'rocketmq2', topic: 'T1' }, undefined), ACL.secretKey),
    );
    expect(command.extFields.Signature).to.equal('old');
  });

  describe('on the wire', () => {
    let harness: Harness;
    beforeEach(() => {
      harness = new Harness();
    });
    afterEach(() => harness.stop());

    it('go with requests and one-way requests, and never carry the secret', async () => {
      const server = await harness.server();
      const client = harness.client({ acl: ACL, namespaceV2: 'tenant' });
      await client.oneway(server.address, PULL);
      const call = client.request(server.address, PULL, { timeoutMs: 1000 });
      for (let i = 0; i < 2; i++) {
        const { command, peer } = await server.nextRequest();
        const content = aclContent(command.extFields, command.body);
        expect(command.extFields['Signature']).to.equal(aclSignature(content, ACL.secretKey));
        expect(command.extFields).to.include({ AccessKey: 'rocketmq2', ns: 'tenant', nsd: 'true', topic: 'Orders' });
        expect(JSON.stringify(command.extFields)).to.not.contain(ACL.secretKey);
        peer.reply(command);
      }
      await call;
    });

    it('are made anew for a resend: with the credentials of that moment', async () => {
      const server = await harness.server();
      const acl = { ...ACL };
      const client = harness.client({ acl });
      const call = client.request(server.address, PULL, { timeoutMs: 1000 });
      const first = await server.nextRequest();
      acl.accessKey = 'rotated';
      acl.secretKey = '87654321';
      first.peer.reply(first.command, { code: 1500 });
      await harness.clock.advance(100);
      const second = await server.nextRequest();
      expect(second.command.extFields['AccessKey']).to.equal('rotated');
      expect(second.command.extFields['Signature']).to.equal(
        aclSignature(aclContent({ topic: 'Orders', AccessKey: 'rotated' }, undefined), '87654321'),
      );
      second.peer.reply(second.command);
      await call;
    });
  });
});
