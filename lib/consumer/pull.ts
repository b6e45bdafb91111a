import type { MessageFormatError } from '../errors.js';
import type { RemotingCommand } from '../protocol/command.js';
import type { StoredMessage } from '../protocol/message.js';
import type { PullMessageReply } from '../protocol/requests/pull-message.js';
import type { SubscriptionData } from '../protocol/subscription.js';
import type { CallHandler } from '../remoting/call.js';
import type { FrameMemory } from '../remoting/receive-buffer.js';

/** Hears how a pull ended. */
export interface PullOwner {
  pullAnswered(pull: Pull, command: RemotingCommand, memory: FrameMemory): void;
  pullFailed(pull: Pull, error: Error): void;
}

/** What a pull brought. */
export interface PullResult {
  readonly reply: PullMessageReply;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  readonly messages: readonly StoredMessage[];
  /** Why what follows the messages can't be read. */
  readonly error: MessageFormatError | undefined;
}

/** One pull, from when it is sent until what it brought was taken. */
export class Pull implements CallHandler {
  readonly from: number;
  readonly subscription: SubscriptionData;
  /** By the monotonic clock. */
  readonly startedAt: number;
  readonly #owner: PullOwner;
  call: { abort(reason: unknown): void } | undefined;
  /** Undefined until it is answered; a promise while bodies are decompressed. */
  result: PullResult | Promise<PullResult> | undefined;

  constructor(owner: PullOwner, from: number, subscription: SubscriptionData, startedAt: number) {
    this.#owner = owner;
    this.from = from;
    this.subscription = subscription;
    this.startedAt = startedAt;
  }

  succeed(command: RemotingCommand, memory: FrameMemory): void {
    this.#owner.pullAnswered(this, command, memory);
  }

  fail(error: Error): void {
    this.#owner.pullFailed(this, error);
  }
}
