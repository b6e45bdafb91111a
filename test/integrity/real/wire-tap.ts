import { RequestCode, ResponseCode } from '../../../lib/protocol/codes.js';
import { decodeCommand, isResponse, type RemotingCommand } from '../../../lib/protocol/command.js';
import { FrameDecoder } from '../../../lib/protocol/frame.js';
import type { MessageQueue } from '../../../lib/protocol/message-queue.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { unlockBatchMq } from '../../../lib/protocol/requests/unlock-batch-mq.js';
import { PullSysFlag } from '../../../lib/protocol/sys-flag.js';
import type { ConnectionFilter } from '../../support/fault-proxy.js';
import { monotonicMicros, type Commit, type History } from './history.js';

/** What a request's answer says, once it is there. */
type OnAnswer = (answer: RemotingCommand) => void;

/**
 * Reads along on the connections of one member to one broker, before anything is held back: lock requests and what they
 * brought, unlocks, and offsets on their way. What it sees was sent a moment before at the latest.
 */
export class WireTap {
  readonly #member: string;
  readonly #broker: string;
  readonly #topic: string;
  readonly #history: Pick<History, 'locks' | 'unlocks' | 'commits'>;

  constructor(member: string, broker: string, topic: string, history: Pick<History, 'locks' | 'unlocks' | 'commits'>) {
    this.#member = member;
    this.#broker = broker;
    this.#topic = topic;
    this.#history = history;
  }

  /** For one connection. */
  filter(): ConnectionFilter {
    const waiting = new Map<number, OnAnswer>();
    return {
      up: watch((command) => {
        if (!isResponse(command)) this.#asked(command, waiting);
      }),
      down: watch((command) => {
        if (!isResponse(command)) return;
        const onAnswer = waiting.get(command.opaque);
        waiting.delete(command.opaque);
        onAnswer?.(command);
      }),
    };
  }

  #asked(command: RemotingCommand, waiting: Map<number, OnAnswer>): void {
    const { code, opaque } = command;
    if (code === RequestCode.LOCK_BATCH_MQ) {
      const askedAt = monotonicMicros();
      const asked = this.#named(lockBatchMq.decode(command).queues);
      waiting.set(opaque, (answer) => {
        const granted =
          answer.code === ResponseCode.SUCCESS ? this.#named(lockBatchMq.decodeReply(answer).lockedQueues) : [];
        this.#history.locks.push({ member: this.#member, askedAt, answeredAt: monotonicMicros(), asked, granted });
      });
    } else if (code === RequestCode.UNLOCK_BATCH_MQ) {
      const queues = this.#named(unlockBatchMq.decode(command).queues);
      this.#history.unlocks.push({ member: this.#member, at: monotonicMicros(), queues });
    } else if (code === RequestCode.UPDATE_CONSUMER_OFFSET) {
      this.#committed(command, waiting);
    } else if (code === RequestCode.PULL_MESSAGE) {
      if ((Number(command.extFields['sysFlag']) & PullSysFlag.COMMIT_OFFSET) > 0) this.#committed(command, waiting);
    }
  }

  #committed({ extFields, opaque, code }: RemotingCommand, waiting: Map<number, OnAnswer>): void {
    if (extFields['topic'] !== this.#topic) return;
    const commit: Commit = {
      member: this.#member,
      queue: `${this.#broker}#${extFields['queueId']}`,
      offset: Number(extFields['commitOffset']),
      at: monotonicMicros(),
      answeredAt: undefined,
    };
    this.#history.commits.push(commit);
    waiting.set(opaque, (answer) => {
      // A pull's answer comes when messages do; its offset is stored in any case.
      if (code === RequestCode.PULL_MESSAGE || answer.code === ResponseCode.SUCCESS) {
        commit.answeredAt = monotonicMicros();
      }
    });
  }

  #named(queues: readonly MessageQueue[]): string[] {
    return queues
      .filter(({ topic }) => topic === this.#topic)
      .map(({ brokerName, queueId }) => `${brokerName}#${queueId}`);
  }
}

function watch(onCommand: (command: RemotingCommand) => void): (chunk: Buffer) => Buffer {
  const decoder = new FrameDecoder();
  return (chunk) => {
    decoder.push(chunk, (frame) => onCommand(decodeCommand(frame)));
    return chunk;
  };
}
