import type { ConsumeOrderlyStatus, MessageExt, MessageQueue } from '../../../lib/index.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../../lib/protocol/command.js';
import { describeQueue } from '../../../lib/protocol/message-queue.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../lib/protocol/requests/query-consumer-offset.js';
import { unlockBatchMq } from '../../../lib/protocol/requests/unlock-batch-mq.js';
import { updateConsumerOffset } from '../../../lib/protocol/requests/update-consumer-offset.js';
import { PullSysFlag } from '../../../lib/protocol/sys-flag.js';
import type { MockBroker, MockCluster } from '../../../mock-broker/index.js';
import { Stint } from './stint.js';

/** How long a broker keeps a lock that is not renewed, in milliseconds. */
const LOCK_EXPIRY = 60_000;

/** How many events are kept for a verdict, and how many of those that concern it are shown. */
const KEPT_EVENTS = 4_000;
const SHOWN_EVENTS = 70;

/** A member as the judge knows it. */
export interface Suspect {
  readonly name: string;
  readonly clientId: string;
  /** The language in the headers of its requests: tells whose they are, whatever connection they come on. */
  readonly language: string;
}

/** One listener call under way. */
export interface ListenerCall {
  readonly member: Suspect;
  readonly key: string;
  readonly offsets: readonly number[];
  readonly stint: Stint;
  /** The lock was taken from its member by force, or ran out: others may be at work on the queue meanwhile. */
  forfeited: boolean;
}

/** What all members together have made of a queue. */
class QueueRecord {
  /** Offsets that were completed, or that nobody has to complete, at and above {@link floor}. */
  readonly #beyond = new Set<number>();
  /** The lowest offset nobody has completed. */
  floor = 0;
  /** Where the queue was sent to by resets. */
  readonly targets = new Set<number>();

  complete(offsets: Iterable<number>): void {
    for (const offset of offsets) if (offset >= this.floor) this.#beyond.add(offset);
    while (this.#beyond.delete(this.floor)) this.floor++;
  }
}

/**
 * Watches a group from both ends, the listeners and the brokers, and tells what breaks the promises of ordered
 * consumption. What was done to the group by force has to be told it, as it excuses something: a member can't know that
 * its lock was stolen before it asks.
 */
export class Judge {
  readonly faults: string[] = [];
  readonly #group: string;
  readonly #cluster: MockCluster;
  readonly #now: () => number;
  readonly #members = new Map<string, Suspect>();
  readonly #records = new Map<string, QueueRecord>();
  readonly #stints = new Map<string, Stint>();
  readonly #calls = new Set<ListenerCall>();
  /** Members whose lock of a queue is gone without their knowing, by queue. */
  readonly #forfeited = new Map<string, Set<string>>();
  /** When a member heard that it lost a queue, and the stint that ended by it: what it sent before may still arrive. */
  readonly #losses = new Map<string, { readonly at: number; readonly stint: Stint | undefined }>();
  /** Offsets a member was told by a broker. */
  readonly #read = new Map<string, Set<number>>();
  readonly #trace: string[] = [];
  #evidence = '';
  constructor(cluster: MockCluster, group: string, now: () => number) {
    this.#cluster = cluster;
    this.#group = group;
    this.#now = now;
    for (const broker of cluster.brokers) {
      // A rule that never fires, but sees every request when it arrives, before it has any effect.
      const where = (command: RemotingCommand): boolean => {
        this.#arrived(broker, command);
        return false;
      };
      cluster.faults.add({ broker: broker.name, where, action: { type: 'drop' } });
    }
  }

  /** What is wrong and what led to it, in words; `undefined` when all is well. */
  get verdict(): string | undefined {
    return this.faults.length === 0 ? undefined : `${this.faults.join('\n')}\n\nwhat went before:\n${this.#evidence}`;
  }

  note(what: string): void {
    if (this.faults.length > 0) return;
    this.#trace.push(`${String(this.#now()).padStart(8)}  ${what}`);
    if (this.#trace.length > KEPT_EVENTS * 2) this.#trace.splice(0, this.#trace.length - KEPT_EVENTS);
  }

  /** @param key the queue it is about: what concerned other queues is left out of the evidence */
  fault(what: string, key?: string): void {
    this.note(`FAULT: ${what}`);
    if (this.faults.length === 0) {
      const concerns = this.#trace.filter(
        (line) => key === undefined || !/@broker-\w#\d/.test(line) || line.includes(key),
      );
      this.#evidence = concerns.slice(-SHOWN_EVENTS).join('\n');
    }
    this.faults.push(`at ${this.#now()}: ${what}`);
  }

  joined(member: Suspect): void {
    this.#members.set(member.language, member);
  }

  /** The member is no more. What its listener was about to say will never be heard. */
  gone(member: Suspect): void {
    if (this.#members.get(member.language) === member) this.#members.delete(member.language);
    for (const call of this.#calls) if (call.member === member) this.#calls.delete(call);
  }

  /** How many messages of a queue are completed, without a gap. */
  completed(queue: MessageQueue): number {
    return this.#record(describeQueue(queue)).floor;
  }

  // What the members do

  owned(member: Suspect, queue: MessageQueue, offset: number): void {
    const key = describeQueue(queue);
    this.note(`${member.name} owns ${key} from ${offset}`);
    const { floor } = this.#record(key);
    if (offset > floor) this.fault(`${member.name} begins ${key} at ${offset}, but ${floor} was never completed`, key);
    if (!this.#mayAct(member, key)) this.fault(`${member.name} takes ${key} without a lock`, key);
    this.#stints.set(ownKey(member, key), new Stint(offset));
  }

  restarted(member: Suspect, queue: MessageQueue, offset: number, reason: string): void {
    const key = describeQueue(queue);
    this.note(`${member.name} starts ${key} over at ${offset}: ${reason}`);
    this.#stints.set(ownKey(member, key), new Stint(offset));
  }

  /** @param lost the broker said so; otherwise the member has given it back */
  left(member: Suspect, queue: MessageQueue, lost: boolean, reason: string): void {
    const key = describeQueue(queue);
    const own = ownKey(member, key);
    this.note(`${member.name} ${lost ? 'loses' : 'leaves'} ${key}: ${reason}`);
    if (lost) {
      this.#losses.set(own, { at: this.#now(), stint: this.#stints.get(own) });
      this.#forfeited.get(key)?.delete(member.clientId);
      for (const call of this.#calls) if (call.member === member && call.key === key) call.forfeited = true;
    }
    this.#stints.delete(own);
  }

  handedOut(member: Suspect, queue: MessageQueue, messages: readonly MessageExt[]): ListenerCall {
    const key = describeQueue(queue);
    const offsets = messages.map((message) => message.queueOffset);
    const what = `${member.name} is handed ${key} ${offsets.join(',')}`;
    this.note(what);
    const right = this.#right(member, key);
    if (right === 'none') this.fault(`${what} without a lock`, key);
    const forfeited = right !== 'lock';
    for (const call of this.#calls) {
      if (call.key !== key) continue;
      if (call.member === member) this.fault(`${what} while it has ${call.offsets.join(',')}`, key);
      else if (!call.forfeited && !forfeited)
        this.fault(`${what} while ${call.member.name} has ${call.offsets.join(',')}`, key);
    }
    let stint = this.#stints.get(ownKey(member, key));
    if (stint === undefined) {
      this.fault(`${what} without owning it`, key);
      stint = new Stint(offsets[0] ?? 0);
    }
    for (const fault of stint.handOut(
      messages.map(({ queueOffset, reconsumeTimes }) => ({ offset: queueOffset, reconsumeTimes })),
    )) {
      // prettier-ignore
      this.fault(`${what}: ${fault}`, key);
    }
    const { floor } = this.#record(key);
    if ((offsets[0] ?? 0) > floor) this.fault(`${what}, but ${floor} was never completed`, key);
    const call: ListenerCall = { member, key, offsets, stint, forfeited };
    this.#calls.add(call);
    return call;
  }

  answered(call: ListenerCall, auto: boolean, status: ConsumeOrderlyStatus, isOwner: boolean): void {
    const { member, key, offsets, stint } = call;
    this.#calls.delete(call);
    this.note(`${member.name} answers ${key} ${offsets.join(',')}: ${auto ? '' : 'manual '}${status}`);
    stint.answer(offsets, auto, status, isOwner);
    const completes = auto ? status !== 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : status === 'SUCCESS' || status === 'COMMIT';
    if (completes) this.#record(key).complete(offsets);
  }

  deadLettered(member: Suspect, queue: MessageQueue, offset: number): void {
    const key = describeQueue(queue);
    this.note(`${member.name} sent ${key} ${offset} to the dead letter queue`);
    this.#stints.get(ownKey(member, key))?.deadLettered(offset);
    this.#record(key).complete([offset]);
  }

  // What is done to them

  /** The queue's lock is about to be taken from whoever has it. */
  forfeit(queue: MessageQueue): void {
    const key = describeQueue(queue);
    const held = this.#locks(queue.brokerName).find((lock) => describeQueue(lock.queue) === key);
    if (held !== undefined) this.#forfeit(key, held.clientId);
  }

  /** All locks of a broker are about to be lost. */
  forfeitAll(broker: MockBroker): void {
    for (const { queue, clientId } of this.#locks(broker.name)) this.#forfeit(describeQueue(queue), clientId);
  }

  /** Somebody else has consumed and committed these. */
  consumedElsewhere(queue: MessageQueue, from: number, to: number): void {
    const key = describeQueue(queue);
    this.note(`somebody else consumes ${key} ${from} to ${to}`);
    this.#record(key).complete(range(from, to));
  }

  /** The queue is sent to another offset. What is jumped over need not be consumed. */
  reset(queue: MessageQueue, target: number): void {
    const key = describeQueue(queue);
    const record = this.#record(key);
    this.note(`${key} is reset to ${target}`);
    record.targets.add(target);
    record.complete(range(record.floor, target));
  }

  // What reaches the brokers

  #arrived(broker: MockBroker, command: RemotingCommand): void {
    const member = this.#members.get(command.language);
    if (member === undefined) return;
    switch (command.code) {
      case RequestCode.PULL_MESSAGE: {
        const { topic, queueId, sysFlag, commitOffset, queueOffset } = pullMessage.decode(command);
        const key = describeQueue({ topic, brokerName: broker.name, queueId });
        if (!this.#mayAct(member, key)) this.fault(`${member.name} pulls ${key} at ${queueOffset} without a lock`, key);
        if ((sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0) this.#committed(member, key, commitOffset, 'a pull');
        return;
      }
      case RequestCode.UPDATE_CONSUMER_OFFSET: {
        const { topic, queueId, commitOffset } = updateConsumerOffset.decode(command);
        this.#committed(member, describeQueue({ topic, brokerName: broker.name, queueId }), commitOffset, 'a request');
        return;
      }
      case RequestCode.QUERY_CONSUMER_OFFSET: {
        const { topic, queueId } = queryConsumerOffset.decode(command);
        const own = ownKey(member, describeQueue({ topic, brokerName: broker.name, queueId }));
        const read = this.#read.get(own) ?? new Set();
        read.add(broker.state.offsets.query(this.#group, topic, queueId) ?? 0);
        this.#read.set(own, read);
        return;
      }
      case RequestCode.LOCK_BATCH_MQ:
        this.note(`${member.name} locks ${lockBatchMq.decode(command).queues.map(describeQueue).join(' ')}`);
        for (const queue of lockBatchMq.decode(command).queues) this.#lockArrived(member, broker, queue);
        return;
      case RequestCode.UNLOCK_BATCH_MQ:
        for (const queue of unlockBatchMq.decode(command).queues) this.#unlockArrived(member, describeQueue(queue));
        return;
      default:
    }
  }

  /** A lock that has run out goes to whoever asks. */
  #lockArrived(member: Suspect, broker: MockBroker, queue: MessageQueue): void {
    const key = describeQueue(queue);
    const held = this.#locks(broker.name).find((lock) => describeQueue(lock.queue) === key);
    if (held === undefined || held.clientId === member.clientId || !this.#hasExpired(held.lastUpdateMs)) return;
    this.#forfeit(key, held.clientId);
  }

  #unlockArrived(member: Suspect, key: string): void {
    this.note(`${member.name} unlocks ${key}`);
    for (const call of this.#calls) {
      if (call.key !== key || call.member !== member || call.forfeited) continue;
      this.fault(`${member.name} unlocks ${key} while its listener has ${call.offsets.join(',')}`, key);
    }
  }

  #committed(member: Suspect, key: string, offset: number, by: string): void {
    const what = `${member.name} commits ${offset} of ${key} by ${by}`;
    this.note(what);
    if (!this.#mayAct(member, key)) this.fault(`${what} without a lock`, key);
    const own = ownKey(member, key);
    const { targets } = this.#record(key);
    const elsewhere = targets.has(offset) || this.#read.get(own)?.has(offset) === true;
    const loss = this.#losses.get(own);
    const stint = this.#stints.get(own) ?? (loss?.at === this.#now() ? loss.stint : undefined);
    if (stint === undefined) {
      // The start offset of a queue nobody has consumed before is written before anything is pulled.
      if (offset !== 0 && !elsewhere) this.fault(`${what} without owning it`, key);
    } else if (elsewhere && (offset < stint.committed || offset > stint.committable)) {
      this.#stints.set(own, new Stint(offset));
    } else if (offset > stint.committable) this.fault(`${what}, but ${stint.committable} is not finished`, key);
    else if (offset < stint.committed) this.fault(`${what} after ${stint.committed}`, key);
    else stint.committed = offset;
  }

  #mayAct(member: Suspect, key: string): boolean {
    return this.#right(member, key) !== 'none';
  }

  /** By which right the member acts as the queue's owner: it holds the lock, or can't know yet that it does not. */
  #right(member: Suspect, key: string): 'lock' | 'ignorance' | 'none' {
    const held = this.#locks(brokerOf(key)).find((lock) => describeQueue(lock.queue) === key);
    const forfeited = this.#forfeited.get(key);
    if (held?.clientId === member.clientId && !this.#hasExpired(held.lastUpdateMs)) {
      forfeited?.delete(member.clientId);
      return 'lock';
    }
    if (forfeited?.has(member.clientId) === true) return 'ignorance';
    return this.#losses.get(ownKey(member, key))?.at === this.#now() ? 'ignorance' : 'none';
  }

  #forfeit(key: string, clientId: string): void {
    const forfeited = this.#forfeited.get(key) ?? new Set();
    forfeited.add(clientId);
    this.#forfeited.set(key, forfeited);
    for (const call of this.#calls) {
      if (call.key === key && call.member.clientId === clientId) call.forfeited = true;
    }
  }

  #hasExpired(lastUpdateMs: number): boolean {
    return this.#cluster.clock.now() - lastUpdateMs > LOCK_EXPIRY;
  }

  #locks(brokerName: string): ReturnType<MockCluster['locks']> {
    return this.#cluster.broker(brokerName).state.locks.list(this.#group);
  }

  #record(key: string): QueueRecord {
    let record = this.#records.get(key);
    if (record === undefined) {
      record = new QueueRecord();
      this.#records.set(key, record);
    }
    return record;
  }
}

function ownKey(member: Suspect, key: string): string {
  return `${member.clientId}\0${key}`;
}

/** The broker of a queue as {@link describeQueue} names it. */
function brokerOf(key: string): string {
  return key.slice(key.indexOf('@') + 1, key.lastIndexOf('#'));
}

function* range(from: number, to: number): Generator<number> {
  for (let offset = from; offset < to; offset++) yield offset;
}
