import { expect } from 'chai';
import { ProtocolError } from '../../../lib/errors.js';
import { describeQueue } from '../../../lib/protocol/message-queue.js';
import type { TopicRouteData } from '../../../lib/protocol/topic-route.js';
import { publishQueues, subscribeQueues } from '../../../lib/routing/topic-queues.js';
import { broker, queues, route } from './route-data.js';

const publish = (data: TopicRouteData): string[] => publishQueues('T', data).map(describeQueue);
const subscribe = (data: TopicRouteData): string[] => subscribeQueues('T', data).map(describeQueue);

describe('routing/topic-queues', () => {
  it('takes writable queues of brokers with a master for sending, sorted by broker name', () => {
    const data = route({
      queueDatas: [queues('b', { write: 2 }), queues('B', { write: 1 }), queues('a', { write: 1 })],
      brokerDatas: [broker('a', 'h:1'), broker('b', 'h:2'), broker('B', 'h:3')],
    });
    expect(publish(data)).to.deep.equal(['T@B#0', 'T@a#0', 'T@b#0', 'T@b#1']);
  });

  it('leaves out queues that are not writable, and those whose broker has no master or is unknown', () => {
    const data = route({
      queueDatas: [queues('a', { perm: 4 }), queues('b'), queues('c'), queues('d', { write: 1, perm: 2 })],
      brokerDatas: [broker('a', 'h:1'), { ...broker('b', 'h:2'), brokerAddrs: { 1: 'h:2' } }, broker('d', 'h:4')],
    });
    expect(publish(data)).to.deep.equal(['T@d#0']);
  });

  it('takes readable queues for consuming, also without a master, in the order of allocation', () => {
    const data = route({
      queueDatas: [queues('b', { read: 2 }), queues('a', { read: 1, perm: 4 }), queues('c', { perm: 2 })],
      brokerDatas: [{ ...broker('b', 'h:2'), brokerAddrs: { 1: 'h:2' } }],
    });
    expect(subscribe(data)).to.deep.equal(['T@a#0', 'T@b#0', 'T@b#1']);
  });

  it('goes by read and write counts that differ', () => {
    const data = route({ queueDatas: [queues('a', { read: 1, write: 3 })], brokerDatas: [broker('a', 'h:1')] });
    expect(publish(data)).to.have.lengthOf(3);
    expect(subscribe(data)).to.have.lengthOf(1);
  });

  it('ignores the other bits of the permission', () => {
    const data = route({ queueDatas: [queues('a', { perm: 1 | 8 })], brokerDatas: [broker('a', 'h:1')] });
    expect([...publish(data), ...subscribe(data)]).to.deep.equal([]);
  });

  it('goes by the order configuration for sending, whether brokers are there or not, and not for consuming', () => {
    const data = route({
      orderTopicConf: 'z:2;a:1;',
      queueDatas: [queues('a', { read: 1, write: 8 })],
      brokerDatas: [broker('a', 'h:1')],
    });
    expect(publish(data)).to.deep.equal(['T@z#0', 'T@z#1', 'T@a#0']);
    expect(subscribe(data)).to.deep.equal(['T@a#0']);
  });

  it('takes an empty order configuration as none', () => {
    const data = route({
      orderTopicConf: '',
      queueDatas: [queues('a', { write: 1 })],
      brokerDatas: [broker('a', 'h:1')],
    });
    expect(publish(data)).to.deep.equal(['T@a#0']);
  });

  for (const orderTopicConf of ['a', 'a:', ':4', 'a:x', 'a:4;b', 'a:4:4', 'a:-1', 'a:9999999']) {
    it(`refuses the order configuration ${orderTopicConf}`, () => {
      expect(() => publish(route({ orderTopicConf })))
        .to.throw(ProtocolError, /order configuration of topic T/)
        .with.property('code', 'ERR_ROCKETMQ_FIELD_MALFORMED');
    });
  }
});
