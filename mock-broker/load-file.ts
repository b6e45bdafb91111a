import { readFileSync } from 'node:fs';
import Type, { type TSchema } from 'typebox';
import { ValidationError } from '../lib/errors.js';
import { CONTRACT } from './admin/contract.js';
import { producedMessage } from './admin/handlers/messages.js';
import { checkInput } from './admin/input.js';
import { GroupConfigSchema, TopicInputSchema } from './admin/schemas.js';
import type { MockCluster } from './cluster.js';
import type { GroupOptions, TopicOptions } from './options.js';

/**
 * What a cluster begins with, from a file:
 *
 *     { "topics": { "Orders": { "queues": 4 } }, "groups": { "billing": { "retryMaxTimes": 3 } },
 *       "messages": [{ "topic": "Orders", "body": "paid", "shardingKey": "o-17" }] }
 *
 * Topics, groups and messages are those of the control plane.
 */

export interface Loaded {
  readonly topics: Readonly<Record<string, TopicOptions>>;
  readonly groups: Readonly<Record<string, GroupOptions>>;
  /** @throws ValidationError naming the file and the message that can't be stored */
  storeMessages(cluster: MockCluster): void;
}

const TopicSchema = Type.Object(TopicInputSchema, { additionalProperties: false });
const GroupSchema = Type.Object(Type.Partial(GroupConfigSchema).properties, { additionalProperties: false });
const MessageSchema = CONTRACT.produce.input;
const FileSchema = Type.Object(
  {
    topics: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    groups: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    messages: Type.Optional(Type.Array(Type.Unknown())),
  },
  { additionalProperties: false },
);

/** @throws ValidationError naming the file, and the place in it that is not right */
export function readLoadFile(file: string): Loaded {
  const content = parse(file);
  within(file, '', () => checkInput(FileSchema, asObject(content)));
  const { topics = {}, groups = {}, messages = [] } = content as Type.Static<typeof FileSchema>;
  for (const [name, topic] of Object.entries(topics)) check(file, `topics.${name}`, TopicSchema, topic);
  for (const [name, group] of Object.entries(groups)) check(file, `groups.${name}`, GroupSchema, group);
  messages.forEach((message, index) => check(file, `messages[${index}]`, MessageSchema, message));
  return {
    topics: topics as Record<string, TopicOptions>,
    groups: groups as Record<string, GroupOptions>,
    storeMessages: (cluster) => {
      (messages as Type.Static<typeof MessageSchema>[]).forEach(({ topic, count = 1, ...message }, index) => {
        within(file, `messages[${index}]`, () => {
          const produced = producedMessage(message);
          for (let stored = 0; stored < count; stored++) cluster.produce(topic, produced);
        });
      });
    },
  };
}

function parse(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new ValidationError('--load', file, 'a file that can be read');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ValidationError(file, (error as Error).message.split('\n')[0], 'JSON');
  }
}

function check(file: string, place: string, schema: TSchema, value: unknown): void {
  within(file, place, () => checkInput(schema as Parameters<typeof checkInput>[0], asObject(value)));
}

/** Puts the file and the place before the field that is not right. */
function within(file: string, place: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    const { given, allowed } = error.context as { given: string; allowed: string };
    const field = [place, error.field].filter((part) => part !== '').join('.');
    throw new LoadError(file, field, given, allowed);
  }
}

/** What was refused is described already. */
class LoadError extends ValidationError {
  constructor(file: string, field: string, given: string, allowed: string) {
    super(`${file}: ${field}`, undefined, allowed);
    this.message = `${file}: ${field} is not valid: got ${given}, allowed is ${allowed}`;
  }
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ValidationError('', value, 'an object');
}
