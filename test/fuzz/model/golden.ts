import { readdirSync, readFileSync } from 'node:fs';
import { decodeCommand, isResponse, type RemotingCommand } from '../../../lib/protocol/command.js';

/** A frame that passed between a client and a real broker. */
export interface GoldenFrame {
  /** The name of the request it is or answers, `PULL_MESSAGE`; a number where it has none. */
  readonly request: string;
  readonly isResponse: boolean;
  readonly command: RemotingCommand;
}

interface Fixture {
  readonly name: string;
  readonly hex: string;
}

let frames: readonly GoldenFrame[] | undefined;

/** All of test/fixtures, each frame once: frames that differ in their opaque and in nothing else count as one. */
export function goldenFrames(): readonly GoldenFrame[] {
  frames ??= readAll();
  return frames;
}

function readAll(): GoldenFrame[] {
  const folder = new URL('../../fixtures/', import.meta.url);
  const byText = new Map<string, GoldenFrame>();
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.jsonl')) continue;
    for (const line of readFileSync(new URL(file, folder), 'utf8').split('\n')) {
      if (line === '') continue;
      const { name, hex } = JSON.parse(line) as Fixture;
      const command = decodeCommand(Buffer.from(hex, 'hex').subarray(4));
      const request = name.split('/')[2] ?? '';
      const text = JSON.stringify([request, { ...command, opaque: 0, body: command.body.toString('hex') }]);
      byText.set(text, { request, isResponse: isResponse(command), command });
    }
  }
  return [...byText.values()];
}
