import { expect } from 'chai';
import * as fields from '../../../lib/protocol/json-fields.js';
import { errorOf } from './wire.js';

const MALFORMED = 'ERR_ROCKETMQ_FIELD_MALFORMED';
const MISSING = 'ERR_ROCKETMQ_FIELD_MISSING';

describe('fields of JSON bodies', () => {
  const object = fields.parseJsonObject(
    Buffer.from(
      '{"text":"x","integer":5,"float":1.5,"yes":true,"list":[1],"map":{"a":"b"},"nothing":null,"huge":9007199254740993}',
    ),
  );

  it('reads fields that are there', () => {
    expect(fields.textField(object, 'text')).to.equal('x');
    expect(fields.optionalTextField(object, 'text')).to.equal('x');
    expect(fields.integerField(object, 'integer')).to.equal(5);
    expect(fields.optionalIntegerField(object, 'integer')).to.equal(5);
    expect(fields.numberField(object, 'float')).to.equal(1.5);
    expect(fields.numberField(object, 'huge')).to.equal(9007199254740992);
    expect(fields.booleanField(object, 'yes', false)).to.equal(true);
    expect(fields.arrayField(object, 'list')).to.deep.equal([1]);
    expect(fields.objectField(object, 'map')).to.deep.equal({ a: 'b' });
    expect(fields.textMapField(object, 'map')).to.deep.equal({ a: 'b' });
  });

  for (const name of ['nothing', 'absent']) {
    it(`takes the field "${name}" for absent`, () => {
      expect(errorOf(() => fields.textField(object, name)).code).to.equal(MISSING);
      expect(errorOf(() => fields.integerField(object, name)).code).to.equal(MISSING);
      expect(fields.optionalTextField(object, name)).to.equal(undefined);
      expect(fields.optionalIntegerField(object, name)).to.equal(undefined);
      expect(fields.numberField(object, name)).to.equal(0);
      expect(fields.booleanField(object, name, true)).to.equal(true);
      expect(fields.arrayField(object, name)).to.deep.equal([]);
      expect(fields.objectField(object, name)).to.deep.equal({});
    });
  }

  it('refuses fields of another type', () => {
    expect(errorOf(() => fields.textField(object, 'integer')).message).to.equal(
      'the body field integer is not a string',
    );
    expect(errorOf(() => fields.integerField(object, 'text')).message).to.equal(
      'the body field text is not an integer',
    );
    expect(errorOf(() => fields.integerField(object, 'float')).code).to.equal(MALFORMED);
    expect(errorOf(() => fields.optionalIntegerField(object, 'text')).code).to.equal(MALFORMED);
    expect(errorOf(() => fields.numberField(object, 'text')).code).to.equal(MALFORMED);
    expect(errorOf(() => fields.booleanField(object, 'text', true)).code).to.equal(MALFORMED);
    expect(errorOf(() => fields.arrayField(object, 'map')).code).to.equal(MALFORMED);
    expect(errorOf(() => fields.objectField(object, 'list')).code).to.equal(MALFORMED);
    expect(errorOf(() => fields.textMapField({ map: { a: 1 } }, 'map')).code).to.equal(MALFORMED);
  });

  it('refuses an integer past 2^53 - 1 by its own code', () => {
    const error = errorOf(() => fields.integerField(object, 'huge'));
    expect(error.code).to.equal('ERR_ROCKETMQ_OFFSET_UNSAFE');
    expect(error.context).to.deep.equal({ field: 'huge', value: '9007199254740993' });
  });

  for (const body of ['[]', 'null', '5', '"x"']) {
    it(`refuses ${body} as a body`, () => {
      expect(errorOf(() => fields.parseJsonObject(Buffer.from(body))).code).to.equal(MALFORMED);
    });
  }

  it('refuses an empty body', () => {
    expect(errorOf(() => fields.parseJsonObject(Buffer.alloc(0))).code).to.equal('ERR_ROCKETMQ_JSON_MALFORMED');
  });

  describe('message queues', () => {
    const queue = { topic: 't', brokerName: 'b', queueId: 3 };

    it('are objects with their fields in the order of the reference', () => {
      const json = JSON.stringify(fields.messageQueueJson(queue));
      expect(json).to.equal('{"brokerName":"b","queueId":3,"topic":"t"}');
      expect(fields.asMessageQueue(JSON.parse(json))).to.deep.equal(queue);
      expect(errorOf(() => fields.asMessageQueue({ topic: 't', brokerName: 'b' })).code).to.equal(MISSING);
      expect(errorOf(() => fields.asMessageQueue('t')).code).to.equal(MALFORMED);
    });

    it('are keys of maps in both forms', () => {
      const bare = fields.stringifyMessageQueueMap([[queue, 5]]);
      expect(bare).to.equal('{{"brokerName":"b","queueId":3,"topic":"t"}:5}');
      const quoted = JSON.stringify(fields.messageQueueMapJson([[queue, 5]]));
      expect(quoted).to.equal('{"{\\"brokerName\\":\\"b\\",\\"queueId\\":3,\\"topic\\":\\"t\\"}":5}');
      for (const map of [bare, quoted]) {
        const body = fields.parseJsonObject(Buffer.from(`{"table":${map}}`));
        const entries = fields.messageQueueMapField(body, 'table', fields.asSafeInteger);
        expect(entries).to.deep.equal([{ queue, value: 5 }]);
      }
    });
  });

  it('make __proto__ a key like any other', () => {
    const body = fields.parseJsonObject(Buffer.from('{"map":{"__proto__":"x"}}'));
    expect(Object.entries(fields.textMapField(body, 'map'))).to.deep.equal([['__proto__', 'x']]);
  });

  it('are no numbers when they are past the greatest one', () => {
    const body = fields.parseJsonObject(Buffer.from('{"most":1e308,"more":1e309}'));
    expect(fields.numberField(body, 'most')).to.equal(1e308);
    expect(errorOf(() => fields.numberField(body, 'more')).code).to.equal(MALFORMED);
  });
});
