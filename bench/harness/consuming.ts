import type { ConsumeResult } from '../programs/meter.js';
import { requireNumbers } from './program-output.js';
import { ownProgram, runProgram, type PeerCommand } from './program.js';
import type { Candidate } from './rounds.js';
import type { BenchContext } from './suite.js';
import type { Target } from './target.js';

/** What is drained, and how much of it. */
export interface Drain {
  readonly target: Target;
  readonly topic: string;
  readonly messages: number;
}

/** Our consumer, in a fresh group each time. */
export function ourConsumer(
  name: string,
  drain: Drain,
  values: Readonly<Record<string, string | number>> = {},
): Candidate<ConsumeResult> {
  return consuming(name, ownProgram('consume'), drain, values);
}

/** The consumers of other languages, with one message in each call, in a fresh group each time. */
export function peerConsumers(context: BenchContext, drain: Drain): Candidate<ConsumeResult>[] {
  return context.peerCommands('consume').map(([name, command]) => consuming(name, command, drain, { batch: 1 }));
}

/**
 * The least any client must do; it knows no group and asks the brokers themselves.
 *
 * @param queues on each broker
 */
export function floorOf(
  { target, topic, messages }: Drain,
  queues: number,
  { name = 'floor', brokers = [target.brokerAddress] }: { name?: string; brokers?: readonly string[] } = {},
): Candidate<ConsumeResult> {
  const values = { brokers: brokers.join(','), topic, queues, messages };
  return { name, run: () => consume(ownProgram('floor'), values) };
}

function consuming(
  name: string,
  command: PeerCommand,
  { target, topic, messages }: Drain,
  more: Readonly<Record<string, string | number>>,
): Candidate<ConsumeResult> {
  const { namesrvAddr: namesrv } = target;
  return {
    name,
    run: () => consume(command, { namesrv, topic, group: target.unique('bench'), messages, ...more }),
  };
}

async function consume(
  command: PeerCommand,
  values: Readonly<Record<string, string | number>>,
): Promise<ConsumeResult> {
  const result = await runProgram({ command, values });
  requireNumbers(result, ['messages', 'firstMs', 'wallMs', 'cpuMs', 'peakRss']);
  return result as ConsumeResult;
}

/** Messages a second. The first message is where the time begins, so it is not counted. */
export function rateOf({ messages, wallMs }: Pick<ConsumeResult, 'messages' | 'wallMs'>): number {
  return ((messages - 1) / wallMs) * 1000;
}

/** Microseconds of processor time a message. */
export function cpuOf({ messages, cpuMs }: Pick<ConsumeResult, 'messages' | 'cpuMs'>): number {
  return (cpuMs * 1000) / messages;
}

/** Resident memory at its most, in MB of a million bytes. */
export function memoryOf({ peakRss }: Pick<ConsumeResult, 'peakRss'>): number {
  return peakRss / 1e6;
}

export function describeConsume(result: ConsumeResult): string {
  const rate = Math.round(rateOf(result)).toLocaleString('en-US');
  return `${rate} messages/s, ${cpuOf(result).toFixed(2)} us each, ${memoryOf(result).toFixed(0)} MB`;
}
