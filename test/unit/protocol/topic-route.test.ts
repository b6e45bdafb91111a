import { expect } from 'chai';
import { decodeTopicRoute, encodeTopicRoute, isStaticTopic } from '../../../lib/protocol/topic-route.js';
import type { TopicRouteData } from '../../../lib/protocol/topic-route.js';
import { defined, errorOf } from './wire.js';

const route: TopicRouteData = {
  orderTopicConf: 'broker-a:4;broker-b:4',
  queueDatas: [{ brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 }],
  brokerDatas: [
    {
      cluster: 'DefaultCluster',
      brokerName: 'broker-a',
      brokerAddrs: { 0: 'h:10911', 1: '[::1]:10921' },
      enableActingMaster: false,
    },
  ],
};

describe('topic route', () => {
  it('is read from standard JSON as a name server sends it', () => {
    const body =
      '{"brokerDatas":[{"brokerAddrs":{"0":"h:10911","1":"[::1]:10921"},"brokerName":"broker-a","cluster":"DefaultCluster",' +
      '"enableActingMaster":false}],"filterServerTable":{},"orderTopicConf":"broker-a:4;broker-b:4","queueDatas":[' +
      '{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}';
    const read = decodeTopicRoute(Buffer.from(body));
    expect(defined(read)).to.deep.equal(route);
    expect(isStaticTopic(read)).to.equal(false);
  });

  it('survives both forms, of which one has unquoted keys', () => {
    const standard = encodeTopicRoute(route);
    expect(JSON.parse(standard.toString())).to.have.nested.property('brokerDatas[0].brokerAddrs.0', 'h:10911');
    expect(defined(decodeTopicRoute(standard))).to.deep.equal(route);
    const old = encodeTopicRoute(route, { unquotedKeys: true });
    expect(old.toString()).to.include('"brokerAddrs":{0:"h:10911",1:"[::1]:10921"}');
    expect(defined(decodeTopicRoute(old))).to.deep.equal(route);
  });

  it('unquotes keys only, not texts that look like one', () => {
    const [broker] = route.brokerDatas;
    const tricky = { ...route, brokerDatas: [{ ...broker, cluster: ',"0":' }] } as TopicRouteData;
    const old = encodeTopicRoute(tricky, { unquotedKeys: true });
    expect(defined(decodeTopicRoute(old))).to.deep.equal(tricky);
  });

  it('is read with what a broker may leave out', () => {
    const read = decodeTopicRoute(
      Buffer.from(
        '{"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":1,"writeQueueNums":1,"topicSynFlag":0}],' +
          '"brokerDatas":[{"brokerName":"a"}],"topicQueueMappingByBroker":null}',
      ),
    );
    expect(read.queueDatas[0]?.topicSysFlag).to.equal(0);
    expect(read.brokerDatas).to.deep.equal([
      { cluster: '', brokerName: 'a', brokerAddrs: {}, enableActingMaster: false },
    ]);
    expect(decodeTopicRoute(Buffer.from('{}'))).to.deep.include({ queueDatas: [], brokerDatas: [] });
  });

  it('tells a static topic', () => {
    const read = decodeTopicRoute(Buffer.from('{"topicQueueMappingByBroker":{"broker-a":{"totalQueues":8}}}'));
    expect(isStaticTopic(read)).to.equal(true);
    expect(read.staticTopicBrokers).to.deep.equal(['broker-a']);
    expect(decodeTopicRoute(encodeTopicRoute(read)).staticTopicBrokers).to.deep.equal(['broker-a']);
  });

  const broken = {
    'no JSON': 'null',
    'a queue without a broker': '{"queueDatas":[{"perm":6,"readQueueNums":1,"writeQueueNums":1}]}',
    'a queue without a number': '{"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":1}]}',
    'a broker id that is none': '{"brokerDatas":[{"brokerName":"a","brokerAddrs":{"x":"h:1"}}]}',
    'an address that is no text': '{"brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":1}}]}',
    'brokers that are no list': '{"brokerDatas":{}}',
  };
  for (const [name, body] of Object.entries(broken)) {
    it(`is refused with ${name}`, () => {
      expect(errorOf(() => decodeTopicRoute(Buffer.from(body))).name).to.equal('ProtocolError');
    });
  }
});
