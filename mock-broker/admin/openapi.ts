import type { TObject, TSchema } from 'typebox';
import { CONTRACT, type Contract } from './contract.js';
import { EVENTS_PATH, hasBody, OPERATIONS, type Operation, type OperationName, pathNames } from './operations.js';
import { ErrorSchema, JournalEntrySchema, StateSchema, ViolationSchema } from './schemas.js';

/** The OpenAPI document of the control plane, made from the contract. */

interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [name: string]: unknown;
}

export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const operation = OPERATIONS[name];
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[operation.method.toLowerCase()] = describe(name, operation, CONTRACT[name]);
  }
  paths[EVENTS_PATH] = { get: EVENTS };
  return {
    openapi: '3.1.0',
    info: { title: 'RocketMQ mock cluster', version: '1', description: 'Look into a mock cluster, and change it.' },
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: ErrorSchema },
      responses: { Refused: { description: 'Refused', content: json({ $ref: '#/components/schemas/Error' }) } },
    },
  };
}

function describe(name: string, operation: Operation, contract: Contract): Record<string, unknown> {
  const inPath = pathNames(operation.path);
  const rest = withoutMembers(contract.input, inPath);
  const parameters = [
    ...inPath.map((member) => parameter(contract.input, member, 'path')),
    ...(hasBody(operation)
      ? []
      : Object.keys(rest.properties).map((member) => parameter(contract.input, member, 'query'))),
  ];
  return {
    operationId: name,
    tags: [contract.tag],
    summary: contract.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody(operation) && Object.keys(rest.properties).length > 0 && {
      requestBody: { required: (rest.required ?? []).length > 0, content: json(rest) },
    }),
    responses: {
      [contract.status ?? 200]: { description: 'Done', content: json(contract.answer) },
      default: { $ref: '#/components/responses/Refused' },
    },
  }; // prettier-ignore
}

function parameter(input: TObject, name: string, place: 'path' | 'query'): Record<string, unknown> {
  const schema = input.properties[name];
  return { name, in: place, required: place === 'path' || (input.required ?? []).includes(name), schema };
}

function withoutMembers(input: TObject, names: readonly string[]): TObject & { required?: string[] } {
  const properties = Object.fromEntries(Object.entries(input.properties).filter(([name]) => !names.includes(name)));
  const required = (input.required ?? []).filter((name) => !names.includes(name));
  return { ...input, properties, required } as TObject & { required?: string[] };
}

function json(schema: TSchema | { readonly $ref: string }): Record<string, unknown> {
  return { 'application/json': { schema } };
}

const EVENTS = {
  operationId: 'events',
  tags: ['events'],
  summary: 'What happens, as it happens',
  description:
    'Server-sent events: `state` when something changed, at most four a second; `journal` for each frame; `violation` ' +
    'for each finding of a watchdog. The id of an event is the place in the journal it was sent at; with Last-Event-ID ' +
    'the journal goes on from there. Who reads too slowly is disconnected.',
  parameters: [
    { name: 'types', in: 'query', required: false, schema: { type: 'string', description: 'which ones, such as state,violation; all by default' } }, // prettier-ignore
    { name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } },
  ],
  responses: {
    200: {
      description: 'The events',
      content: { 'text/event-stream': { schema: { anyOf: [StateSchema, JournalEntrySchema, ViolationSchema] } } },
    },
    default: { $ref: '#/components/responses/Refused' },
  },
};
