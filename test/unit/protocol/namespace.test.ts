import { expect } from 'chai';
import fc from 'fast-check';
import * as names from '../../../lib/protocol/namespace.js';

const { withNamespace, withoutNamespace } = names;

describe('namespace', () => {
  const wrapped: [resource: string, wrapped: string][] = [
    ['Orders', 'ns%Orders'],
    ['%RETRY%group', '%RETRY%ns%group'],
    ['%DLQ%group', '%DLQ%ns%group'],
    ['other%Orders', 'ns%other%Orders'],
    ['nsOrders', 'ns%nsOrders'],
  ];
  for (const [resource, expected] of wrapped) {
    it(`makes ${resource} ${expected}, and back`, () => {
      expect(withNamespace('ns', resource)).to.equal(expected);
      expect(withoutNamespace('ns', expected)).to.equal(resource);
      expect(withNamespace('ns', expected)).to.equal(expected);
    });
  }

  for (const resource of ['TBW102', 'SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRACE_TOPIC', 'rmq_sys_x', 'CID_RMQ_SYS_x', '']) {
    it(`leaves ${JSON.stringify(resource)} alone`, () => {
      expect(withNamespace('ns', resource)).to.equal(resource);
      expect(withoutNamespace('ns', resource)).to.equal(resource);
    });
  }

  it('changes nothing without a namespace', () => {
    for (const namespace of [undefined, '']) {
      expect(withNamespace(namespace, 'Orders')).to.equal('Orders');
      expect(withoutNamespace(namespace, 'ns%Orders')).to.equal('ns%Orders');
    }
  });

  it('leaves names of another namespace as they are', () => {
    expect(withoutNamespace('ns', 'other%Orders')).to.equal('other%Orders');
    expect(withoutNamespace('ns', 'Orders')).to.equal('Orders');
  });

  it('is undone by its opposite', () => {
    const anyName = (): fc.Arbitrary<string> => fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
    fc.assert(
      fc.property(anyName(), anyName(), fc.constantFrom('', '%RETRY%', '%DLQ%'), (namespace, name, prefix) => {
        fc.pre(withNamespace('ns', name) !== name);
        expect(withoutNamespace(namespace, withNamespace(namespace, prefix + name))).to.equal(prefix + name);
      }),
    );
  });

  it('knows the topics of retries and dead letters', () => {
    expect(names.retryTopic('g')).to.equal('%RETRY%g');
    expect(names.dlqTopic('g')).to.equal('%DLQ%g');
    expect([names.isRetryTopic('%RETRY%g'), names.isRetryTopic('%DLQ%g')]).to.deep.equal([true, false]);
    expect([names.isDlqTopic('%DLQ%g'), names.isDlqTopic('g')]).to.deep.equal([true, false]);
  });

  it('knows system topics and those nobody may send to', () => {
    expect([names.isSystemTopic('TBW102'), names.isUnsendableTopic('TBW102')]).to.deep.equal([true, false]);
    expect([names.isSystemTopic('SELF_TEST_TOPIC'), names.isUnsendableTopic('SELF_TEST_TOPIC')]).to.deep.equal([
      true,
      true,
    ]);
    expect([names.isSystemTopic('Orders'), names.isUnsendableTopic('Orders')]).to.deep.equal([false, false]);
  });
});
