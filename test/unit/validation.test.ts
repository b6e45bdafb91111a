import { expect } from 'chai';
import fc from 'fast-check';
import { ValidationError } from '../../lib/errors.js';
import {
  checkBody,
  checkEncodedProperties,
  checkGroup,
  checkKeys,
  checkMessageProperties,
  checkNamespace,
  checkSendTopic,
  checkShardingKey,
  checkTags,
  checkTopic,
} from '../../lib/validation.js';

function refuses(check: () => unknown, field: string): void {
  expect(check).to.throw(ValidationError).with.property('field', field);
}

describe('names', () => {
  const name = fc.stringMatching(/^[%|a-zA-Z0-9_-]{1,100}$/);

  it('may have the characters brokers allow', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(checkTopic(text)).to.equal(text);
        expect(checkGroup(text)).to.equal(text);
        expect(checkNamespace(text)).to.equal(text);
      }),
    );
  });

  it('may have no others', () => {
    fc.assert(
      fc.property(name, fc.stringMatching(/^[^%|a-zA-Z0-9_-]$/), fc.nat(), (text, wrong, at) => {
        const position = at % (text.length + 1);
        refuses(() => checkTopic(text.slice(0, position) + wrong + text.slice(position)), 'topic');
      }),
    );
  });

  it('have their longest', () => {
    expect(checkTopic('t'.repeat(127))).to.have.lengthOf(127);
    refuses(() => checkTopic('t'.repeat(128)), 'topic');
    expect(checkTopic('%RETRY%'.padEnd(255, 'g'))).to.have.lengthOf(255);
    expect(checkTopic('%DLQ%'.padEnd(255, 'g'))).to.have.lengthOf(255);
    refuses(() => checkTopic('%DLQ%'.padEnd(256, 'g')), 'topic');
    expect(checkGroup('g'.repeat(120))).to.have.lengthOf(120);
    refuses(() => checkGroup('g'.repeat(121)), 'consumerGroup');
  });

  for (const value of ['', ' ', undefined, null, 1, {}, ['t']]) {
    it(`are not ${JSON.stringify(value)}`, () => {
      refuses(() => checkTopic(value, 'given'), 'given');
      refuses(() => checkGroup(value, 'given'), 'given');
      refuses(() => checkNamespace(value, 'given'), 'given');
    });
  }

  it('of groups are not the defaults everybody shares', () => {
    refuses(() => checkGroup('DEFAULT_CONSUMER'), 'consumerGroup');
    refuses(() => checkGroup('DEFAULT_PRODUCER', 'producerGroup'), 'producerGroup');
  });

  it("of topics to send to are not the broker's own", () => {
    const own = ['SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRANS_HALF_TOPIC', 'RMQ_SYS_TRANS_OP_HALF_TOPIC', 'TRANS_CHECK_MAX_TIME_TOPIC', 'SELF_TEST_TOPIC', 'OFFSET_MOVED_EVENT']; // prettier-ignore
    for (const topic of own) {
      refuses(() => checkSendTopic(topic), 'message.topic');
      expect(checkTopic(topic)).to.equal(topic);
    }
    expect(checkSendTopic('Orders')).to.equal('Orders');
  });
});

describe('checkBody', () => {
  it('makes bytes of text', () => {
    expect(checkBody('中', 10)).to.deep.equal(Buffer.from([0xe4, 0xb8, 0xad]));
  });

  it('does not copy bytes', () => {
    const buffer = Buffer.from('abc');
    expect(checkBody(buffer, 3)).to.equal(buffer);
    const array = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    const bytes = checkBody(array, 10);
    expect([...bytes]).to.deep.equal([2, 3]);
    expect(bytes.buffer).to.equal(array.buffer);
  });

  it('measures in bytes', () => {
    expect(checkBody('中', 3)).to.have.lengthOf(3);
    refuses(() => checkBody('中', 2), 'message.body');
  });

  for (const body of ['', Buffer.alloc(0), undefined, null, 1, { a: 1 }, [1], new ArrayBuffer(2)]) {
    it(`refuses ${Object.prototype.toString.call(body)} ${String(body)}`, () => {
      refuses(() => checkBody(body, 100), 'message.body');
    });
  }
});

describe('checkMessageProperties', () => {
  it('accepts text by names of its own', () => {
    const properties = { region: 'north', constructor: 'x', größe: '中' };
    expect(checkMessageProperties(properties)).to.equal(properties);
    expect(checkMessageProperties({})).to.deep.equal({});
  });

  it('refuses names in use by RocketMQ, and lists them', () => {
    for (const name of ['KEYS', 'TAGS', 'UNIQ_KEY', 'DELAY', '__SHARDINGKEY', 'RECONSUME_TIME']) {
      refuses(() => checkMessageProperties({ [name]: 'x' }), `message.properties.${name}`);
    }
    expect(() => checkMessageProperties({ TAGS: 'x' })).to.throw(/KEYS, TAGS, .*RETRY_TOPIC/);
  });

  it('refuses separators in names and values', () => {
    refuses(() => checkMessageProperties({ 'a\u0001': 'x' }), 'message.properties');
    refuses(() => checkMessageProperties({ 'a\u0002': 'x' }), 'message.properties');
    refuses(() => checkMessageProperties({ a: 'x\u0001' }), 'message.properties.a');
    refuses(() => checkMessageProperties({ a: '\u0002' }), 'message.properties.a');
  });

  it('refuses what would be lost', () => {
    refuses(() => checkMessageProperties({ a: '' }), 'message.properties.a');
    refuses(() => checkMessageProperties({ '': 'x' }), 'message.properties');
  });

  for (const value of [1, true, null, undefined, {}]) {
    it(`refuses ${String(value)} as a value`, () => {
      refuses(() => checkMessageProperties({ a: value }), 'message.properties.a');
    });
  }

  for (const properties of [undefined, null, 'a=b', [['a', 'b']], 1]) {
    it(`refuses ${JSON.stringify(properties)} as properties`, () => {
      refuses(() => checkMessageProperties(properties, 'p'), 'p');
    });
  }
});

describe('checkEncodedProperties', () => {
  it('counts bytes up to what 16 bits hold', () => {
    expect(checkEncodedProperties('x'.repeat(32_767))).to.have.lengthOf(32_767);
    refuses(() => checkEncodedProperties('x'.repeat(32_768)), 'message.properties');
    refuses(() => checkEncodedProperties('中'.repeat(10_923)), 'message.properties');
  });
});

describe('checkTags, checkKeys and checkShardingKey', () => {
  it('accept text', () => {
    expect(checkTags('TagA')).to.equal('TagA');
    expect(checkTags('a b|c')).to.equal('a b|c');
    expect(checkKeys('k1')).to.deep.equal(['k1']);
    expect(checkKeys(['k1', 'k2'])).to.deep.equal(['k1', 'k2']);
    expect(checkKeys([])).to.deep.equal([]);
    expect(checkShardingKey('order 4711')).to.equal('order 4711');
  });

  it('refuse tags that no subscription could name', () => {
    for (const tags of ['', ' a', 'a ', 'a||b', 'a\u0001', 1, undefined, ['a']]) {
      refuses(() => checkTags(tags), 'message.tags');
    }
  });

  it('refuse keys that would become several', () => {
    for (const keys of ['', 'a b', ['a', 'b\tc'], [''], [1], 1, undefined, 'a\u0002']) {
      refuses(() => checkKeys(keys), 'message.keys');
    }
  });

  it('refuse a sharding key that is none', () => {
    for (const key of ['', 1, undefined, null, 'a\u0001']) refuses(() => checkShardingKey(key), 'shardingKey');
  });
});
