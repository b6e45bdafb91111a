import {
  createRequest,
  encodeHeader,
  jsonRequestHeader,
  SerializeType,
  type EncodedHeader,
  type RequestCommand,
} from '../protocol/command.js';
import { requestFields, type FieldOptions } from './request-fields.js';

export interface EncoderOptions extends FieldOptions {
  readonly language?: string | undefined;
  readonly serializeType?: SerializeType | undefined;
  /** The opaque of the first request. @default 0 */
  readonly firstOpaque?: number | undefined;
}

/** Turns commands into requests: opaque, fields that go with every request, signature. One per client. */
export class RequestEncoder {
  readonly #options: EncoderOptions;
  readonly #header: { language?: string; serializeType?: SerializeType };
  readonly #onewayHeader: { language?: string; serializeType?: SerializeType; oneway: true };
  #nextOpaque: number;

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#header = {
      ...(options.language !== undefined && { language: options.language }),
      ...(options.serializeType !== undefined && { serializeType: options.serializeType }),
    };
    this.#onewayHeader = { ...this.#header, oneway: true };
    this.#nextOpaque = (options.firstOpaque ?? 0) | 0;
  }

  /** The next request id: an int32 that goes on from -2^31 after 2^31 - 1. */
  nextOpaque(): number {
    const opaque = this.#nextOpaque;
    this.#nextOpaque = (opaque + 1) | 0;
    return opaque;
  }

  /** A request's header, ready to be written. The signature is made here, so each resend gets its own. */
  encode(command: RequestCommand, opaque: number, oneway: boolean): EncodedHeader {
    const { fieldsText } = command;
    if (fieldsText !== undefined && this.#isPlain && !oneway) {
      return jsonRequestHeader(command.code, opaque, fieldsText, this.#options.language);
    }
    const fields = requestFields(command, this.#options);
    const { code, body } = command;
    const request = { code, ...(fields !== undefined && { extFields: fields }), ...(body !== undefined && { body }) };
    return encodeHeader(createRequest(request, opaque, oneway ? this.#onewayHeader : this.#header));
  }

  /** Fields go out as the command has them, and as JSON. */
  get #isPlain(): boolean {
    const { acl, namespaceV2, serializeType } = this.#options;
    return acl === undefined && namespaceV2 === undefined && serializeType !== SerializeType.ROCKETMQ;
  }

  /** What answers to the peer's own requests carry. */
  get responseHeader(): { language?: string; serializeType?: SerializeType } {
    return this.#header;
  }
}
