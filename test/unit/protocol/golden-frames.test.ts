import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { BrokerError } from '../../../lib/errors.js';
import { ResponseCode } from '../../../lib/protocol/codes.js';
import { decodeCommand, encodeCommand, isOneway, isResponse } from '../../../lib/protocol/command.js';
import type { RemotingCommand, RequestCommand, ResponseCommand } from '../../../lib/protocol/command.js';
import { prepareCompression } from '../../../lib/protocol/compression.js';
import { parseLenientJson } from '../../../lib/protocol/lenient-json.js';
import { decodeMessages, encodeMessage } from '../../../lib/protocol/message.js';
import type { StoredMessage } from '../../../lib/protocol/message.js';
import { CompressionType } from '../../../lib/protocol/sys-flag.js';
import { REQUEST_TYPES } from './requests/all.js';
import { errorOf, framesOf, transmitRequest, transmitResponse } from './wire.js';

/**
 * What passed between clients and real brokers. The mock broker shares the codec with the client, so only frames that
 * neither of them made can show a mistake they have in common.
 */

interface Fixture {
  readonly version: string;
  readonly direction: string;
  readonly name: string;
  readonly hex: string;
}

interface Golden extends Fixture {
  /** The name of the request it is or answers, as far as it has one. */
  readonly request: string;
  /** The whole frame, its length field included. */
  readonly bytes: Buffer;
  readonly command: RemotingCommand;
}

const fixtures = new URL('../../fixtures/', import.meta.url);
const files = readdirSync(fixtures).filter((file) => file.endsWith('.jsonl'));

function readFixtures(file: string): Fixture[] {
  const lines = readFileSync(new URL(file, fixtures), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Fixture);
}

function toGolden(fixture: Fixture): Golden {
  const bytes = Buffer.from(fixture.hex, 'hex');
  const request = fixture.name.split('/')[2] ?? '';
  return { ...fixture, request, bytes, command: decodeCommand(bytes.subarray(4)) };
}

/** By the name of their code, `PULL_MESSAGE`. */
const types = new Map(
  [...REQUEST_TYPES].map(([file, type]) => [file.toUpperCase().replaceAll('-', '_'), type] as const),
);

/** Checks that `written` says everything that `original` said, in the same words; it may say more. */
function expectToHold(written: RequestCommand | ResponseCommand, { name, command: original }: Golden): void {
  const fields = written.extFields ?? {};
  for (const [field, value] of Object.entries(original.extFields))
    expect(fields[field], `${name} ${field}`).to.equal(value);
  const body = written.body ?? Buffer.alloc(0);
  if (original.body.toString('latin1', 0, 1) !== '{')
    return (expect(body, name).to.deep.equal(original.body), undefined);
  holds(parseLenientJson(body.toString()), parseLenientJson(original.body.toString()), name);
}

function holds(written: unknown, original: unknown, path: string): void {
  if (Array.isArray(original)) {
    expect(written, path).to.be.an('array').with.length(original.length);
    original.forEach((value, i) => holds((written as unknown[])[i], value, `${path}[${i}]`));
  } else if (typeof original === 'object' && original !== null) {
    for (const [key, value] of Object.entries(original)) {
      holds((written as Record<string, unknown>)[key], value, `${path}.${key}`);
    }
  } else {
    expect(written, path).to.equal(original);
  }
}

/** The messages in a body, checked to be the same bytes when they are written again. */
function expectMessages({ name, command }: Golden): StoredMessage[] {
  const { messages, error } = decodeMessages(command.body, { brokerName: 'broker-a', expandBatches: false });
  expect(error, name).to.equal(undefined);
  let at = 0;
  for (const message of messages) {
    const version = command.body.readUInt32BE(at + 4) === 0xdaa320ab ? 2 : 1;
    const bytes = command.body.subarray(at, at + message.storeSize);
    expect(encodeMessage(message.toRecord(), version).toString('hex'), name).to.equal(bytes.toString('hex'));
    at += message.storeSize;
  }
  expect(at, name).to.equal(command.body.length);
  return messages;
}

const MESSAGE_BODIES = new Set(['PULL_MESSAGE', 'QUERY_MESSAGE', 'VIEW_MESSAGE_BY_ID']);

const isMessageBody = ({ request, command }: Golden): boolean =>
  isResponse(command)
    ? MESSAGE_BODIES.has(request) && command.code === ResponseCode.SUCCESS
    : request === 'CONSUME_MESSAGE_DIRECTLY' && command.body.length > 0;

describe('golden frames', () => {
  before(async () => {
    await prepareCompression(CompressionType.ZSTD);
  });

  it('are there', () => {
    expect(files).not.to.deep.equal([]);
    for (const file of files) expect(readFixtures(file), file).not.to.deep.equal([]);
  });

  for (const file of files) {
    describe(file, () => {
      let goldens: Golden[];

      before(() => {
        goldens = readFixtures(file).map(toGolden);
      });

      it('holds whole frames with names', () => {
        for (const golden of goldens) {
          expect(golden.hex, golden.name).to.match(/^(?:[0-9a-f]{2}){8,}$/);
          expect(golden.bytes.readInt32BE(0), golden.name).to.equal(golden.bytes.length - 4);
          expect(golden.direction, golden.name).to.be.oneOf(['in', 'out']);
          expect(golden.version, golden.name).to.match(/^\d+\.\d+\.\d+$/);
          expect(isResponse(golden.command), golden.name).to.equal(golden.name.includes('/response.'));
          expect(isOneway(golden.command), golden.name).to.equal(golden.name.includes('/oneway'));
        }
      });

      it('is read alike however a frame is cut', () => {
        for (const { name, bytes } of goldens) {
          const frame = bytes.subarray(4);
          const expectFrame = (cuts: readonly number[], how: string): void => {
            const frames = framesOf(bytes, cuts);
            if (frames.length !== 1 || frames[0]?.equals(frame) !== true)
              expect(frames, `${name} ${how}`).to.deep.equal([frame]);
          };
          expectFrame([], 'whole');
          expectFrame([...bytes.keys()], 'byte by byte');
          for (let cut = 1; cut < bytes.length; cut++) expectFrame([cut], `cut at ${cut}`);
        }
      });

      it('is read alike as one stream in chunks of any size', () => {
        const stream = Buffer.concat(goldens.map(({ bytes }) => bytes));
        for (const size of [7, 100, 1_460, 65_536, stream.length]) {
          const cuts = Array.from({ length: Math.floor(stream.length / size) }, (_, i) => (i + 1) * size);
          const frames = framesOf(stream, cuts);
          expect(frames.length).to.equal(goldens.length);
          for (const [i, golden] of goldens.entries()) {
            expect(decodeCommand(frames[i] as Buffer), golden.name).to.deep.equal(golden.command);
          }
        }
      });

      it('has headers that say the same when they are written again', () => {
        for (const { name, command } of goldens) {
          expect(decodeCommand(encodeCommand(command).subarray(4)), name).to.deep.equal(command);
        }
      });

      it('has JSON bodies that parse, like JSON.parse where that can', () => {
        let parsed = 0;
        for (const { name, command } of goldens) {
          const text = command.body.toString('utf8');
          if (!text.startsWith('{')) continue;
          const value = parseLenientJson(text);
          parsed += 1;
          let standard: unknown;
          try {
            standard = JSON.parse(text);
          } catch {
            continue;
          }
          expect(value, name).to.deep.equal(standard);
        }
        expect(parsed).to.be.greaterThan(0);
      });

      it('has messages that are the same bytes when they are written again', () => {
        const messages = goldens.filter(isMessageBody).flatMap(expectMessages);
        expect(messages).not.to.deep.equal([]);
        for (const { body, msgId, offsetMsgId, bornHost } of messages) {
          expect(body).to.be.instanceOf(Buffer);
          expect(msgId).not.to.equal('');
          expect(offsetMsgId).to.match(/^[0-9A-F]{32}(?:[0-9A-F]{24})?$/);
          expect(bornHost).to.match(/^(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):\d+$/);
        }
      });

      it('has requests that this package would write with the same fields and values', () => {
        let checked = 0;
        for (const golden of goldens) {
          const type = types.get(golden.request);
          if (type === undefined || isResponse(golden.command)) continue;
          if (golden.name.includes('missing-field')) {
            expect(errorOf(() => type.decode(golden.command)).code, golden.name).to.equal('ERR_ROCKETMQ_FIELD_MISSING');
            continue;
          }
          const request = type.decode(golden.command);
          expect(type.decode(transmitRequest(type.encode(request))), golden.name).to.deep.equal(request);
          // The list form of offsets is written for C++ clients only; it is read into the same values.
          if (!golden.name.includes('-cpp/')) expectToHold(type.encode(request), golden);
          checked += 1;
        }
        expect(checked).to.be.greaterThan(0);
      });

      it('has answers that a broker of this package would give with the same fields and values', () => {
        let checked = 0;
        for (const golden of goldens) {
          const type = types.get(golden.request);
          if (type === undefined || !isResponse(golden.command)) continue;
          let reply: unknown;
          try {
            reply = type.decodeReply(golden.command);
          } catch (error) {
            expect(error, golden.name).to.be.instanceOf(BrokerError);
            expect(error, golden.name).to.have.property('responseCode', golden.command.code);
            expect(golden.command.code, golden.name).not.to.equal(ResponseCode.SUCCESS);
            continue;
          }
          const written = type.encodeReply(reply);
          expect(written.code, golden.name).to.equal(golden.command.code);
          // The version of a heartbeat's answer is that of the sender's header.
          const again = { ...transmitResponse(written), version: golden.command.version };
          if (golden.request !== 'PULL_MESSAGE') expect(type.decodeReply(again), golden.name).to.deep.equal(reply);
          if (written.code !== ResponseCode.QUERY_NOT_FOUND) expectToHold(written, golden);
          checked += 1;
        }
        expect(checked).to.be.greaterThan(0);
      });
    });
  }
});
