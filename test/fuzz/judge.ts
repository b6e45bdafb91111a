import { runInNewContext } from 'node:vm';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { RocketMQError } from '../../lib/errors.js';
import { Discrepancy, type FuzzTarget } from './target.js';

/** What a decoder may do with a case. */
export interface Limits {
  /** CPU time, milliseconds. */
  readonly cpuMs: number;
  /** Bytes that may be allocated whatever the input. */
  readonly freeBytes: number;
  /** Bytes that may be allocated for each byte of the input. */
  readonly bytesPerByte: number;
}

/**
 * The time is some fifty times what an honest input of a quarter of a MiB takes. The bytes are for what has parts of one
 * character: each makes an object, and its place in a list that grows.
 */
export const LIMITS: Limits = { cpuMs: 250, freeBytes: 512 * 1024, bytesPerByte: 256 };

export type Verdict =
  | { readonly outcome: 'accepted' }
  | { readonly outcome: 'rejected'; readonly code: string }
  | { readonly outcome: 'failed'; readonly failure: Failure };

export interface Failure {
  readonly kind: 'foreign error' | 'poor error' | 'discrepancy' | 'time' | 'memory' | 'crash' | 'hang';
  /** What tells this failure from another of the same kind: while an input is made smaller it must stay the same. */
  readonly sign: string;
  readonly detail: string;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** Milliseconds: by the wall clock, of longer ones by the CPU's. */
  readonly ms: number;
  /** As far as no garbage collection fell into the case. */
  readonly allocated: number;
}

/** An answer of a broker is quoted in its error; nothing else may flood a log. */
const LONGEST_MESSAGE = 1_000;
/** Milliseconds. */
const SURELY_SHORT = 5;

/** Runs a case and judges it. A case that seems too slow or too greedy gets a second, more exact look. */
export async function judge(target: FuzzTarget, input: Buffer, limits: Limits = LIMITS): Promise<Judgement> {
  const before = allocatedBytes();
  const start = performance.now();
  // Held on to until the memory was looked at.
  const held = await attempt(target, input);
  const wallMs = performance.now() - start;
  const allocated = allocatedBytes() - before;
  if (held.verdict.outcome === 'failed') return { verdict: held.verdict, ms: wallMs, allocated };
  // Others use the machine, too: what seems long is measured again, alone.
  const ms = wallMs > SURELY_SHORT ? Math.min(wallMs, await cpuTime(target, input)) : wallMs;
  if (ms > limits.cpuMs) return { verdict: tooSlow(ms, input, limits), ms, allocated };
  const allowed = limits.freeBytes + limits.bytesPerByte * input.length + (target.allowance?.(input) ?? 0);
  if (allocated > allowed) {
    const again = await memoryOf(target, input);
    if (again > allowed) return { verdict: tooGreedy(again, allowed, input), ms, allocated: again };
  }
  return { verdict: held.verdict, ms, allocated };
}

async function attempt(target: FuzzTarget, input: Buffer): Promise<{ verdict: Verdict; value: unknown }> {
  try {
    let value = target.run(input);
    if (value instanceof Promise) value = await value;
    return { verdict: { outcome: 'accepted' }, value };
  } catch (error) {
    return { verdict: verdictOn(error), value: error };
  }
}

function verdictOn(error: unknown): Verdict {
  if (error instanceof Discrepancy) return failed('discrepancy', error.message.split(':', 1)[0] ?? '', error.message);
  if (!(error instanceof RocketMQError)) {
    const sign = error instanceof Error ? `${error.name} ${(error as NodeJS.ErrnoException).code ?? ''}` : typeof error;
    return failed('foreign error', sign, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const flaw = flawOf(error);
  return flaw === undefined ? { outcome: 'rejected', code: error.code } : failed('poor error', flaw, `${flaw}: ${error.stack}`);
} // prettier-ignore

function flawOf(error: RocketMQError): string | undefined {
  if (!/^ERR_ROCKETMQ_[A-Z0-9_]+$/.test(error.code)) return 'its code is none';
  if (error.message === '') return 'it says nothing';
  if (error.code !== 'ERR_ROCKETMQ_BROKER' && error.message.length > LONGEST_MESSAGE) return 'its message is too long';
  return undefined;
}

async function cpuTime(target: FuzzTarget, input: Buffer): Promise<number> {
  const start = process.cpuUsage();
  await attempt(target, input);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

async function memoryOf(target: FuzzTarget, input: Buffer): Promise<number> {
  collectGarbage();
  const before = allocatedBytes();
  const held = await attempt(target, input);
  const after = allocatedBytes();
  // Named after the second look, so that it is alive during it.
  return held.verdict.outcome === 'failed' ? 0 : after - before;
}

/** On the engine's heap and, for buffers, outside of it. */
function allocatedBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

let collect: (() => void) | undefined;

function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

function tooSlow(ms: number, input: Buffer, limits: Limits): Verdict {
  const detail = `${ms.toFixed(0)} ms of CPU for ${input.length} bytes, allowed are ${limits.cpuMs}`;
  return failed('time', '', detail);
}

function tooGreedy(allocated: number, allowed: number, input: Buffer): Verdict {
  return failed('memory', '', `${allocated} bytes for ${input.length}, allowed are ${allowed}`);
}

function failed(kind: Failure['kind'], sign: string, detail: string): Verdict {
  return { outcome: 'failed', failure: { kind, sign, detail } };
}
