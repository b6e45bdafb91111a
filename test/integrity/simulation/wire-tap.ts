import { RequestCode, ResponseCode } from '../../../lib/protocol/codes.js';
import { decodeCommand, isResponse, type RemotingCommand } from '../../../lib/protocol/command.js';
import { FrameDecoder } from '../../../lib/protocol/frame.js';
import { describeQueue, type MessageQueue } from '../../../lib/protocol/message-queue.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { unlockBatchMq } from '../../../lib/protocol/requests/unlock-batch-mq.js';
import { updateConsumerOffset } from '../../../lib/protocol/requests/update-consumer-offset.js';
import { PullSysFlag } from '../../../lib/protocol/sys-flag.js';
import type { HistoryEvent } from './history.js';
import type { Tap } from './machine/network.js';
import type { SimProcess } from './machine/process.js';

/** A lock request whose answer has not come yet. */
interface Asked {
  readonly clientId: string;
  readonly queues: readonly MessageQueue[];
  readonly sentAt: number;
}

/** One connection, seen from its client's end. */
class Line {
  readonly connection: number;
  readonly requests = new FrameDecoder();
  readonly answers = new FrameDecoder();
  readonly asked = new Map<number, Asked>();

  constructor(connection: number) {
    this.connection = connection;
  }
}

/** Writes into the history what members ask of brokers, at the moment they do, and what becomes of their lock requests. */
export class WireTap implements Tap {
  readonly #topic: string;
  readonly #record: (event: HistoryEvent) => void;
  readonly #lines = new Map<number, Line>();

  constructor(topic: string, record: (event: HistoryEvent) => void) {
    this.#topic = topic;
    this.#record = record;
  }

  sent(process: SimProcess, _port: number, connection: number, bytes: Buffer): void {
    const line = this.#line(connection);
    line.requests.push(bytes, (frame) => this.#request(process, line, decodeCommand(frame)));
  }

  received(process: SimProcess, _port: number, connection: number, bytes: Buffer): void {
    const line = this.#line(connection);
    try {
      line.answers.push(bytes, (frame) => {
        if (line.asked.size > 0) this.#answer(process, line, decodeCommand(frame));
      });
    } catch {
      // What a fault has spoiled is for the client to refuse.
      this.#lines.delete(connection);
    }
  }

  #line(connection: number): Line {
    let line = this.#lines.get(connection);
    if (line === undefined) this.#lines.set(connection, (line = new Line(connection)));
    return line;
  }

  #request(process: SimProcess, line: Line, command: RemotingCommand): void {
    const at = process.now();
    const member = process.name;
    switch (command.code) {
      case RequestCode.LOCK_BATCH_MQ: {
        const { clientId, queues } = lockBatchMq.decode(command);
        if (clientId !== this.clientIds.get(member)) {
          for (const queue of queues) this.lockedForOthers.add(lockName(clientId, queue));
          return;
        }
        line.asked.set(command.opaque, { clientId, queues, sentAt: at });
        return;
      }
      case RequestCode.UNLOCK_BATCH_MQ: {
        const { clientId, queues } = unlockBatchMq.decode(command);
        for (const queue of queues) {
          const lock = lockName(clientId, queue);
          if (this.#isAskedFor(lock)) this.givenBackUnanswered.add(lock);
          if (!this.#isWatched(queue)) continue;
          const own = clientId === this.clientIds.get(member);
          if (own) this.#record({ type: 'unlock', at, member, queue: queueName(queue), offset: -1 });
          else this.#record({ type: 'note', at, text: `${member} unlocks ${queueName(queue)} for ${clientId}` });
        }
        return;
      }
      case RequestCode.PULL_MESSAGE: {
        const { topic, queueId, brokerName, sysFlag, queueOffset, commitOffset } = pullMessage.decode(command);
        if (topic !== this.#topic) return;
        const queue = queueName({ topic, brokerName: brokerName ?? '', queueId });
        this.#record({ type: 'pull', at, member, queue, offset: queueOffset });
        if ((sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0) {
          this.#record({ type: 'commit', at, member, queue, offset: commitOffset, connection: line.connection });
        }
        return;
      }
      case RequestCode.UPDATE_CONSUMER_OFFSET: {
        const { topic, queueId, brokerName, commitOffset } = updateConsumerOffset.decode(command);
        if (topic !== this.#topic) return;
        const queue = queueName({ topic, brokerName: brokerName ?? '', queueId });
        this.#record({ type: 'commit', at, member, queue, offset: commitOffset, connection: line.connection });
        return;
      }
      default:
    }
  }

  /** Locks somebody has asked for in another's name, who may not know of them. */
  readonly lockedForOthers = new Set<string>();
  /** By member name; told as they join. */
  readonly clientIds = new Map<string, string>();

  /** Locks that were given back before a request for them was answered: a broker may work on that one last. */
  readonly givenBackUnanswered = new Set<string>();

  #isAskedFor(lock: string): boolean {
    const unanswered = [...this.#lines.values()].flatMap((line) => [...line.asked.values()]);
    return unanswered.some(({ clientId, queues }) => queues.some((queue) => lockName(clientId, queue) === lock));
  }

  #answer(process: SimProcess, line: Line, command: RemotingCommand): void {
    const asked = line.asked.get(command.opaque);
    if (asked === undefined || !isResponse(command)) return;
    line.asked.delete(command.opaque);
    if (command.code !== ResponseCode.SUCCESS) return;
    // The queues of the retry topic have the same names but for the topic.
    const { lockedQueues } = lockBatchMq.decodeReply(command);
    const granted = new Set(lockedQueues.filter((queue) => this.#isWatched(queue)).map(queueName));
    for (const queue of asked.queues) {
      if (!this.#isWatched(queue)) continue;
      const type = granted.has(queueName(queue)) ? 'granted' : 'refused';
      const { sentAt } = asked;
      const { connection } = line;
      this.#record({ type, at: process.now(), member: process.name, queue: queueName(queue), sentAt, connection });
    }
  }

  #isWatched(queue: MessageQueue): boolean {
    return queue.topic === this.#topic;
  }
}

/** `broker-a#3` */
export function queueName({ brokerName, queueId }: MessageQueue): string {
  return `${brokerName}#${queueId}`;
}

/** One queue's lock, of one client. */
export function lockName(clientId: string, queue: MessageQueue): string {
  return `${clientId} ${describeQueue(queue)}`;
}
