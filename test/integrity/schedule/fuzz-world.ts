import type { MessageQueue, OrderedConsumerOptions } from '../../../lib/index.js';
import { prepareCompression } from '../../../lib/protocol/compression.js';
import { describeQueue } from '../../../lib/protocol/message-queue.js';
import { CompressionType } from '../../../lib/protocol/sys-flag.js';
import { describeViolation, MockClock, MockCluster, type Fault, type MockBroker } from '../../../mock-broker/index.js';
import { FakeClock, turns } from '../../support/fake-clock.js';
import { Loopback } from '../../support/loopback.js';
import { FuzzMember } from './fuzz-member.js';
import { Judge } from './judge.js';
import { seededRandom } from '../../../mock-broker/faults/random.js';
import { BROKERS, QUEUES_PER_BROKER, type Step } from './steps.js';

const GROUP = 'group';
const TOPIC = 'T';
const ALL = { readQueueNums: QUEUES_PER_BROKER };
/** Somebody who takes part in the group without keeping to the rules. */
const STRANGER = '10.0.0.9@stranger';

/** Everything must be consumed so soon after the last trouble, in milliseconds of virtual time. */
const RECOVERY_TIME = 150_000;
/** The brokers' clock goes ahead of the members' by this much at most, in milliseconds. */
const LARGEST_STEP = 250;

/** What marks whose a request is. CPP would be told resets in another form, JAVA is what brokers call themselves. */
const MARKS = ['DOTNET', 'PYTHON', 'DELPHI', 'ERLANG', 'RUBY', 'OTHER', 'HTTP', 'GO', 'PHP', 'OMS', 'RUST', 'NODE_JS'] as const; // prettier-ignore

/** A group of up to three members, the cluster it consumes from, and everything that may befall them. */
export class FuzzWorld {
  readonly judge: Judge;
  readonly #cluster: MockCluster;
  readonly #clock: FakeClock;
  readonly #loopback: Loopback;
  readonly #salt: number;
  readonly #random: () => number;
  readonly #members: (FuzzMember | undefined)[] = [];
  /** Those that live, those that are on their way out, and all that ever were. */
  readonly #everybody: FuzzMember[] = [];
  /** What ends by itself later, by what ends it. */
  readonly #endings = new Map<unknown, () => void | Promise<void>>();
  readonly #faults: Fault[] = [];
  #lives = 0;

  private constructor(cluster: MockCluster, clock: FakeClock, loopback: Loopback, salt: number) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#loopback = loopback;
    this.#salt = salt;
    this.#random = seededRandom(salt);
    this.judge = new Judge(cluster, GROUP, () => clock.now());
  }

  static async start(salt: number): Promise<FuzzWorld> {
    // Loaded from a file by the first consumer of a process: that takes real time, which no schedule can wait for.
    await prepareCompression(CompressionType.ZSTD);
    const clock = new FakeClock();
    const loopback = new Loopback();
    const cluster = await MockCluster.start({
      brokers: BROKERS.map((name) => ({ name })),
      topics: { [TOPIC]: { queues: QUEUES_PER_BROKER } },
      clock: MockClock.manual(clock.wallTime()),
      journalLimit: 100,
    });
    return new FuzzWorld(cluster, clock, loopback, salt);
  }

  async take(step: Step): Promise<void> {
    const what = this.#take(step);
    if (what !== undefined) await what;
    await this.#settle();
    this.#check();
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    let left = ms;
    while (left > 0) {
      const step = Math.min(left, LARGEST_STEP, Math.max(1, Math.ceil(this.#clock.nextTimerIn ?? LARGEST_STEP)));
      this.#cluster.clock.advance(step);
      await this.#settle();
      this.#clock.jump(step);
      this.#clock.runDue();
      await this.#settle();
      left -= step;
      this.#check();
    }
  }

  /** All trouble ends: now everything must be consumed, in time. */
  async recover(): Promise<void> {
    this.judge.note('all trouble ends');
    for (const fault of this.#faults.splice(0)) fault.remove();
    for (const timer of [...this.#endings.keys()]) await this.#end(timer);
    for (const member of this.#everybody) {
      // What was answered by hand and not committed is committed with the next message.
      member.mood = 'content';
      this.#restore(member);
    }
    for (const queue of allQueues()) this.#produce(queue, 1);
    const until = this.#clock.now() + RECOVERY_TIME;
    while (this.#unfinished().length > 0 && this.#clock.now() < until) {
      // Starting may have failed because of the trouble there was.
      if (!this.#members.some((member) => member?.isActive === true)) this.#join(0, 1, 20, false);
      await this.advance(500);
    }
    const unfinished = this.#unfinished();
    if (unfinished.length > 0) {
      const [stuck] = allQueues()
        .map(describeQueue)
        .filter((key) => unfinished[0]?.includes(key) === true);
      this.judge.fault(`not consumed ${RECOVERY_TIME} ms after the last trouble: ${unfinished.join('; ')}`, stuck);
    }
    this.#check();
  }

  /** Closes everything, whatever went before, and returns what it left behind. */
  async stop(): Promise<string[]> {
    for (const fault of this.#faults.splice(0)) fault.remove();
    for (const timer of [...this.#endings.keys()]) await this.#end(timer);
    let closed = false;
    const staying = this.#everybody.filter((member) => member.life !== 'gone');
    const closing = Promise.all(staying.map((member) => member.leave())).then(() => (closed = true));
    for (let round = 0; !closed && round < 500; round++) await this.advance(LARGEST_STEP).catch(() => undefined);
    const left: string[] = [];
    if (!closed)
      left.push(`members that can't leave: ${staying.filter((m) => m.life !== 'gone').map((m) => m.name).join(', ')}`); // prettier-ignore
    else await closing;
    for (const { queue, clientId } of this.#cluster.locks(GROUP)) {
      // Under the id of one that crashed there may be locks its successor has never heard of.
      const crashed = this.#everybody.some((member) => member.clientId === clientId && member.crashed);
      if (!crashed && staying.some((member) => member.clientId === clientId)) left.push(`${clientId}'s lock of ${describeQueue(queue)}`); // prettier-ignore
    }
    if (this.#clock.timerCount > 0) left.push(`${this.#clock.timerCount} timers`);
    // Locks are taken by force here, and members can't know; offsets are theirs to keep right all the same.
    for (const violation of this.#cluster.violations) {
      if (violation.kind === 'commitBack' || violation.kind === 'commitAhead') left.push(describeViolation(violation));
    }
    await this.#cluster.stop();
    await this.#loopback.settled();
    if (this.#loopback.openSockets > 0) left.push(`${this.#loopback.openSockets} sockets`);
    this.#loopback.close();
    return left;
  }

  #check(): void {
    const { verdict } = this.judge;
    if (verdict !== undefined) throw new Error(verdict);
  }

  /** Gives promises and sockets their turns until nothing happens any more. */
  #settle(): Promise<void> {
    return this.#loopback.settled();
  }

  /** Runs `ending` in `ms` from now, or when all trouble ends. */
  #later(ms: number, ending: () => void | Promise<void>): void {
    const timer = this.#clock.setTimeout(() => void this.#end(timer), ms);
    this.#endings.set(timer, ending);
  }

  async #end(timer: unknown): Promise<void> {
    const ending = this.#endings.get(timer);
    this.#endings.delete(timer);
    this.#clock.clearTimeout(timer);
    await ending?.();
  }

  /** Queues that are not consumed or not committed to their end. */
  #unfinished(): string[] {
    const unwell = this.#everybody.flatMap((member) => {
      const { healthy, reasons } = member.consumer.health();
      return healthy || !member.isActive ? [] : [`${member.name}: ${reasons.join(', ')}`];
    });
    const offsets = this.#cluster.offsets(GROUP);
    const behind = allQueues().flatMap((queue) => {
      const end = this.#broker(queue).state.store.maxOffset(TOPIC, queue.queueId);
      const completed = this.judge.completed(queue);
      const committed = offsets.find((one) => describeQueue(one) === describeQueue(queue))?.offset;
      const fine = completed >= end && committed === end;
      return fine ? [] : [`${describeQueue(queue)} is consumed to ${completed}, committed to ${committed}, of ${end}`];
    });
    return [...behind, ...unwell];
  }

  #broker(queue: MessageQueue): MockBroker {
    return this.#cluster.broker(queue.brokerName);
  }

  #take(step: Step): void | Promise<void> {
    switch (step.do) {
      case 'wait':
        return this.advance(step.ms);
      case 'produce':
        return this.#produce(queueOf(step.queue), step.count);
      case 'join':
        return this.#join(step.slot, step.batch, step.places, step.sameId);
      case 'leave':
        return void this.#active(step.slot)?.leave();
      case 'crash':
        return this.#members[step.slot]?.crash();
      case 'mood':
        return this.#with(step.slot, (member) => (member.mood = step.mood));
      case 'limit':
        return this.#with(step.slot, (member) => (member.consumer.maxReconsumeTimes = step.attempts));
      case 'resubscribe':
        return this.#with(step.slot, (member) => member.consumer.subscribe(TOPIC));
      case 'unsubscribe':
        return this.#with(step.slot, (member) => {
          member.consumer.unsubscribe(TOPIC);
          this.#later(step.ms, () => this.#restore(member));
        });
      case 'suspend':
        return this.#with(step.slot, (member) => {
          member.consumer.suspend({ drain: step.drain });
          this.#later(step.ms, () => this.#restore(member));
        });
      case 'resume':
        return this.#with(step.slot, (member) => member.consumer.resume());
      case 'suspendQueue':
        return this.#suspendQueue(queueOf(step.queue), step.drain, step.ms);
      case 'steal':
        return this.#steal(queueOf(step.queue), step.consume, step.ms);
      case 'disconnect':
        return this.#with(step.slot, ({ clientId }) => this.#brokerNamed(step.broker).disconnect(clientId));
      case 'partition':
        return this.#with(step.slot, ({ clientId }) => this.#partition(clientId, step.ms));
      default:
        return this.#befallBroker(step);
    }
  }

  #befallBroker(step: Step): void | Promise<void> {
    switch (step.do) {
      case 'brokerDown':
        return this.#brokerDown(this.#brokerNamed(step.broker), step.keepRoute, step.ms);
      case 'loseLocks':
        this.judge.forfeitAll(this.#brokerNamed(step.broker));
        return this.#brokerNamed(step.broker).clearLocks();
      case 'expireLocks':
        this.judge.forfeitAll(this.#brokerNamed(step.broker));
        return this.#brokerNamed(step.broker).expireLocks();
      case 'notify':
        return this.#brokerNamed(step.broker).notifyConsumerIdsChanged(GROUP);
      case 'unroute':
        this.#brokerNamed(step.broker).setRegistered(false);
        return this.#later(step.ms, () => this.#putBack(step.broker));
      case 'demote':
        this.#brokerNamed(step.broker).setBrokerId(1);
        return this.#later(step.ms, () => this.#brokerNamed(step.broker).setBrokerId(0));
      case 'queueCount':
        this.#cluster.updateTopic(TOPIC, { readQueueNums: step.count });
        return this.#later(step.ms, () => this.#cluster.updateTopic(TOPIC, ALL));
      case 'reset':
        return this.#reset(queueOf(step.queue), step.back, step.mode);
      case 'fault': {
        const { code, times, action, broker } = step;
        // Some requests go to name servers, which are one.
        const where = code === 105 ? {} : { broker: BROKERS[broker] as string };
        return void this.#faults.push(this.#cluster.faults.add({ code, times, action, ...where }));
      }
      default:
    }
  }

  #produce(queue: MessageQueue, count: number): void {
    for (let i = 0; i < count; i++) this.#cluster.produce(TOPIC, { ...queue, body: Buffer.from(String(i)) });
    this.judge.note(`${count} messages for ${describeQueue(queue)}`);
  }

  #join(slot: number, batch: number, places: number, sameId: boolean): void {
    const before = this.#members[slot];
    if (before?.isActive === true) return;
    // A process can't start under an id while the one that leaves still uses it.
    const again = sameId && before !== undefined && before.life === 'gone';
    const life = ++this.#lives;
    const id = again ? before.clientId.slice(before.clientId.indexOf('@') + 1) : `m${slot}-${life}`;
    const options: OrderedConsumerOptions & { language: string } = {
      namesrvAddr: this.#cluster.namesrvAddr,
      consumerGroup: GROUP,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      clientIP: '10.0.0.1',
      instanceName: id,
      consumeMessageBatchMaxSize: batch,
      consumeConcurrency: places,
      pullBatchSize: 8,
      pullThresholdForQueue: 24,
      language: MARKS[life % MARKS.length] as (typeof MARKS)[number],
    };
    const draw = seededRandom(this.#salt + life);
    const member = new FuzzMember(`m${slot}.${life}`, options, TOPIC, this.#clock, this.judge, draw);
    this.#members[slot] = member;
    this.#everybody.push(member);
  }

  #active(slot: number): FuzzMember | undefined {
    const member = this.#members[slot];
    return member?.isActive === true ? member : undefined;
  }

  #with(slot: number, use: (member: FuzzMember) => unknown): void {
    const member = this.#active(slot);
    if (member === undefined) return;
    this.judge.note(`something befalls ${member.name}`);
    use(member);
  }

  /** Ends what somebody did to a member by its own methods. */
  #restore(member: FuzzMember): void {
    if (!member.isActive) return;
    member.consumer.resume();
    for (const queue of allQueues()) member.consumer.resumeQueue(queue);
    member.consumer.subscribe(TOPIC);
  }

  #suspendQueue(queue: MessageQueue, drain: boolean, ms: number): void {
    for (const member of this.#members) {
      if (member?.isActive !== true || !member.consumer.suspendQueue(queue, { drain })) continue;
      this.judge.note(`${member.name} suspends ${describeQueue(queue)}`);
      this.#later(ms, () => void (member.isActive && member.consumer.resumeQueue(queue)));
    }
  }

  /** A stranger takes a queue by force, consumes some of it, commits that, and unlocks: as a member with a wrong clock. */
  #steal(queue: MessageQueue, consume: number, ms: number): void {
    const broker = this.#broker(queue);
    if (!broker.running) return;
    this.judge.note(`a stranger steals ${describeQueue(queue)} for ${ms} ms`);
    this.judge.forfeit(queue);
    broker.stealLock(GROUP, queue, STRANGER);
    const { offsets, store } = broker.state;
    const from = offsets.query(GROUP, TOPIC, queue.queueId);
    this.#later(ms, () => {
      const to = Math.min((from ?? 0) + consume, store.maxOffset(TOPIC, queue.queueId));
      if (from !== undefined && to > from && !offsets.hasReset(GROUP, TOPIC, queue.queueId)) {
        this.judge.consumedElsewhere(queue, from, to);
        this.#cluster.setOffset(GROUP, queue, to);
      }
      broker.state.locks.unlock(GROUP, [queue], STRANGER);
    });
  }

  #partition(clientId: string, ms: number): void {
    this.judge.note(`${clientId} is cut off for ${ms} ms`);
    const cut = this.#cluster.faults.add({ clientId, action: { type: 'drop' } });
    this.#later(ms, () => cut.remove());
  }

  async #brokerDown(broker: MockBroker, keepRoute: boolean, ms: number): Promise<void> {
    if (!broker.running) return;
    this.judge.note(`${broker.name} goes down for ${ms} ms`);
    this.judge.forfeitAll(broker);
    await broker.stop({ keepRoute });
    this.#later(ms, () => this.#brokerUp(broker));
  }

  async #brokerUp(broker: MockBroker): Promise<void> {
    this.judge.note(`${broker.name} comes up`);
    try {
      await broker.start();
    } catch (error) {
      // Another process on this machine has taken its port for a moment.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      await turns(100);
      await this.#brokerUp(broker);
    }
  }

  #putBack(broker: number): void {
    const { running } = this.#brokerNamed(broker);
    if (running) this.#brokerNamed(broker).setRegistered(true);
  }

  #reset(queue: MessageQueue, back: number, mode: 'server' | 'push'): void {
    const { brokerName, queueId } = queue;
    const end = this.#broker(queue).state.store.maxOffset(TOPIC, queueId);
    const offset = Math.max(0, Math.min(end, this.judge.completed(queue) - back));
    this.judge.reset(queue, offset);
    this.#cluster.resetOffset(GROUP, TOPIC, { mode, offset, brokerName, queueId });
  }

  #brokerNamed(index: number): MockBroker {
    return this.#cluster.broker(BROKERS[index] as string);
  }

  /** For what the consumers draw by themselves. */
  get random(): () => number {
    return this.#random;
  }
}

function queueOf(index: number): MessageQueue {
  const brokerName = BROKERS[Math.floor(index / QUEUES_PER_BROKER)] as string;
  return { topic: TOPIC, brokerName, queueId: index % QUEUES_PER_BROKER };
}

function allQueues(): MessageQueue[] {
  return Array.from({ length: BROKERS.length * QUEUES_PER_BROKER }, (_, index) => queueOf(index));
}
