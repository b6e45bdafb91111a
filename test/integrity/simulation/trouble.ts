import type { MessageQueue } from '../../../lib/index.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import type { Fault, MockBroker } from '../../../mock-broker/index.js';
import type { Direction } from './machine/network.js';
import type { SimProcess } from './machine/process.js';
import type { SimMember } from './member.js';
import { BROKERS, isForceful, QUEUES_PER_BROKER, type Forceful, type Step } from './steps.js';
import { allQueues, GROUP, queueOf, TOPIC, type World } from './world.js';
import { queueName } from './wire-tap.js';

/** Somebody who takes part in the group without keeping to the rules. */
const STRANGER = '10.0.0.9@stranger';
/** From so much on a jump of the brokers' clock may let a lock run out before its owner's lease does. */
const SAFE_JUMP = 20_000;

/** Messages a member joins amid arrive within this, in milliseconds: while it looks up where to begin. */
const AMID = 300;

/** What ends a piece of trouble. */
interface Ending {
  readonly host: SimProcess | undefined;
  readonly run: () => unknown;
}

/** Brings the steps of a schedule about, and ends what ends by itself. */
export class Trouble {
  readonly #world: World;
  /** What ends by itself later. */
  readonly #endings = new Set<Ending>();
  readonly #faults: Fault[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  async take(step: Step): Promise<void> {
    const world = this.#world;
    if (step.do === 'wait') return world.advance(step.ms);
    if (isForceful(step)) {
      if (!world.schedule.gentle) await this.#force(step);
      return;
    }
    await this.#take(step);
  }

  /** All trouble is over, whatever its time was. */
  async end(): Promise<void> {
    for (const fault of this.#faults.splice(0)) fault.remove();
    for (const ending of [...this.#endings]) await this.#world.cause(ending.host, () => this.#run(ending));
  }

  /** Gives a member back what it was told to leave alone. */
  restore(member: SimMember): void {
    if (!member.isActive) return;
    member.consumer.resume();
    for (const queue of allQueues()) member.consumer.resumeQueue(queue);
    member.consumer.subscribe(TOPIC);
  }

  #produceSoon(count: number): void {
    const { timeline, brokerProcess, random, now } = this.#world;
    const queues = allQueues();
    for (let i = 0; i < count; i++) {
      const queue = queues[Math.floor(random() * queues.length)] as MessageQueue;
      timeline.plan(now + random() * AMID, brokerProcess, () => this.#world.produce(queue, 1));
    }
  }

  #take(step: Exclude<Step, Forceful>): Promise<void> | void {
    const world = this.#world;
    switch (step.do) {
      case 'produce':
        return world.cause(world.brokerProcess, () => world.produce(queueOf(step.queue), step.count));
      case 'join':
        this.#produceSoon(step.amid);
        return world.join(step.slot, step);
      case 'kill':
      case 'vanish':
        return this.#kill(world.member(step.slot), step.do === 'vanish');
      case 'cut':
        return this.#cut(step);
      case 'slow':
        return this.#slow(step.slot, step.broker, step.byMs, step.ms);
      case 'brokersStop':
        world.history.note(`the brokers stand still for ${step.ms} ms`);
        return world.brokerProcess.stop(step.ms);
      case 'notify':
        return world.cause(world.brokerProcess, () => world.broker(step.broker).notifyConsumerIdsChanged(GROUP));
      case 'queueCount':
        return this.#changeQueueCount(step.count, step.ms);
      case 'reset':
        return this.#reset(queueOf(step.queue), step.back, step.mode);
      case 'fault': {
        const { code, times, action, broker } = step;
        // Some requests go to name servers, which are one.
        const where = code === RequestCode.GET_ROUTEINFO_BY_TOPIC ? {} : { broker: BROKERS[broker] as string };
        return void this.#faults.push(world.cluster.faults.add({ code, times, action, ...where }));
      }
      case 'wait':
        return;
      default:
        return this.#befall(step);
    }
  }

  /** What befalls a member, as long as it is there. */
  #befall(step: Extract<Step, { slot: number }>): Promise<void> | void {
    const world = this.#world;
    const member = world.active(step.slot);
    if (member === undefined) return;
    const { process, consumer } = member;
    switch (step.do) {
      case 'leave':
        return world.cause(process, () => void member.leave());
      case 'resubscribe':
        return world.cause(process, () => consumer.subscribe(TOPIC));
      case 'endHanging':
        return world.cause(process, () => member.endHanging());
      case 'mood':
        member.mood = step.mood;
        return;
      case 'limit':
        return member.limit(step.attempts);
      case 'unsubscribe':
        this.#later(step.ms, process, () => this.restore(member));
        return world.cause(process, () => consumer.unsubscribe(TOPIC));
      case 'suspend':
        this.#later(step.ms, process, () => this.restore(member));
        return world.cause(process, () => consumer.suspend({ drain: step.drain }));
      case 'suspendQueue':
        this.#later(step.ms, process, () => this.restore(member));
        return world.cause(process, () => void consumer.suspendQueue(queueOf(step.queue), { drain: step.drain }));
      case 'stop':
        world.history.note(`${member.name} stands still for ${step.ms} ms`);
        return process.stop(step.ms);
      case 'setClock':
        return process.jumpWall(step.ms);
      case 'disconnect':
        return world.cause(world.brokerProcess, () => world.broker(step.broker).disconnect(member.clientId));
      default:
    }
  }

  #force(step: Forceful): Promise<void> | void {
    const world = this.#world;
    const { brokerProcess, history } = world;
    switch (step.do) {
      case 'steal':
        return world.cause(brokerProcess, () => this.#steal(queueOf(step.queue), step.consume, step.ms));
      case 'brokerDown':
        return world.cause(brokerProcess, () => this.#brokerDown(world.broker(step.broker), step.keepRoute, step.ms));
      case 'loseLocks':
        this.#forced(step.broker);
        return world.broker(step.broker).clearLocks();
      case 'expireLocks':
        this.#forced(step.broker);
        return world.broker(step.broker).expireLocks();
      case 'setBrokersClock':
        history.note(`the brokers' clock is set by ${step.ms} ms`);
        if (step.ms > SAFE_JUMP) BROKERS.forEach((_, index) => this.#forced(index));
        return brokerProcess.jumpWall(step.ms);
      case 'unroute':
        world.broker(step.broker).setRegistered(false);
        return this.#later(step.ms, brokerProcess, () => {
          const { running } = world.broker(step.broker);
          if (running) world.broker(step.broker).setRegistered(true);
        });
      case 'demote':
        world.broker(step.broker).setBrokerId(1);
        return this.#later(step.ms, brokerProcess, () => world.broker(step.broker).setBrokerId(0));
    }
  }

  async #kill(member: SimMember | undefined, machineToo: boolean): Promise<void> {
    if (member === undefined || member.life === 'gone') return;
    this.#world.history.note(machineToo ? `the machine of ${member.name} is gone` : `${member.name} is killed`);
    await this.#world.kill(member, machineToo);
  }

  /** Has listeners of the member at work that don't answer for long. */
  async #keepBusy(slot: number): Promise<void> {
    const world = this.#world;
    const member = world.active(slot);
    if (member === undefined) return;
    member.mood = 'hanging';
    await world.produceEverywhere();
    await world.advance(200);
  }

  async #cut({ slot, broker, ways: which, ms, amidCalls }: Extract<Step, { do: 'cut' }>): Promise<void> {
    const { network, history } = this.#world;
    if (amidCalls) await this.#keepBusy(slot);
    const member = this.#world.active(slot);
    if (member === undefined) return;
    const ways: readonly Direction[] = which === 'both' ? ['there', 'back'] : [which];
    const port = this.#port(broker);
    history.note(`${member.name} and ${BROKERS[broker]} are cut off (${ways.join(' and ')}) for ${ms} ms`);
    for (const way of ways) network.cut(member.process, port, way);
    this.#later(ms, undefined, () => {
      for (const way of ways) network.heal(member.process, port, way);
    });
  }

  #slow(slot: number, broker: number, byMs: number, ms: number): void {
    const { network, history } = this.#world;
    const member = this.#world.active(slot);
    if (member === undefined) return;
    const port = this.#port(broker);
    history.note(`the way from ${member.name} to ${BROKERS[broker]} and back takes ${byMs} ms more`);
    for (const way of ['there', 'back'] as const) network.slow(member.process, port, way, byMs);
    this.#later(ms, undefined, () => {
      for (const way of ['there', 'back'] as const) network.slow(member.process, port, way, 0);
    });
  }

  #changeQueueCount(count: number, ms: number): void {
    const { cluster, brokerProcess } = this.#world;
    cluster.updateTopic(TOPIC, { readQueueNums: count });
    this.#later(ms, brokerProcess, () => cluster.updateTopic(TOPIC, { readQueueNums: QUEUES_PER_BROKER }));
  }

  #reset(queue: MessageQueue, back: number, mode: 'server' | 'push'): Promise<void> {
    const world = this.#world;
    const { brokerName, queueId } = queue;
    return world.cause(world.brokerProcess, () => {
      const committed = world.committed(queue);
      if (committed === undefined) return;
      const end = world.cluster.broker(brokerName).state.store.maxOffset(TOPIC, queueId);
      const offset = Math.max(0, Math.min(end, committed - back));
      world.history.add({ type: 'reset', at: world.now, queue: queueName(queue), offset });
      world.cluster.resetOffset(GROUP, TOPIC, { mode, offset, brokerName, queueId });
    });
  }

  /** A stranger takes a queue by force, consumes some of it, commits that, and unlocks: as a member with a wrong clock. */
  #steal(queue: MessageQueue, consume: number, ms: number): void {
    const world = this.#world;
    const broker = world.cluster.broker(queue.brokerName);
    if (!broker.running) return;
    world.history.note(`a stranger steals ${queueName(queue)} for ${ms} ms`);
    world.history.add({ type: 'forced', at: world.now, queue: queueName(queue) });
    broker.stealLock(GROUP, queue, STRANGER);
    const { offsets, store } = broker.state;
    const from = world.committed(queue);
    this.#later(ms, world.brokerProcess, () => {
      const to = Math.min((from ?? 0) + consume, store.maxOffset(TOPIC, queue.queueId));
      // Whoever took the lock back by force meanwhile goes on from where he was.
      const stillHis = broker.state.locks.list(GROUP).some((lock) => queueName(lock.queue) === queueName(queue) && lock.clientId === STRANGER && !broker.state.locks.isExpired(lock)); // prettier-ignore
      if (stillHis && from !== undefined && to > from && !offsets.hasReset(GROUP, TOPIC, queue.queueId)) {
        world.history.add({ type: 'elsewhere', at: world.now, queue: queueName(queue), offset: to });
        world.cluster.setOffset(GROUP, queue, to);
      }
      broker.state.locks.unlock(GROUP, [queue], STRANGER);
    });
  }

  async #brokerDown(broker: MockBroker, keepRoute: boolean, ms: number): Promise<void> {
    if (!broker.running) return;
    this.#world.history.note(`${broker.name} goes down for ${ms} ms`);
    this.#forced(BROKERS.indexOf(broker.name as (typeof BROKERS)[number]));
    await broker.stop({ keepRoute });
    this.#later(ms, this.#world.brokerProcess, () => {
      this.#world.history.note(`${broker.name} comes up`);
      return broker.start();
    });
  }

  /** Whoever holds a lock at the broker may lose it. */
  #forced(broker: number): void {
    const { history, now } = this.#world;
    for (const queue of allQueues()) {
      if (queue.brokerName === BROKERS[broker]) history.add({ type: 'forced', at: now, queue: queueName(queue) });
    }
  }

  #port(broker: number): number {
    return Number(this.#world.broker(broker).address.split(':')[1]);
  }

  /** Has something happen in `ms` from now, or when all trouble ends. `host`: whose doing it is. */
  #later(ms: number, host: SimProcess | undefined, run: () => unknown): void {
    const ending: Ending = { host, run };
    this.#endings.add(ending);
    const { timeline, now } = this.#world;
    timeline.plan(now + ms, host, () => void this.#run(ending));
  }

  #run(ending: Ending): unknown {
    return this.#endings.delete(ending) ? ending.run() : undefined;
  }
}
