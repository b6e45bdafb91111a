import { RequestCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../lib/protocol/command.js';
import { parseLenientJson } from '../../lib/protocol/lenient-json.js';

/** Whom and what a request is about, wherever its code puts it. */

export interface RequestNames {
  readonly clientIds: readonly string[];
  readonly groups: readonly string[];
  readonly topics: readonly string[];
  readonly queueIds: readonly number[];
}

/** Codes whose names stand in a JSON body. */
const NAMED_IN_BODY: ReadonlySet<number> = new Set([
  RequestCode.HEART_BEAT,
  RequestCode.LOCK_BATCH_MQ,
  RequestCode.UNLOCK_BATCH_MQ,
  RequestCode.CHECK_CLIENT_CONFIG,
]);

/** Codes that shorten their field names to letters. */
const SHORT_NAMES: ReadonlySet<number> = new Set([RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE]);

/** The client ids, groups, topics and queues a request speaks of, wherever its code puts them. */
export function requestNames(command: Pick<RemotingCommand, 'code' | 'extFields' | 'body'>): RequestNames {
  const ext = command.extFields;
  if (SHORT_NAMES.has(command.code)) {
    return { clientIds: [], groups: present(ext['a']), topics: present(ext['b']), queueIds: numbers(ext['e']) };
  }
  if (NAMED_IN_BODY.has(command.code)) return namesInBody(command.body);
  return {
    clientIds: present(ext['clientID'], ext['clientId']),
    groups: present(ext['consumerGroup'], ext['group'], ext['producerGroup']),
    topics: present(ext['topic'], ext['originTopic']),
    queueIds: numbers(ext['queueId']),
  };
}

function namesInBody(body: Buffer): RequestNames {
  const found: { clientIds: string[]; groups: string[]; topics: string[]; queueIds: number[] } = {
    clientIds: [],
    groups: [],
    topics: [],
    queueIds: [],
  };
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, child] of Object.entries(value)) {
      if (typeof child === 'object') visit(child);
      else if (typeof child === 'number' && name === 'queueId') found.queueIds.push(child);
      else if (typeof child !== 'string') continue;
      else if (name === 'clientID' || name === 'clientId') found.clientIds.push(child);
      else if (name === 'groupName' || name === 'consumerGroup' || name === 'group') found.groups.push(child);
      else if (name === 'topic') found.topics.push(child);
    }
  };
  try {
    visit(parseLenientJson(body.toString()));
  } catch {
    // A body that does not parse has no names; its handler will answer for it.
  }
  return found;
}

function present(...values: (string | undefined)[]): string[] {
  return values.filter((value) => value !== undefined);
}

function numbers(value: string | undefined): number[] {
  return value === undefined ? [] : [Number(value)];
}
