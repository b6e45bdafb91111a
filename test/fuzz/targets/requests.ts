import { readdirSync } from 'node:fs';
import {
  createRequest,
  createResponse,
  decodeCommand,
  encodeCommand,
  SerializeType,
} from '../../../lib/protocol/command.js';
import type { RemotingCommand } from '../../../lib/protocol/command.js';
import { isResponse } from '../../../lib/protocol/command.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { messageQueueKey, type MessageQueue } from '../../../lib/protocol/message-queue.js';
import type { RequestType } from '../../../lib/protocol/requests/request-type.js';
import { expectSame } from '../equal.js';
import { frameTree } from '../model/commands.js';
import { goldenFrames } from '../model/golden.js';
import type { Piece } from '../model/piece.js';
import type { FuzzTarget } from '../target.js';
import { extraSeeds } from './request-seeds.js'; // prettier-ignore

/** Every request type, requests and answers; found in the folder, so that none can be forgotten. */

type AnyRequestType = RequestType<unknown, unknown>;

const folder = new URL('../../../lib/protocol/requests/', import.meta.url);

/** The request types by the names of their files. */
export const requestTypes: ReadonlyMap<string, AnyRequestType> = new Map(await findRequestTypes());

async function findRequestTypes(): Promise<[string, AnyRequestType][]> {
  const found: [string, AnyRequestType][] = [];
  for (const file of readdirSync(folder).sort()) {
    const name = file.replace(/\.ts$/, '');
    const exports = (await import(new URL(`${name}.js`, folder).href)) as Readonly<Record<string, unknown>>;
    for (const value of Object.values(exports)) if (isRequestType(value)) found.push([name, value]);
  }
  return found;
}

function isRequestType(value: unknown): value is AnyRequestType {
  const members = ['encode', 'decode', 'encodeReply', 'decodeReply'];
  return typeof value === 'object' && value !== null && members.every((member) => member in value);
}

/** Requests and answers of a type as real brokers and clients sent them, and those nobody was seen to send. */
export function commandsOf(name: string, type: AnyRequestType): RemotingCommand[] {
  const code = name.toUpperCase().replaceAll('-', '_');
  const golden = goldenFrames().filter((frame) => frame.request === code);
  return [...golden.map(({ command }) => command), ...extraSeeds(type)];
}

function seedsOf(name: string, type: AnyRequestType): Piece[] {
  return commandsOf(name, type)
    .filter((command) => isReadable(type, command))
    .flatMap((command) => [frameTree(command, SerializeType.JSON), frameTree(command, SerializeType.ROCKETMQ)]);
}

/** Refusals are in the fixtures, too. */
function isReadable(type: AnyRequestType, command: RemotingCommand): boolean {
  try {
    read(type, command);
    return true;
  } catch {
    return false;
  }
}

function read(type: AnyRequestType, command: RemotingCommand): unknown {
  return isResponse(command) ? type.decodeReply(command) : type.decode(command);
}

/** Reads a request or an answer, whichever the header says it is, and again what it is written as. */
function readAndWrite(type: AnyRequestType, input: Buffer): unknown {
  const command = decodeCommand(input);
  const value = read(type, command);
  if (value === undefined) return value;
  const again = isResponse(command)
    ? createResponse(command, type.encodeReply(value), { version: command.version })
    : createRequest(type.encode(value), command.opaque);
  expectHeld(withoutRepeats(value), read(type, decodeCommand(encodeCommand(again).subarray(4))), type);
  return value;
}

/** What was read is read again; besides it there may be what a sender fills in. */
function expectHeld(value: unknown, again: unknown, type: AnyRequestType): void {
  if (type.code === RequestCode.QUERY_MESSAGE && isWithoutBody(value)) return;
  const filledIn = typeof value === 'object' && value !== null ? { ...(again as object), ...defined(value) } : value;
  expectSame(again, filledIn, 'what is written again');
}

/** An answer without messages is written as one that found none, which has no fields. */
function isWithoutBody(value: unknown): boolean {
  return (value as { readonly body?: Buffer }).body?.length === 0;
}

function defined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

/** A table that names a queue twice is written as a map, in which the last one counts. */
function withoutRepeats(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  const table = Object.entries(value).find(([name, member]) => TABLES.has(name) && Array.isArray(member));
  if (table === undefined) return value;
  const byQueue = new Map<string, unknown>();
  for (const entry of table[1] as readonly { readonly queue?: MessageQueue }[]) {
    if (entry.queue === undefined) return value;
    byQueue.set(messageQueueKey(entry.queue), entry);
  }
  return { ...value, [table[0]]: [...byQueue.values()] };
}

const TABLES: ReadonlySet<string> = new Set(['offsets', 'queues']);

export const requestTargets: readonly FuzzTarget[] = [...requestTypes].map(([name, type]) => ({
  name: `request-${name}`,
  seeds: seedsOf(name, type),
  run: (input) => readAndWrite(type, input),
}));
