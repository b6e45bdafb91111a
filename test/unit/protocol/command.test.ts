import { expect } from 'chai';
import fc from 'fast-check';
import {
  createRequest,
  createResponse,
  decodeCommand,
  encodeCommand,
  encodeCommandParts,
  isOneway,
  isResponse,
  SerializeType,
} from '../../../lib/protocol/command.js';
import type { RemotingCommand } from '../../../lib/protocol/command.js';
import { CLIENT_VERSION, RequestCode } from '../../../lib/protocol/codes.js';
import { anyBuffer, anyInt32, anyText, BOTH_FORMS, errorOf, framesOf, transmit } from './wire.js';

/** A frame without its length field. */
function frameOf(type: number, header: string | Buffer, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.from(header);
  const word = Buffer.alloc(4);
  word.writeInt32BE((type << 24) | head.length);
  return Buffer.concat([word, head, body]);
}

const decodeJson = (header: string): RemotingCommand => decodeCommand(frameOf(0, header));

const languages = ['JAVA', 'CPP', 'DOTNET', 'PYTHON', 'OTHER', 'GO', 'RUST', 'NODE_JS'];

const anyCommand = (serializeType: SerializeType): fc.Arbitrary<RemotingCommand> =>
  fc.record({
    code: fc.integer({ min: 0, max: 0x7fff }),
    language: fc.constantFrom(...languages),
    version: fc.integer({ min: 0, max: 0x7fff }),
    opaque: anyInt32(),
    flag: fc.integer({ min: 0, max: 3 }),
    // An empty text can't be told from an absent one in the binary form.
    remark: fc.option(anyText({ minLength: 1 }), { nil: undefined }),
    extFields: fc.dictionary(
      anyText({ minLength: 1, maxLength: 10 }).filter((name) => name !== '__proto__'),
      anyText({ minLength: 1 }),
      { noNullPrototype: true },
    ),
    body: anyBuffer(),
    serializeType: fc.constant(serializeType),
  });

describe('RemotingCommand', () => {
  describe('golden vectors', () => {
    const golden = '000000260100002200690001df0000000100000000000000000000000d0005746f706963000000025431';
    const request = createRequest({ code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic: 'T1' } }, 1, {
      language: 'JAVA',
      version: 479,
      serializeType: SerializeType.ROCKETMQ,
    });

    it('writes the binary form of the reference', () => {
      expect(encodeCommand(request).toString('hex')).to.equal(golden);
    });

    it('reads the binary form of the reference', () => {
      const [frame] = framesOf(Buffer.from(golden, 'hex'));
      expect(decodeCommand(frame as Buffer)).to.deep.equal(request);
    });

    it('writes a JSON header with its type and lengths', () => {
      const bytes = encodeCommand({ ...request, serializeType: SerializeType.JSON, body: Buffer.from('body') });
      const header =
        '{"code":105,"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":479,' +
        '"extFields":{"topic":"T1"}}';
      expect(bytes.readInt32BE(0)).to.equal(4 + header.length + 4);
      expect(bytes.readInt32BE(4)).to.equal(header.length);
      expect(bytes.toString('utf8', 8)).to.equal(`${header}body`);
    });

    it('reads a JSON frame whose first eight bytes tell of a header of 354 bytes and no body', () => {
      const header = Buffer.alloc(354, ' ');
      header.write('{"code":0,"opaque":5}');
      const bytes = Buffer.concat([Buffer.from('0000016600000162', 'hex'), header]);
      const [frame] = framesOf(bytes);
      const command = decodeCommand(frame as Buffer);
      expect(command.opaque).to.equal(5);
      expect(command.body).to.have.length(0);
    });
  });

  for (const form of BOTH_FORMS) {
    it(`survives the way over the wire, form ${form}`, () => {
      fc.assert(
        fc.property(anyCommand(form), (command) => {
          expect(transmit(command)).to.deep.equal(command);
        }),
      );
    });

    it(`can be sent in two parts without copying the body, form ${form}`, () => {
      const body = Buffer.from('a body');
      const command = createRequest({ code: 10, body }, 1, { serializeType: form });
      const [head, tail] = encodeCommandParts(command);
      expect(tail).to.equal(body);
      expect(Buffer.concat([head, tail])).to.deep.equal(encodeCommand(command));
    });

    it(`never yields anything but a command or a ProtocolError when bytes are missing, form ${form}`, () => {
      const command = createRequest({ code: 11, extFields: { topic: 'T1', queueId: '3' } }, 9, { serializeType: form });
      const frame = encodeCommand({ ...command, remark: 'words' }).subarray(4);
      for (let length = 0; length < frame.length; length++) {
        const cut = Buffer.from(frame.subarray(0, length));
        expect(errorOf(() => decodeCommand(cut)).code, `${length} bytes`).to.match(/HEADER_MALFORMED|FRAME_MALFORMED/);
        // The same with a header length that admits to the missing bytes.
        if (length < 4) continue;
        cut.writeInt32BE((form << 24) | (length - 4));
        expect(errorOf(() => decodeCommand(cut)).code, `${length} bytes`).to.equal('ERR_ROCKETMQ_HEADER_MALFORMED');
      }
    });
  }

  it('never yields anything but a command or a ProtocolError for random bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 }), anyBuffer(80), (type, header) => {
        try {
          expect(decodeCommand(frameOf(type, header))).to.have.property('code');
        } catch (error) {
          expect(error).to.have.property('name', 'ProtocolError');
        }
      }),
    );
  });

  describe('createRequest', () => {
    it('speaks as a client by default and leaves undefined fields out', () => {
      const request = createRequest({ code: 34, extFields: { a: '1', b: undefined } }, 3);
      expect(request).to.deep.equal({
        code: 34,
        language: 'OTHER',
        version: CLIENT_VERSION,
        opaque: 3,
        flag: 0,
        remark: undefined,
        extFields: { a: '1' },
        body: Buffer.alloc(0),
        serializeType: SerializeType.JSON,
      });
      expect([isOneway(request), isResponse(request)]).to.deep.equal([false, false]);
    });

    it('marks a one-way request', () => {
      const request = createRequest({ code: 42 }, 3, { oneway: true });
      expect(request.flag).to.equal(2);
      expect([isOneway(request), isResponse(request)]).to.deep.equal([true, false]);
    });
  });

  it('createResponse takes the opaque over and sets the response bit', () => {
    const response = createResponse({ opaque: -5, flag: 0 }, { code: 17, remark: 'no', extFields: { x: undefined } });
    expect(response).to.include({ code: 17, remark: 'no', opaque: -5, flag: 1 });
    expect(response.extFields).to.deep.equal({});
    expect(isResponse(response)).to.equal(true);
  });

  describe('JSON header', () => {
    it('needs no more than code and opaque', () => {
      expect(decodeJson('{"code":1,"opaque":2}')).to.deep.equal({
        code: 1,
        language: 'UNKNOWN',
        version: 0,
        opaque: 2,
        flag: 0,
        remark: undefined,
        extFields: {},
        body: Buffer.alloc(0),
        serializeType: SerializeType.JSON,
      });
    });

    it('ignores what it does not know, and nulls', () => {
      const command = decodeJson(
        '{"code":1,"opaque":2,"suspended":false,"remark":null,"language":7,"extFields":null,"flag":1}',
      );
      expect(command).to.include({ remark: undefined, language: 'UNKNOWN', flag: 1 });
      expect(command.extFields).to.deep.equal({});
    });

    it('reads fields that came as numbers, booleans or nulls', () => {
      const command = decodeJson('{"code":1,"opaque":2,"extFields":{"a":5,"b":true,"c":null,"d":"x"}}');
      expect(command.extFields).to.deep.equal({ a: '5', b: 'true', d: 'x' });
    });

    const broken = {
      'no JSON': '{"code":',
      'an array': '[]',
      null: 'null',
      'a number': '5',
      'no code': '{"opaque":1}',
      'a code that is text': '{"code":"11","opaque":1}',
      'no opaque': '{"code":1}',
      'a fractional version': '{"code":1,"opaque":1,"version":1.5}',
      'a flag that is text': '{"code":1,"opaque":1,"flag":"1"}',
      'fields that are an array': '{"code":1,"opaque":1,"extFields":[]}',
      'a field that is an object': '{"code":1,"opaque":1,"extFields":{"a":{}}}',
    };
    for (const [name, header] of Object.entries(broken)) {
      it(`is refused when it is ${name}`, () => {
        expect(errorOf(() => decodeJson(header)).code).to.equal('ERR_ROCKETMQ_HEADER_MALFORMED');
      });
    }
  });

  describe('binary header', () => {
    const fixed = '006900' + '01df' + '00000001' + '00000000';

    it('reads empty texts as absent', () => {
      // One field with an empty value, one with an empty name.
      const ext = '0001' + '61' + '00000000' + '0000' + '00000001' + '62';
      const header = fixed + '00000000' + (ext.length / 2).toString(16).padStart(8, '0') + ext;
      const command = decodeCommand(frameOf(1, Buffer.from(header, 'hex')));
      expect(command.remark).to.equal(undefined);
      expect(command.extFields).to.deep.equal({});
    });

    it('reads a language without a name as UNKNOWN', () => {
      const header = Buffer.from(fixed + '0000000000000000', 'hex');
      header.writeInt8(99, 2);
      expect(decodeCommand(frameOf(1, header)).language).to.equal('UNKNOWN');
    });

    it('writes a language that has no ordinal as OTHER', () => {
      const command = createRequest({ code: 1 }, 1, { language: 'COBOL', serializeType: SerializeType.ROCKETMQ });
      expect(transmit(command).language).to.equal('OTHER');
    });

    it('is refused with a negative length in it', () => {
      const header = Buffer.from(fixed + 'ffffffff' + '00000000', 'hex');
      expect(errorOf(() => decodeCommand(frameOf(1, header))).code).to.equal('ERR_ROCKETMQ_HEADER_MALFORMED');
    });
  });

  it('refuses a header type it does not know', () => {
    expect(errorOf(() => decodeCommand(frameOf(2, '{}'))).code).to.equal('ERR_ROCKETMQ_HEADER_MALFORMED');
  });

  for (const field of ['code', 'version', 'opaque', 'flag']) {
    it(`refuses a JSON header whose ${field} is past 32 bits`, () => {
      const header = { code: 0, version: 1, opaque: 1, flag: 1 };
      for (const value of [2_147_483_648, -2_147_483_649, 1e300, 0.5]) {
        const text = JSON.stringify({ ...header, [field]: value });
        expect(errorOf(() => decodeJson(text)).code, String(value)).to.equal('ERR_ROCKETMQ_HEADER_MALFORMED');
      }
      for (const value of [2_147_483_647, -2_147_483_648]) {
        expect(decodeJson(JSON.stringify({ ...header, [field]: value }))).to.have.property(field, value);
      }
    });
  }

  it('makes __proto__ a header field like any other', () => {
    const own = JSON.parse('{"__proto__":"x","a":"1"}') as Record<string, string>;
    for (const serializeType of BOTH_FORMS) {
      const { extFields } = transmit(createRequest({ code: 1, extFields: own }, 1, { serializeType }));
      expect(Object.entries(extFields)).to.deep.equal([
        ['__proto__', 'x'],
        ['a', '1'],
      ]);
    }
    const { extFields } = decodeJson('{"code":0,"opaque":1,"extFields":{"__proto__":5,"a":1}}');
    expect(Object.entries(extFields)).to.deep.equal([
      ['__proto__', '5'],
      ['a', '1'],
    ]);
  });
});
