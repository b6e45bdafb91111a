import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../lib/protocol/command.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { lockBatchMq } from '../../lib/protocol/requests/lock-batch-mq.js';
import { requireInteger } from '../../lib/protocol/requests/request-type.js';
import { unlockBatchMq } from '../../lib/protocol/requests/unlock-batch-mq.js';
import { PullSysFlag } from '../../lib/protocol/sys-flag.js';
import type { BrokerState } from '../broker-state.js';
import type { JournalEntry, RequestNote } from '../journal-entry.js';
import type { ServerObserver } from '../server/server.js';
import { decodeAckMessage, decodeBatchAckMessage } from '../wire/ack-message.js';
import { decodePopMessage } from '../wire/pop-message.js';
import type { LockWatch } from './lock-watch.js';
import type { OffsetWatch } from './offset-watch.js';
import type { PopWatch } from './pop-watch.js';

/** Reads what one broker receives, does and answers, for those who judge it. */

const PULLS: ReadonlySet<number> = new Set([RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE]);

/** Questions for an offset of a queue. */
const QUESTIONS: ReadonlySet<number> = new Set([
  RequestCode.GET_MAX_OFFSET,
  RequestCode.GET_MIN_OFFSET,
  RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
]);

/** What somebody in charge does to offsets. */
const MOVES: ReadonlySet<number> = new Set([
  RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
  RequestCode.CLONE_GROUP_OFFSET,
  RequestCode.DELETE_SUBSCRIPTIONGROUP,
  RequestCode.DELETE_TOPIC_IN_BROKER,
]);

/** Faults whose lies about offsets make honest clients go back or ahead. */
const LIES: ReadonlySet<string> = new Set(['offset', 'pull', 'answer', 'rewrite', 'raw', 'corrupt']);

/** Who commits or pulls what. */
interface Place {
  readonly group: string;
  readonly queue: MessageQueue;
}

export class BrokerWatch implements ServerObserver {
  readonly #broker: BrokerState;
  readonly #locks: LockWatch;
  readonly #offsets: OffsetWatch;
  readonly #pops: PopWatch;

  constructor(broker: BrokerState, watches: { locks: LockWatch; offsets: OffsetWatch; pops: PopWatch }) {
    this.#broker = broker;
    this.#locks = watches.locks;
    this.#offsets = watches.offsets;
    this.#pops = watches.pops;
  }

  onRequest(request: RequestNote): void {
    switch (request.code) {
      case RequestCode.PULL_MESSAGE:
      case RequestCode.LITE_PULL_MESSAGE:
        return this.#checkOwner('pullWithoutLock', request);
      case RequestCode.UPDATE_CONSUMER_OFFSET:
        return this.#checkOwner('commitWithoutLock', request);
      case RequestCode.UNLOCK_BATCH_MQ:
        return attempt(() => this.#locks.unlocked(unlockBatchMq.decode(asCommand(request))));
      case RequestCode.UNREGISTER_CLIENT: {
        const { clientIds, groups } = request.names();
        for (const group of groups) for (const clientId of clientIds) this.#locks.left(group, clientId);
        return;
      }
      case RequestCode.ACK_MESSAGE:
      case RequestCode.BATCH_ACK_MESSAGE:
        return attempt(() => {
          const isBatch = request.code === RequestCode.BATCH_ACK_MESSAGE;
          const acks = isBatch ? decodeBatchAckMessage(asCommand(request)) : [decodeAckMessage(asCommand(request))];
          this.#pops.acknowledged(this.#broker.name, acks, request);
        });
      case RequestCode.CHANGE_MESSAGE_INVISIBLETIME:
        return attempt(() => {
          const visibleAt = request.at + requireInteger(request.ext, 'invisibleTime');
          this.#pops.changing(this.#broker.name, decodeAckMessage(asCommand(request)), visibleAt);
        });
      default:
    }
  }

  onHandled(request: RequestNote): void {
    if (MOVES.has(request.code)) {
      const { groups, topics } = request.names();
      // A clone names two groups in fields of its own.
      const isClone = request.code === RequestCode.CLONE_GROUP_OFFSET;
      const group = isClone ? request.ext['destGroup'] : groups[0];
      this.#pops.excuse(this.#broker, group, topics[0]);
      return this.#offsets.excuse(this.#broker, group, topics[0]);
    }
    const offset = committedOffset(request);
    const place = offset === undefined ? undefined : this.#place(request);
    if (offset === undefined || place === undefined || this.#broker.master !== undefined) return;
    const { group, queue } = place;
    const { fault } = request;
    const now = this.#broker.offsets.query(group, queue.topic, queue.queueId);
    if (fault !== undefined && LIES.has(fault.rule.action.type)) this.#offsets.excuseQueue(group, queue, request.at);
    // Ignored while a reset is pending, or refused.
    if (now !== offset && fault === undefined) return;
    const { clientId } = request;
    const isJudged = fault === undefined && clientId !== undefined && this.#isMember(group, clientId);
    const minOffset = this.#broker.store.minOffset(queue.topic, queue.queueId);
    this.#offsets.committed({ group, queue, clientId, offset: now ?? offset, minOffset, isJudged }, request);
  }

  onReply(request: RequestNote, reply: RequestNote): void {
    if (request.code === RequestCode.LOCK_BATCH_MQ) {
      return attempt(() => {
        const locked =
          reply.code === ResponseCode.SUCCESS ? lockBatchMq.decodeReply(asCommand(reply)).lockedQueues : [];
        this.#locks.answered(lockBatchMq.decode(asCommand(request)), locked, request, reply);
      });
    }
    if (request.code === RequestCode.POP_MESSAGE) {
      return attempt(() => {
        const pop = decodePopMessage(asCommand(request), request.at);
        this.#pops.answered(this.#broker, pop, request, reply);
      });
    }
    if (request.code === RequestCode.CHANGE_MESSAGE_INVISIBLETIME) {
      if (reply.code !== ResponseCode.SUCCESS || reply.ext['popTime'] === '0') return;
      const visibleAt = Number(reply.ext['popTime']) + Number(reply.ext['invisibleTime']);
      return attempt(() => this.#pops.changed(this.#broker.name, decodeAckMessage(asCommand(request)), visibleAt));
    }
    const isPull = PULLS.has(request.code);
    const isQuery = request.code === RequestCode.QUERY_CONSUMER_OFFSET;
    if (!isPull && !isQuery && !QUESTIONS.has(request.code)) return;
    const offset = numberIn(reply.ext[isPull ? 'nextBeginOffset' : 'offset']);
    const place = this.#place(request);
    if (place === undefined) return;
    const { group, queue } = place;
    if (request.fault !== undefined && LIES.has(request.fault.rule.action.type)) {
      this.#offsets.excuseQueue(group, queue, reply.at);
    }
    if (offset === undefined) return;
    if (isPull || isQuery) {
      this.#offsets.given(group, queue, offset, reply);
      if (isQuery || reply.code === ResponseCode.PULL_OFFSET_MOVED) this.#offsets.sentBack(group, queue, offset);
    } else if (request.clientId !== undefined) this.#offsets.told(request.clientId, queue, offset);
  }

  #checkOwner(kind: 'pullWithoutLock' | 'commitWithoutLock', request: RequestNote): void {
    const { clientId } = request;
    const place = clientId === undefined ? undefined : this.#place(request);
    if (clientId === undefined || place === undefined) return;
    const { locks } = this.#broker.master ?? this.#broker;
    const lock = locks.get(place.group, place.queue);
    if (lock === undefined || lock.clientId === clientId || locks.isExpired(lock)) return;
    // An operator's tool is no member, and does as it likes.
    if (!this.#isMember(place.group, clientId)) return;
    this.#locks.foreign(kind, { ...place, clientId, holder: lock.clientId }, request);
  }

  /** undefined when the request does not name one. */
  #place(request: RequestNote): Place | undefined {
    const { ext } = request;
    const { topic, consumerGroup: group = '' } = ext;
    const queueId = numberIn(ext['queueId']);
    if (topic === undefined || queueId === undefined) return undefined;
    return { group, queue: { topic, brokerName: this.#broker.name, queueId } };
  }

  #isMember(group: string, clientId: string): boolean {
    return this.#broker.members.group(group)?.clientIds().includes(clientId) ?? false;
  }
}

/** What a request asks to commit. */
function committedOffset({ code, ext }: JournalEntry): number | undefined {
  if (code === RequestCode.UPDATE_CONSUMER_OFFSET) return numberIn(ext['commitOffset']);
  if (!PULLS.has(code) || (Number(ext['sysFlag']) & PullSysFlag.COMMIT_OFFSET) === 0) return undefined;
  return numberIn(ext['commitOffset']);
}

function numberIn(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** What can't be read is the handler's to refuse, and nothing to judge. */
function attempt(judge: () => void): void {
  try {
    judge();
  } catch {
    // Malformed.
  }
}

/** The parts of a command its codec looks at. */
function asCommand({ code, ext, body, remark }: JournalEntry): RemotingCommand {
  return { code, extFields: ext, body, remark, flag: 0, opaque: 0, version: 0, language: 'JAVA', serializeType: 0 };
}
