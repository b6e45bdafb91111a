import { ProtocolError } from '../errors.js';
import { CLIENT_VERSION } from './codes.js';
import { setProperty } from './own-property.js';

/**
 * RemotingCommand: the header of every frame, in both of its forms. The form of a reply is chosen by the server, not
 * by the request, so decoding goes by each frame's own type byte.
 *
 *     JSON     {"code","language","version","opaque","flag","remark"?,"extFields"?,"serializeTypeCurrentRPC"}
 *     ROCKETMQ code:int16 language:int8 version:int16 opaque:int32 flag:int32
 *              remarkLength:int32 remark extLength:int32 *(keyLength:int16 key valueLength:int32 value)
 */

export const SerializeType = { JSON: 0, ROCKETMQ: 1 } as const;
export type SerializeType = (typeof SerializeType)[keyof typeof SerializeType];

const FLAG_RESPONSE = 1;
const FLAG_ONEWAY = 2;

/** Header fields are strings on the wire, numbers and booleans too. */
export type ExtFields = Readonly<Record<string, string>>;

export interface RemotingCommand {
  /** Request code, or response code in a response. */
  readonly code: number;
  /** Name of the sender's language, `JAVA`; `UNKNOWN` for an ordinal that has no name here. */
  readonly language: string;
  /** The sender's `MQVersion` ordinal. */
  readonly version: number;
  /** Request id, echoed by the response. */
  readonly opaque: number;
  /** Bit 0: response, bit 1: one-way. */
  readonly flag: number;
  readonly remark: string | undefined;
  readonly extFields: ExtFields;
  /** A view into the frame; empty when the frame has no body. */
  readonly body: Buffer;
  readonly serializeType: SerializeType;
}

/** What a request consists of before it gets an opaque. */
export interface RequestCommand {
  readonly code: number;
  readonly extFields?: Readonly<Record<string, string | undefined>>;
  /** `extFields` as members of a JSON object, from who makes many alike: `"topic":"T","queueId":"3"`. */
  readonly fieldsText?: string;
  readonly body?: Buffer;
}

const EMPTY_EXT: ExtFields = Object.freeze({});
const EMPTY_BODY = Buffer.alloc(0);

/** Ordinals of the reference's `LanguageCode`. */
export const LANGUAGES = [
  'JAVA', 'CPP', 'DOTNET', 'PYTHON', 'DELPHI', 'ERLANG', 'RUBY', 'OTHER', 'HTTP', 'GO', 'PHP', 'OMS', 'RUST', 'NODE_JS',
] as const; // prettier-ignore
const DEFAULT_LANGUAGE = 'OTHER';

export function isResponse(command: { readonly flag: number }): boolean {
  return (command.flag & FLAG_RESPONSE) !== 0;
}

export function isOneway(command: { readonly flag: number }): boolean {
  return (command.flag & FLAG_ONEWAY) !== 0;
}

/** A request ready to be encoded. `OTHER` is the language every broker version knows. */
export function createRequest(
  request: RequestCommand,
  opaque: number,
  options: { oneway?: boolean; language?: string; version?: number; serializeType?: SerializeType } = {},
): RemotingCommand {
  return {
    code: request.code,
    language: options.language ?? DEFAULT_LANGUAGE,
    version: options.version ?? CLIENT_VERSION,
    opaque,
    flag: options.oneway === true ? FLAG_ONEWAY : 0,
    remark: undefined,
    extFields: definedFields(request.extFields),
    body: request.body ?? EMPTY_BODY,
    serializeType: options.serializeType ?? SerializeType.JSON,
  };
}

/** What a response consists of besides what it takes over from its request. */
export interface ResponseCommand {
  readonly code: number;
  readonly remark?: string | undefined;
  readonly extFields?: Readonly<Record<string, string | undefined>>;
  readonly body?: Buffer;
}

/** The answer to `request`: same opaque, response bit set. */
export function createResponse(
  request: Pick<RemotingCommand, 'opaque' | 'flag'>,
  response: ResponseCommand,
  options: { language?: string; version?: number; serializeType?: SerializeType } = {},
): RemotingCommand {
  return {
    code: response.code,
    language: options.language ?? DEFAULT_LANGUAGE,
    version: options.version ?? CLIENT_VERSION,
    opaque: request.opaque,
    flag: request.flag | FLAG_RESPONSE,
    remark: response.remark,
    extFields: definedFields(response.extFields),
    body: response.body ?? EMPTY_BODY,
    serializeType: options.serializeType ?? SerializeType.JSON,
  };
}

function definedFields(fields: Readonly<Record<string, string | undefined>> | undefined): ExtFields {
  if (fields === undefined) return EMPTY_EXT;
  if (allDefined(fields)) return fields;
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) defined[name] = value;
  return defined;
}

function allDefined(fields: Readonly<Record<string, string | undefined>>): fields is ExtFields {
  for (const name in fields) if (fields[name] === undefined) return false;
  return true;
}

/** A whole frame, length field included. A large body is not copied into it: see the two-part result. */
export function encodeCommand(command: RemotingCommand): Buffer {
  const [head, body] = encodeCommandParts(command);
  return body.length === 0 ? head : Buffer.concat([head, body]);
}

/** A frame as its two parts, [length field and header, body], so that the body need not be copied to be sent. */
export function encodeCommandParts(command: RemotingCommand): [Buffer, Buffer] {
  const header = encodeHeader(command);
  const head = Buffer.allocUnsafe(8 + headerLength(header));
  writeHead(header, command.body.length, head, 0);
  return [head, command.body];
}

/** The command with a body of its own, for who needs it longer than the memory it was read into. */
export function withOwnBody(command: RemotingCommand): RemotingCommand {
  return command.body.length === 0 ? command : { ...command, body: Buffer.from(command.body) };
}

/** A header that is not bytes yet: text, or bytes in the binary form. */
export type EncodedHeader = string | Buffer;

export function encodeHeader(command: RemotingCommand): EncodedHeader {
  return command.serializeType === SerializeType.JSON ? jsonHeader(command) : encodeBinaryHeader(command);
}

export function headerLength(header: EncodedHeader): number {
  return typeof header === 'string' ? Buffer.byteLength(header) : header.length;
}

/** Writes the length field and the header of a frame; `bytes` has room for 8 bytes more than the header's. */
export function writeHead(header: EncodedHeader, bodyLength: number, bytes: Buffer, at: number): number {
  const start = at + 8;
  const isText = typeof header === 'string';
  const length = isText ? bytes.write(header, start) : header.copy(bytes, start);
  bytes.writeInt32BE(4 + length + bodyLength, at);
  bytes.writeInt32BE(((isText ? SerializeType.JSON : SerializeType.ROCKETMQ) << 24) | length, at + 4);
  return start + length;
}

/**
 * Reads a frame as {@link FrameDecoder} hands it out: without its length field.
 *
 * @throws ProtocolError `ERR_ROCKETMQ_FRAME_MALFORMED`, `ERR_ROCKETMQ_HEADER_MALFORMED`
 */
export function decodeCommand(frame: Buffer): RemotingCommand {
  if (frame.length < 4) throw malformed('a frame is too short for a header', { length: frame.length });
  const word = frame.readUInt32BE(0);
  const headerEnd = 4 + (word & 0xffffff);
  const serializeType = word >>> 24;
  if (headerEnd > frame.length) {
    throw new ProtocolError('ERR_ROCKETMQ_FRAME_MALFORMED', 'a header is longer than its frame', {
      headerLength: headerEnd - 4,
      length: frame.length,
    });
  }
  const body = headerEnd === frame.length ? EMPTY_BODY : frame.subarray(headerEnd);
  if (serializeType === SerializeType.JSON) return decodeJsonHeader(frame.toString('utf8', 4, headerEnd), body);
  if (serializeType === SerializeType.ROCKETMQ) return decodeBinaryHeader(frame, headerEnd, body);
  throw malformed(`the header type ${serializeType} is unknown`, { serializeType });
}

/** Put together by hand: with a request for every 32 messages, going through an object for JSON.stringify shows. */
function jsonHeader(command: RemotingCommand): string {
  const { code, flag, language, opaque, version, remark } = command;
  const beforeFields = remark === undefined ? '' : `,"remark":${JSON.stringify(remark)}`;
  return jsonHeaderOf(code, flag, quoted(language), opaque, version, beforeFields, jsonMembers(command.extFields));
}

function jsonHeaderOf(
  code: number,
  flag: number,
  quotedLanguage: string,
  opaque: number,
  version: number,
  beforeFields: string,
  fieldsText: string,
): string {
  const fields = fieldsText === '' ? '' : `,"extFields":{${fieldsText}}`;
  return (
    `{"code":${code},"flag":${flag},"language":${quotedLanguage},"opaque":${opaque},` +
    `"serializeTypeCurrentRPC":"JSON","version":${version}${beforeFields}${fields}}`
  );
}

/** The JSON header of a request whose fields are text already. */
export function jsonRequestHeader(code: number, opaque: number, fieldsText: string, language?: string): string {
  const quotedLanguage = language === undefined ? `"${DEFAULT_LANGUAGE}"` : quoted(language);
  return jsonHeaderOf(code, 0, quotedLanguage, opaque, CLIENT_VERSION, '', fieldsText);
}

/** Fields as the members of a JSON object. */
export function jsonMembers(fields: ExtFields): string {
  let members = '';
  for (const name in fields) {
    members += `${members === '' ? '' : ','}${quoted(name)}:${quoted(fields[name] as string)}`;
  }
  return members;
}

/** What JSON can't hold as it stands: quotes, backslashes and control characters; and what is left to JSON.stringify. */
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function decodeJsonHeader(text: string, body: Buffer): RemotingCommand {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw malformed('a JSON header does not parse', { start: text.slice(0, 40) }, error);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw malformed('a JSON header is no object', { start: text.slice(0, 40) });
  }
  const { code, language, version, opaque, flag, remark, extFields } = header as Record<string, unknown>;
  return {
    code: integer(code, 'code'),
    language: typeof language === 'string' ? language : 'UNKNOWN',
    version: version === undefined ? 0 : integer(version, 'version'),
    opaque: integer(opaque, 'opaque'),
    flag: flag === undefined ? 0 : integer(flag, 'flag'),
    remark: typeof remark === 'string' ? remark : undefined,
    extFields: jsonExtFields(extFields),
    body,
    serializeType: SerializeType.JSON,
  };
}

/** Values that came as numbers or booleans become strings, nulls are left out; the usual case is returned as it is. */
function jsonExtFields(fields: unknown): ExtFields {
  if (fields === undefined || fields === null) return EMPTY_EXT;
  if (typeof fields !== 'object' || Array.isArray(fields)) throw malformed('extFields is no object');
  for (const name in fields) {
    if (typeof (fields as Record<string, unknown>)[name] !== 'string') return stringified(fields);
  }
  return fields as ExtFields;
}

function stringified(fields: object): ExtFields {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (value === null) continue;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw malformed(`the header field ${name} is no string`);
    }
    setProperty(result, name, String(value));
  }
  return result;
}

function integer(value: unknown, field: string): number {
  // Java's int: an opaque past it could not be answered in the binary form.
  if (typeof value !== 'number' || (value | 0) !== value) {
    throw malformed(`the header field ${field} is no integer of 32 bits`);
  }
  return value;
}

function encodeBinaryHeader(command: RemotingCommand): Buffer {
  const remark = command.remark === undefined ? EMPTY_BODY : Buffer.from(command.remark);
  const ext: Buffer[] = [];
  let extLength = 0;
  for (const [name, value] of Object.entries(command.extFields)) {
    const key = Buffer.from(name);
    const val = Buffer.from(value);
    const lengths = Buffer.allocUnsafe(6);
    lengths.writeInt16BE(key.length, 0);
    lengths.writeInt32BE(val.length, 2);
    ext.push(lengths.subarray(0, 2), key, lengths.subarray(2), val);
    extLength += 6 + key.length + val.length;
  }
  const fixed = Buffer.allocUnsafe(17);
  fixed.writeInt16BE(command.code, 0);
  fixed.writeInt8(languageOrdinal(command.language), 2);
  fixed.writeInt16BE(command.version, 3);
  fixed.writeInt32BE(command.opaque, 5);
  fixed.writeInt32BE(command.flag, 9);
  fixed.writeInt32BE(remark.length, 13);
  const extLengthField = Buffer.allocUnsafe(4);
  extLengthField.writeInt32BE(extLength, 0);
  return Buffer.concat([fixed, remark, extLengthField, ...ext]);
}

function languageOrdinal(name: string): number {
  const ordinal = (LANGUAGES as readonly string[]).indexOf(name);
  return ordinal === -1 ? LANGUAGES.indexOf(DEFAULT_LANGUAGE) : ordinal;
}

function decodeBinaryHeader(frame: Buffer, end: number, body: Buffer): RemotingCommand {
  const reader = new HeaderReader(frame, 4, end);
  const code = reader.int16();
  const language = LANGUAGES[reader.int8()] ?? 'UNKNOWN';
  const version = reader.int16();
  const opaque = reader.int32();
  const flag = reader.int32();
  const remark = reader.text(reader.int32());
  const extEnd = reader.skipTo(reader.int32());
  const extFields: Record<string, string> = {};
  while (reader.at < extEnd) {
    const name = reader.text(reader.int16());
    const value = reader.text(reader.int32());
    if (name !== undefined && value !== undefined) setProperty(extFields, name, value);
  }
  return { code, language, version, opaque, flag, remark, extFields, body, serializeType: SerializeType.ROCKETMQ };
}

/** Reads the binary header and refuses to look past its end. */
class HeaderReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  /** Text of `length` bytes; a length of 0 reads as absent, as in the reference. */
  text(length: number): string | undefined {
    if (length === 0) return undefined;
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** Where a run of `length` bytes from here ends; it must lie within the header. */
  skipTo(length: number): number {
    const start = this.#take(length);
    this.at = start;
    return start + length;
  }

  #take(length: number): number {
    const start = this.at;
    if (length < 0 || start + length > this.#end) throw malformed('a binary header is cut short');
    this.at = start + length;
    return start;
  }
}

function malformed(message: string, context?: Record<string, unknown>, cause?: unknown): ProtocolError {
  return new ProtocolError('ERR_ROCKETMQ_HEADER_MALFORMED', message, context, cause);
}
