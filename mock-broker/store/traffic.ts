/** How much went through a broker: by topic, by group, and all in all. What operators' tools show as TPS and totals. */

/** Counts are kept in slices of this length, as the reference takes its samples. */
const SLICE_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

interface Slice {
  readonly at: number;
  count: number;
  bytes: number;
}

/** Messages and bytes of the last 24 hours. */
export class TrafficMeter {
  readonly #now: () => number;
  #slices: Slice[] = [];
  #total = 0;
  #totalBytes = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Messages since the beginning. */
  get total(): number {
    return this.#total;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  add(count: number, bytes: number, now: number = this.#now()): void {
    this.#total += count;
    this.#totalBytes += bytes;
    const at = Math.floor(now / SLICE_MS);
    const last = this.#slices[this.#slices.length - 1];
    if (last?.at === at) {
      last.count += count;
      last.bytes += bytes;
      return;
    }
    this.#slices.push({ at, count, bytes });
    // Cut rarely, so that most calls move nothing.
    if (this.#slices.length > (2 * DAY_MS) / SLICE_MS) this.#slices = this.#since(DAY_MS);
  }

  /** How many messages within the last `windowMs`, rounded up to whole slices. */
  sum(windowMs: number): number {
    return this.#since(windowMs).reduce((sum, slice) => sum + slice.count, 0);
  }

  sumBytes(windowMs: number): number {
    return this.#since(windowMs).reduce((sum, slice) => sum + slice.bytes, 0);
  }

  /** Messages per second over the last `windowMs`. */
  perSecond(windowMs: number): number {
    return this.sum(windowMs) / (windowMs / 1000);
  }

  #since(windowMs: number): Slice[] {
    const from = Math.floor((this.#now() - windowMs) / SLICE_MS);
    return this.#slices.filter((slice) => slice.at > from);
  }
}

/** Totals at the last two midnights: what "yesterday" and "today" are counted from. */
class DayMarks {
  readonly #now: () => number;
  readonly #meter: TrafficMeter;
  /** When today ends. */
  #midnight: number;
  yesterdayMorning = 0;
  todayMorning = 0;

  constructor(now: () => number, meter: TrafficMeter) {
    this.#now = now;
    this.#meter = meter;
    this.#midnight = midnightAfter(now());
  }

  /** To be called before something is counted or read. */
  turn(now: number = this.#now()): void {
    if (now < this.#midnight) return;
    const isNextDay = now < midnightAfter(this.#midnight);
    this.yesterdayMorning = isNextDay ? this.todayMorning : this.#meter.total;
    this.todayMorning = this.#meter.total;
    this.#midnight = midnightAfter(now);
  }
}

/** The names of the reference's statistics that are kept here. */
export type StatsName = 'TOPIC_PUT_NUMS' | 'TOPIC_PUT_SIZE' | 'GROUP_GET_NUMS' | 'GROUP_GET_SIZE' | BrokerStatsName;
type BrokerStatsName = 'BROKER_PUT_NUMS' | 'BROKER_GET_NUMS';

/** One statistic over one span of time, as it travels. */
export interface StatsItem {
  readonly sum: number;
  readonly tps: number;
  readonly avgpt: number;
}

export interface StatsView {
  readonly statsMinute: StatsItem;
  readonly statsHour: StatsItem;
  readonly statsDay: StatsItem;
}

export class BrokerTraffic {
  readonly startedAt: number;
  readonly puts: TrafficMeter;
  readonly gets: TrafficMeter;
  readonly putDays: DayMarks;
  readonly getDays: DayMarks;
  readonly #now: () => number;
  readonly #topics = new Map<string, TrafficMeter>();
  readonly #groups = new Map<string, TrafficMeter>();

  constructor(now: () => number) {
    this.#now = now;
    this.startedAt = now();
    this.puts = new TrafficMeter(now);
    this.gets = new TrafficMeter(now);
    this.putDays = new DayMarks(now, this.puts);
    this.getDays = new DayMarks(now, this.gets);
  }

  /** Messages of a topic were stored. */
  stored(topic: string, count: number, bytes: number): void {
    const now = this.#now();
    this.putDays.turn(now);
    this.puts.add(count, bytes, now);
    this.#meter(this.#topics, topic).add(count, bytes, now);
  }

  /** Messages of a topic were given to a group. */
  delivered(group: string, topic: string, count: number, bytes: number): void {
    const now = this.#now();
    this.getDays.turn(now);
    this.gets.add(count, bytes, now);
    this.#meter(this.#groups, groupKey(topic, group)).add(count, bytes, now);
  }

  /** Messages per second that came for a topic. */
  topicPutTps(topic: string): number {
    return this.#topics.get(topic)?.perSecond(MINUTE_MS) ?? 0;
  }

  /** Messages per second of a topic that went to a group. */
  groupGetTps(group: string, topic: string): number {
    return this.#groups.get(groupKey(topic, group))?.perSecond(MINUTE_MS) ?? 0;
  }

  /** @param key the topic, `topic@group`, or, for the whole broker, the name of the cluster */
  view(name: string, key: string): StatsView | undefined {
    const meter = this.#find(name, key);
    if (meter === undefined) return undefined;
    const isSize = name.endsWith('_SIZE');
    const item = (windowMs: number): StatsItem => {
      const count = meter.sum(windowMs);
      const sum = isSize ? meter.sumBytes(windowMs) : count;
      return { sum, tps: sum / (windowMs / 1000), avgpt: count === 0 ? 0 : sum / count };
    };
    return { statsMinute: item(MINUTE_MS), statsHour: item(HOUR_MS), statsDay: item(DAY_MS) };
  }

  forgetTopic(topic: string): void {
    this.#topics.delete(topic);
    for (const key of this.#groups.keys()) if (key.startsWith(`${topic}@`)) this.#groups.delete(key);
  }

  forgetGroup(group: string): void {
    for (const key of this.#groups.keys()) if (key.endsWith(`@${group}`)) this.#groups.delete(key);
  }

  #find(name: string, key: string): TrafficMeter | undefined {
    switch (name as StatsName) {
      case 'TOPIC_PUT_NUMS':
      case 'TOPIC_PUT_SIZE':
        return this.#topics.get(key);
      case 'GROUP_GET_NUMS':
      case 'GROUP_GET_SIZE':
        return this.#groups.get(key);
      case 'BROKER_PUT_NUMS':
        return this.puts;
      case 'BROKER_GET_NUMS':
        return this.gets;
      default:
        return undefined;
    }
  }

  #meter(meters: Map<string, TrafficMeter>, key: string): TrafficMeter {
    let meter = meters.get(key);
    if (meter === undefined) meters.set(key, (meter = new TrafficMeter(this.#now)));
    return meter;
  }
}

/** The reference's key; neither name can hold an `@`. */
function groupKey(topic: string, group: string): string {
  return `${topic}@${group}`;
}

/** Days begin at midnight of the machine's own time, as the reference's do. */
function midnightAfter(time: number): number {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}
