import type { OrderedConsumer } from '../../lib/index.js';
import type { BenchTopic } from '../harness/target.js';
import { CallWindow } from './call-window.js';
import { Feeder } from './feeder.js';
import { SoakGroup } from './group.js';
import type { MockState } from './mock-process.js';
import { OrderJudge } from './order-judge.js';
import { measureProcess, type Sample } from './sample.js';
import { SocketWatch } from './socket-watch.js';
import { handles, type Outcome } from './verdict.js';

export interface SoakPlan {
  readonly namesrvAddr: string;
  readonly topic: BenchTopic;
  readonly group: string;
  readonly minutes: number;
  /** Between two steps of a cycle, in milliseconds. */
  readonly pauseMs: number;
  readonly sampleEveryMs: number;
  /** Between two messages of a queue. */
  readonly messageEveryMs: number;
  readonly messageSize: number;
  /** Of each member's lease, in milliseconds. */
  readonly validFor: number;
  /** Of the mock, where there is one. */
  readonly mockState: (() => Promise<MockState>) | undefined;
  readonly progress: (cycle: number, latest: Sample) => void;
}

export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly cycles: number;
  readonly resets: number;
  readonly sendsFailed: number;
  readonly repeated: number;
  readonly outcome: Outcome;
  /** In words. */
  readonly faults: readonly string[];
  readonly errors: Readonly<Record<string, number>>;
}

const RESIDENTS = 2;
/** What other processes tell is here by then, in milliseconds. */
const WINDOW = 2_000;
/** Each time one connection of so many is cut off. */
const RESET_STEP = 3;
/** A verdict needs two calm moments in the second half. */
const LEAST_CYCLES = 2;
/** How long everything may take to be well again, in milliseconds. */
const PATIENCE = 120_000;

/** Hours of a group's life: members come, leave and are killed, connections are cut off, and messages never cease. */
export class Soak {
  readonly #plan: SoakPlan;
  readonly #sockets = new SocketWatch();
  readonly #judge = new OrderJudge();
  readonly #window = new CallWindow(this.#judge, WINDOW);
  readonly #group: SoakGroup;
  readonly #samples: Sample[] = [];
  readonly #residents: OrderedConsumer[] = [];
  readonly #startedAt = performance.now();
  #feeder: Feeder | undefined;
  #cycles = 0;
  #resets = 0;
  #sampling: Promise<void> = Promise.resolve();

  constructor(plan: SoakPlan) {
    this.#plan = plan;
    this.#group = new SoakGroup({ ...plan, topic: plan.topic.name }, this.#window);
  }

  async run(): Promise<SoakResult> {
    const { namesrvAddr, topic, messageEveryMs, messageSize, minutes, sampleEveryMs } = this.#plan;
    await pause(0);
    const before = measureProcess();
    const judging = setInterval(() => this.#window.judge(), 250);
    const sampling = setInterval(() => void this.#sample(false), sampleEveryMs);
    this.#feeder = await Feeder.start(namesrvAddr, topic.queues, messageEveryMs, messageSize);
    const brokenOff = await this.#live(minutes * 60_000).then(
      () => undefined,
      (error: unknown) => String(error),
    );

    clearInterval(sampling);
    await this.#sampling;
    await this.#feeder.stop();
    const { ends, failed } = this.#feeder;
    await this.#until('everything is consumed', () => this.#group.lag(ends) === 0).catch(() => undefined);
    await Promise.all(this.#residents.map((consumer) => consumer.close()));
    clearInterval(judging);
    this.#window.finish();
    this.#sockets.stop();
    const violations = (await this.#plan.mockState?.())?.violations;
    await pause(0);
    const lost = this.#judge.missing(ends);
    return {
      samples: this.#samples,
      cycles: this.#cycles,
      resets: this.#resets,
      sendsFailed: failed,
      repeated: this.#judge.repeated,
      outcome: {
        brokenOff: brokenOff === undefined ? 0 : 1,
        orderFaults: this.#judge.faultCount,
        lost: lost.length,
        violations,
        left: handles(measureProcess()) - handles(before) + this.#sockets.open,
      },
      faults: [
        ...(brokenOff === undefined ? [] : [brokenOff]),
        ...this.#judge.faults,
        ...lost.map((what) => `lost ${what}`),
      ],
      errors: Object.fromEntries(this.#group.errors),
    };
  }

  async #live(ms: number): Promise<void> {
    for (let i = 1; i <= RESIDENTS; i++) this.#residents.push(await this.#group.join(`resident-${i}`));
    await this.#calm();
    while (this.#cycles < LEAST_CYCLES || performance.now() - this.#startedAt < ms) await this.#cycle();
  }

  async #cycle(): Promise<void> {
    const cycle = ++this.#cycles;
    const guest = await this.#group.join(`guest-${cycle}`);
    await this.#pause();
    const child = await this.#group.joinChild();
    try {
      await this.#pause();
      this.#resets += this.#sockets.reset(RESET_STEP);
      await this.#pause();
      await guest.close();
      await this.#pause();
      if (cycle % 2 === 0) await child.leave();
    } finally {
      await child.kill();
    }
    await this.#calm();
  }

  /** Waits until the members that stay have all queues, and looks. */
  async #calm(): Promise<void> {
    const { name, queues } = this.#plan.topic;
    await this.#until('the members that stay own all queues', () => {
      const owned = this.#residents.flatMap((consumer) => {
        const mine = consumer.assignment.filter(({ messageQueue }) => messageQueue.topic === name);
        return mine.every((queue) => queue.owned && queue.state === 'owned') ? mine : [];
      });
      return owned.length === queues.length;
    });
    await this.#pause();
    await this.#until('there is no backlog', () => this.#group.lag(this.#feeder?.ends ?? new Map()) <= queues.length);
    await this.#sample(true);
  }

  #sample(calm: boolean): Promise<void> {
    this.#sampling = this.#sampling.then(async () => {
      const mock = await this.#plan.mockState?.();
      const ends = this.#feeder?.ends ?? new Map<string, number>();
      const sample: Sample = {
        seconds: (performance.now() - this.#startedAt) / 1_000,
        calm,
        ...measureProcess(),
        sockets: this.#sockets.open,
        sent: this.#feeder?.sent ?? 0,
        consumed: this.#group.consumed,
        lag: this.#group.lag(ends),
        ...(mock !== undefined && { mockRss: mock.rss }),
      };
      this.#samples.push(sample);
      this.#plan.progress(this.#cycles, sample);
    });
    return this.#sampling;
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    for (const until = performance.now() + PATIENCE; !condition();) {
      if (performance.now() > until) throw new Error(`it did not come to pass in ${PATIENCE / 1_000} s: ${what}`);
      await pause(50);
    }
  }

  #pause(): Promise<void> {
    return pause(this.#plan.pauseMs);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
