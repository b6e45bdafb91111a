import { expect } from 'chai';
import {
  brokerError,
  optionalBoolean,
  optionalInteger,
  requireInteger,
  requireSuccess,
  requireText,
} from '../../../../lib/protocol/requests/request-type.js';
import { errorOf, transmitResponse } from '../wire.js';

describe('request types', () => {
  const fields = { text: 'x', integer: '-5', plus: '+5', yes: 'TRUE', no: 'no', empty: '', huge: '9007199254740992' };

  it('read header fields', () => {
    expect(requireText(fields, 'text')).to.equal('x');
    expect(requireText(fields, 'empty')).to.equal('');
    expect([requireInteger(fields, 'integer'), requireInteger(fields, 'plus')]).to.deep.equal([-5, 5]);
    expect(optionalInteger(fields, 'integer')).to.equal(-5);
    expect(optionalInteger(fields, 'absent')).to.equal(undefined);
    expect([optionalBoolean(fields, 'yes'), optionalBoolean(fields, 'no')]).to.deep.equal([true, false]);
    expect(optionalBoolean(fields, 'absent')).to.equal(undefined);
  });

  it('refuse header fields in the words of the reference', () => {
    const error = errorOf(() => requireText(fields, 'topic'));
    expect(error.code).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
    expect(error.message).to.equal('the custom field <topic> is null');
  });

  for (const name of ['text', 'empty', 'yes']) {
    it(`refuse ${JSON.stringify(fields[name as 'text'])} as an integer`, () => {
      expect(errorOf(() => requireInteger(fields, name)).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
      expect(errorOf(() => optionalInteger(fields, name)).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
    });
  }

  for (const text of ['1.5', '0x10', '1e3', ' 1', '1 ', 'NaN', 'Infinity', '--1']) {
    it(`refuse ${JSON.stringify(text)} as an integer`, () => {
      expect(errorOf(() => requireInteger({ a: text }, 'a')).code).to.equal('ERR_ROCKETMQ_FIELD_MALFORMED');
    });
  }

  it('refuse an integer past 2^53 - 1 rather than round it', () => {
    for (const value of ['9007199254740992', '-9007199254740993', '9'.repeat(400)]) {
      expect(errorOf(() => requireInteger({ a: value }, 'a')).code).to.equal('ERR_ROCKETMQ_OFFSET_UNSAFE');
    }
    expect(requireInteger({ a: '9007199254740991' }, 'a')).to.equal(Number.MAX_SAFE_INTEGER);
  });

  it('turn refusals into errors that name request, code and remark', () => {
    const error = brokerError(11, { code: 26, remark: 'no such group' });
    expect(error.message).to.equal(
      'PULL_MESSAGE (11) was answered with SUBSCRIPTION_GROUP_NOT_EXIST (26): no such group',
    );
    expect(error).to.include({ responseCode: 26, retryable: false });
    expect(brokerError(11, { code: 4711, remark: '' }).message).to.equal(
      'PULL_MESSAGE (11) was answered with code 4711',
    );
  });

  it('tell which refusals may pass', () => {
    const retryable = (code: number): boolean => brokerError(10, { code, remark: undefined }).retryable;
    expect([1, 2, 14, 16, 17, 204, 205, 215, 1500].map(retryable)).to.deep.equal(new Array(9).fill(true));
    expect([3, 13, 15, 22, 23, 26, 29].map(retryable)).to.deep.equal(new Array(7).fill(false));
  });

  it('pass success on', () => {
    const reply = transmitResponse({ code: 0, extFields: { a: 'b' } });
    expect(requireSuccess(10, reply)).to.equal(reply);
  });
});
