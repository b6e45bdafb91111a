import { expect } from 'chai';
import type { RequestType } from '../../../../lib/protocol/requests/request-type.js';
import { BOTH_FORMS, defined, errorOf, transmitRequest, transmitResponse } from '../wire.js';

type RequestSide<Request> = Pick<RequestType<Request, unknown>, 'code' | 'encode' | 'decode'>;
type ReplySide<Reply> = Pick<RequestType<unknown, Reply>, 'code' | 'encodeReply' | 'decodeReply'>;

/** The literal wire form of a request or reply. */
export interface WireForm {
  /** Of replies only. Default 0. */
  readonly code?: number;
  readonly ext?: Readonly<Record<string, string>>;
  /** Text, or bytes where the body is none. */
  readonly body?: string | Buffer;
  readonly remark?: string;
}

interface Encoded {
  readonly code: number;
  readonly extFields?: Readonly<Record<string, string | undefined>>;
  readonly body?: Buffer;
  readonly remark?: string | undefined;
}

function expectWire(actual: Encoded, code: number, form: WireForm): void {
  expect(actual.code).to.equal(code);
  expect(defined(actual.extFields ?? {})).to.deep.equal(form.ext ?? {});
  expect(actual.remark).to.equal(form.remark);
  const body = actual.body ?? Buffer.alloc(0);
  if (Buffer.isBuffer(form.body)) expect(body).to.deep.equal(form.body);
  else expect(body.toString('utf8')).to.equal(form.body ?? '');
}

/** Fields a decoded value may have with undefined count as absent, at every depth. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => [k, withoutUndefined(v)]),
  );
}

/**
 * Checks that a request is written as `form` says, and that it reads the same after the way over the wire, in both forms
 * of the header.
 */
export function itSends<Request>(
  name: string,
  type: RequestSide<Request>,
  request: Request,
  form: WireForm,
  /** What the receiver sees, where defaults are filled in. */
  received: unknown = request,
): void {
  it(`writes and reads the request${name}`, () => {
    expectWire(type.encode(request), type.code, form);
    for (const header of BOTH_FORMS) {
      const command = transmitRequest(type.encode(request), header);
      expect(withoutUndefined(type.decode(command))).to.deep.equal(withoutUndefined(received));
    }
  });
}

/** The same of a reply. */
export function itAnswers<Reply>(
  name: string,
  type: ReplySide<Reply>,
  reply: Reply,
  form: WireForm,
  received: unknown = reply,
): void {
  it(`writes and reads the reply${name}`, () => {
    expectWire(type.encodeReply(reply), form.code ?? 0, form);
    for (const header of BOTH_FORMS) {
      const command = transmitResponse(type.encodeReply(reply), header);
      const decoded = type.decodeReply(command);
      if (received === undefined) expect(decoded).to.equal(undefined);
      else expect(withoutUndefined(decoded)).to.deep.equal(withoutUndefined(received));
    }
  });
}

/** Checks that an answer with any other code is a BrokerError that says what was asked. */
export function itPassesErrorsOn(type: ReplySide<unknown>): void {
  it("passes the broker's refusal on", () => {
    const error = errorOf(() => type.decodeReply(transmitResponse({ code: 26, remark: 'no such group' })));
    expect(error.code).to.equal('ERR_ROCKETMQ_BROKER');
    expect(error).to.include({ responseCode: 26, remark: 'no such group' });
    expect(error.context).to.include({ requestCode: type.code });
  });
}

/** Checks that the request can't be read without any one of these header fields. */
export function itNeeds<Request>(type: RequestSide<Request>, request: Request, names: readonly string[]): void {
  it(`can't be read without ${names.join(', ')}`, () => {
    const complete = type.encode(request);
    for (const name of names) {
      const extFields = { ...complete.extFields, [name]: undefined };
      const error = errorOf(() => type.decode(transmitRequest({ ...complete, extFields })));
      expect(error.code, name).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
      expect(error.message, name).to.equal(`the custom field <${name}> is null`);
    }
  });
}

/** Checks that a body with nothing, something else or half of it in it is a ProtocolError, whoever reads it. */
export function itNeedsItsBody(read: (body: Buffer) => unknown, good: Buffer): void {
  it('refuses a body that is cut short or something else', () => {
    for (let length = 0; length < good.length; length++) {
      expect(errorOf(() => read(good.subarray(0, length))).name, `${length}`).to.equal('ProtocolError');
    }
    for (const body of ['[]', 'null', '"x"', '5', 'true']) {
      expect(errorOf(() => read(Buffer.from(body))).name, body).to.equal('ProtocolError');
    }
  });
}
