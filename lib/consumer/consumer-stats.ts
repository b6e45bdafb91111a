import type { Clock } from '../clock.js';

/** The figures `mqadmin consumerStatus` shows for a topic. Rates are per second, times in milliseconds. */
export interface TopicStats {
  readonly pullRT: number;
  readonly pullTPS: number;
  readonly consumeRT: number;
  readonly consumeOKTPS: number;
  readonly consumeFailedTPS: number;
  readonly consumeFailedMsgs: number;
}

/** Rates are taken over this much time, in milliseconds. */
const WINDOW = 60_000;
const BUCKETS = 6;
const BUCKET_TIME = WINDOW / BUCKETS;

interface Bucket {
  slot: number;
  pulls: number;
  pulledMessages: number;
  pullTime: number;
  calls: number;
  callTime: number;
  consumed: number;
  failed: number;
}

/** Counts per topic over the last minute, in buckets of ten seconds: a few additions per call, nothing per message. */
export class ConsumerStats {
  readonly #clock: Clock;
  readonly #topics = new Map<string, { buckets: Bucket[]; failedEver: number }>();
  readonly #startedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  pulled(topic: string, messages: number, tookMs: number): void {
    const bucket = this.#bucket(topic);
    bucket.pulls++;
    bucket.pulledMessages += messages;
    bucket.pullTime += tookMs;
  }

  consumed(topic: string, succeeded: boolean, messages: number, tookMs: number): void {
    const bucket = this.#bucket(topic);
    bucket.calls++;
    bucket.callTime += tookMs;
    if (succeeded) {
      bucket.consumed += messages;
      return;
    }
    bucket.failed += messages;
    const counts = this.#topics.get(topic);
    if (counts !== undefined) counts.failedEver += messages;
  }

  of(topic: string): TopicStats {
    const counts = this.#topics.get(topic);
    const oldest = this.#slot() - BUCKETS;
    const sum = emptyBucket(0);
    for (const bucket of counts?.buckets ?? []) {
      if (bucket.slot <= oldest) continue;
      sum.pulls += bucket.pulls;
      sum.pulledMessages += bucket.pulledMessages;
      sum.pullTime += bucket.pullTime;
      sum.calls += bucket.calls;
      sum.callTime += bucket.callTime;
      sum.consumed += bucket.consumed;
      sum.failed += bucket.failed;
    }
    const seconds = Math.max(1, Math.min(WINDOW, this.#clock.now() - this.#startedAt) / 1_000);
    return {
      pullRT: sum.pulls === 0 ? 0 : sum.pullTime / sum.pulls,
      pullTPS: sum.pulledMessages / seconds,
      consumeRT: sum.calls === 0 ? 0 : sum.callTime / sum.calls,
      consumeOKTPS: sum.consumed / seconds,
      consumeFailedTPS: sum.failed / seconds,
      consumeFailedMsgs: counts?.failedEver ?? 0,
    };
  }

  #slot(): number {
    return Math.floor(this.#clock.now() / BUCKET_TIME);
  }

  #bucket(topic: string): Bucket {
    let counts = this.#topics.get(topic);
    if (counts === undefined) {
      counts = { buckets: [], failedEver: 0 };
      this.#topics.set(topic, counts);
    }
    const slot = this.#slot();
    const newest = counts.buckets.at(-1);
    if (newest?.slot === slot) return newest;
    const bucket = emptyBucket(slot);
    counts.buckets.push(bucket);
    if (counts.buckets.length > BUCKETS) counts.buckets.shift();
    return bucket;
  }
}

function emptyBucket(slot: number): Bucket {
  return { slot, pulls: 0, pulledMessages: 0, pullTime: 0, calls: 0, callTime: 0, consumed: 0, failed: 0 };
}
