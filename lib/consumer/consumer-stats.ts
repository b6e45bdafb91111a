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
  /** The bucket that was counted in last: for the next message it is almost always the right one. */
  #current: { readonly topic: string; readonly until: number; readonly bucket: Bucket } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  pulled(topic: string, messages: number, tookMs: number): void {
    const bucket = this.#bucket(topic, this.#clock.now());
    bucket.pulls++;
    bucket.pulledMessages += messages;
    bucket.pullTime += tookMs;
  }

  /** @param now by the clock; the caller, who comes with every message, has just looked at it */
  consumed(topic: string, succeeded: boolean, messages: number, tookMs: number, now: number): void {
    const bucket = this.#bucket(topic, now);
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
    const oldest = slotOf(this.#clock.now()) - BUCKETS;
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

  #bucket(topic: string, now: number): Bucket {
    const current = this.#current;
    if (current !== undefined && current.topic === topic && now < current.until) return current.bucket;
    let counts = this.#topics.get(topic);
    if (counts === undefined) {
      counts = { buckets: [], failedEver: 0 };
      this.#topics.set(topic, counts);
    }
    const slot = slotOf(now);
    let bucket = counts.buckets.at(-1);
    if (bucket?.slot !== slot) {
      bucket = emptyBucket(slot);
      counts.buckets.push(bucket);
      if (counts.buckets.length > BUCKETS) counts.buckets.shift();
    }
    this.#current = { topic, until: (slot + 1) * BUCKET_TIME, bucket };
    return bucket;
  }
}

function slotOf(now: number): number {
  return Math.floor(now / BUCKET_TIME);
}

function emptyBucket(slot: number): Bucket {
  return { slot, pulls: 0, pulledMessages: 0, pullTime: 0, calls: 0, callTime: 0, consumed: 0, failed: 0 };
}
