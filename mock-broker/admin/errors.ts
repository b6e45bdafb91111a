import { RocketMQError } from '../../lib/errors.js';

/** Why a request over HTTP was refused: the code of the answer, its status, and what it stands for. */
export const ADMIN_STATUS = {
  ERR_ROCKETMQ_INVALID_ARGUMENT: 400,
  ERR_MOCK_MALFORMED: 400,
  ERR_MOCK_UNAUTHORIZED: 401,
  ERR_MOCK_FORBIDDEN: 403,
  ERR_MOCK_NOT_FOUND: 404,
  ERR_MOCK_METHOD: 405,
  ERR_ROCKETMQ_STATE: 409,
  ERR_MOCK_TOO_LARGE: 413,
  ERR_MOCK_MEDIA_TYPE: 415,
  ERR_MOCK_INTERNAL: 500,
  ERR_ROCKETMQ_CONNECTION_LOST: 502,
  ERR_ROCKETMQ_TIMEOUT: 504,
} as const;

export type AdminErrorCode = keyof typeof ADMIN_STATUS;

/** The control plane refused a request. */
export class MockAdminError extends RocketMQError {
  /** Of the HTTP answer. */
  readonly status: number;
  /** The member of the input that was refused. */
  readonly field: string | undefined;

  constructor(code: string, message: string, details: { status?: number; field?: string | undefined } = {}) {
    const status = details.status ?? ADMIN_STATUS[code as AdminErrorCode] ?? 500;
    super(message, { code, retryable: false, context: { status, field: details.field } });
    this.status = status;
    this.field = details.field;
  }
}

export function notFound(what: string, field?: string): MockAdminError {
  return new MockAdminError('ERR_MOCK_NOT_FOUND', `there is no ${what}`, { field });
}
