import { Hono, type Context } from 'hono';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import {
  ConnectionError,
  MessageFormatError,
  RocketMQError,
  StateError,
  TimeoutError,
  ValidationError,
} from '../../lib/errors.js';
import type { MockCluster } from '../cluster.js';
import { readConsoleFile } from './console-files.js';
import { CONTRACT, type Contract } from './contract.js';
import { MockAdminError, notFound } from './errors.js';
import type { EventStreams } from './events.js';
import type { Guard } from './guard.js';
import { adminHandlers } from './handlers/index.js';
import { checkInput, fromTexts } from './input.js';
import { openApiDocument } from './openapi.js';
import { EVENTS_PATH, hasBody, OPERATIONS, type Operation, type OperationName } from './operations.js';

/** The routes: every operation of the contract, the events, the OpenAPI document, and the console's files. */

const MAX_BODY_BYTES = 1024 * 1024;

/** The console runs its own files only, talks to its own server only, and can't be framed. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

type Environment = { Bindings: HttpBindings };
type AnyHandler = (cluster: MockCluster, input: unknown) => unknown;

export function createApp(cluster: MockCluster, guard: Guard, streams: EventStreams): Hono<Environment> {
  const app = new Hono<Environment>();
  app.use(async (c, next) => {
    guard.checkOrigin(c.req.raw.headers);
    // The page and its description hold nothing of the cluster; what they ask for does.
    if (c.req.path.startsWith('/api/') || c.req.path === EVENTS_PATH) guard.checkToken(c.req.raw.headers);
    await next();
    if (c.res !== RESPONSE_ALREADY_SENT)
      for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
  });
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const operation: Operation = OPERATIONS[name];
    const contract: Contract = CONTRACT[name];
    const handle = adminHandlers[name] as AnyHandler;
    app.on(operation.method, operation.path, async (c) => {
      const input = await readInput(c, operation, contract);
      const answer = await handle(cluster, input);
      return c.body(JSON.stringify(answer), (contract.status ?? 200) as 200, { 'content-type': 'application/json' });
    });
  }
  app.get(EVENTS_PATH, (c) => {
    streams.open(c.env.outgoing, c.req.header('last-event-id'), c.req.query('types'), HEADERS);
    return RESPONSE_ALREADY_SENT;
  });
  const document = JSON.stringify(openApiDocument());
  app.get('/openapi.json', (c) => c.body(document, 200, { 'content-type': 'application/json' }));
  app.get('*', async (c) => {
    const file = await readConsoleFile(c.req.path);
    if (file === undefined) throw notFound(`page ${c.req.path}`);
    return c.body(new Uint8Array(file.bytes), 200, { 'content-type': file.type });
  });
  app.notFound((c) => answerError(c, unknownRoute(c.req.method, c.req.path)));
  app.onError((error, c) => answerError(c, error));
  return app;
}

/** What is in the path, and the query or body, as one object; what the path says counts. */
async function readInput(c: Context<Environment>, operation: Operation, contract: Contract): Promise<unknown> {
  const inPath = c.req.param() as Record<string, string>;
  const input: Record<string, unknown> = hasBody(operation)
    ? await readBody(c)
    : fromTexts(contract.input, oneOfEach(c.req.queries()));
  const path = fromTexts(contract.input, inPath);
  for (const name of Object.keys(path)) {
    if (Object.hasOwn(input, name)) throw new ValidationError(name, input[name], 'what the path says, only there');
  }
  const whole = { ...input, ...path };
  if (contract.parsedByHandler !== true) checkInput(contract.input, whole);
  return whole;
}

function oneOfEach(queries: Record<string, string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(queries).map(([name, values]) => {
      if (values.length > 1) throw new ValidationError(name, values, 'one value');
      return [name, values[0] ?? ''];
    }),
  );
}

async function readBody(c: Context<Environment>): Promise<Record<string, unknown>> {
  const text = await readText(c);
  if (text === '') return {};
  const [type = ''] = (c.req.header('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new MockAdminError('ERR_MOCK_MEDIA_TYPE', `the body's type is ${type === '' ? 'missing' : type}, it must be application/json`); // prettier-ignore
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MockAdminError('ERR_MOCK_MALFORMED', `the body is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MockAdminError('ERR_MOCK_MALFORMED', 'the body is not a JSON object');
  }
  return value as Record<string, unknown>;
}

async function readText(c: Context<Environment>): Promise<string> {
  const tooLarge = (): MockAdminError =>
    new MockAdminError('ERR_MOCK_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`);
  if (Number(c.req.header('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    length += (chunk as Uint8Array).length;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString();
}

/** 405 where only the method is wrong. */
function unknownRoute(method: string, path: string): MockAdminError {
  const matches = Object.values(OPERATIONS).some((operation) => {
    const parts = operation.path.split('/');
    const given = path.split('/');
    return parts.length === given.length && parts.every((part, at) => part.startsWith(':') || part === given[at]);
  });
  return matches
    ? new MockAdminError('ERR_MOCK_METHOD', `${method} is not possible for ${path}`)
    : notFound(`page ${path}`);
}

function answerError(c: Context<Environment>, error: Error): Response {
  const { status, code, message, field } = describeError(error);
  const body = JSON.stringify({ error: { code, message, ...(field !== undefined && { field }) } });
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
  return c.body(body, status as 400, { ...HEADERS, ...challenge, 'content-type': 'application/json' });
}

function describeError(error: Error): { status: number; code: string; message: string; field?: string | undefined } {
  const { message } = error;
  if (error instanceof MockAdminError) return { status: error.status, code: error.code, message, field: error.field };
  if (error instanceof ValidationError) return { status: 400, code: error.code, message, field: error.field };
  // A codec that is not there.
  if (error instanceof MessageFormatError) return { status: 400, code: error.code, message, field: 'compression' };
  if (error instanceof StateError) return { status: 409, code: error.code, message };
  // Of a client that was called.
  if (error instanceof ConnectionError) return { status: 502, code: error.code, message };
  if (error instanceof TimeoutError) return { status: 504, code: error.code, message };
  // Such as a port that was taken meanwhile.
  if ((error as NodeJS.ErrnoException).syscall === 'listen')
    return { status: 409, code: 'ERR_ROCKETMQ_STATE', message };
  return { status: 500, code: error instanceof RocketMQError ? error.code : 'ERR_MOCK_INTERNAL', message };
}
