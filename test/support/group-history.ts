import { readFileSync } from 'node:fs';

/** One finished call of a listener, by whichever member. Times in microseconds of the machine's monotonic clock. */
export interface Call {
  readonly member: string;
  /** `broker-a#3` */
  readonly queue: string;
  readonly offset: number;
  readonly begin: number;
  readonly end: number;
  readonly body: string;
}

/** The calls a member's log tells of. */
export function readCalls(member: string, log: string): Call[] {
  return readLines(log)
    .filter((line) => line.startsWith('call '))
    .map((line) => {
      const [, broker, queueId, offset, begin, end, body = ''] = line.split(' ');
      return {
        member,
        queue: `${broker}#${queueId}`,
        offset: Number(offset),
        begin: Number(begin),
        end: Number(end),
        body,
      };
    });
}

/** The whole lines of a log; one that a killed process was about to write is not among them. */
export function readLines(log: string): string[] {
  let text: string;
  try {
    text = readFileSync(log, 'utf8');
  } catch {
    return [];
  }
  return text.slice(0, text.lastIndexOf('\n') + 1).split('\n').filter((line) => line !== ''); // prettier-ignore
}

/** What is wrong with a group's history. Nothing, if ordered consumption keeps its promises. */
export interface Verdict {
  /** A message was completed although its predecessor in the queue never had been. */
  readonly orderViolations: string[];
  /** Two members were inside a listener call of one queue at the same time. */
  readonly overlaps: string[];
  /** Offsets nobody completed. */
  readonly lost: string[];
  /** Calls for messages that had been completed before. At-least-once allows them after a hand-over. */
  readonly redelivered: number;
  readonly calls: number;
}

/** @param sent by queue, how many messages it holds */
export function judge(calls: readonly Call[], sent: ReadonlyMap<string, number>): Verdict {
  const byQueue = new Map<string, Call[]>();
  for (const call of calls) {
    const ofQueue = byQueue.get(call.queue);
    if (ofQueue === undefined) byQueue.set(call.queue, [call]);
    else ofQueue.push(call);
  }
  const orderViolations: string[] = [];
  const overlaps: string[] = [];
  const lost: string[] = [];
  let redelivered = 0;
  for (const [queue, count] of sent) {
    const ofQueue = (byQueue.get(queue) ?? []).sort((a, b) => a.begin - b.begin);
    let next = 0;
    let before: Call | undefined;
    for (const call of ofQueue) {
      if (before !== undefined && call.begin < before.end) {
        overlaps.push(`${queue}: ${before.member} at ${before.offset} until ${before.end}, ${call.member} at ${call.offset} from ${call.begin}`); // prettier-ignore
      }
      if (call.offset > next) orderViolations.push(`${queue}: ${call.offset} by ${call.member}, expected ${next}`);
      // Within one member's time the offsets go up one by one, whatever was repeated at its beginning.
      if (before?.member === call.member && call.offset !== before.offset + 1 && call.offset > before.offset) {
        orderViolations.push(`${queue}: ${call.offset} follows ${before.offset} by ${call.member}`);
      }
      if (call.offset < next) redelivered++;
      next = Math.max(next, call.offset + 1);
      before = call;
    }
    for (let offset = next; offset < count; offset++) lost.push(`${queue}@${offset}`);
  }
  return { orderViolations, overlaps, lost, redelivered, calls: calls.length };
}
