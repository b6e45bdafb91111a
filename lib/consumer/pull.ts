import type { RemotingCommand } from '../protocol/command.js';
import type { SubscriptionData } from '../protocol/subscription.js';
import type { CallHandler } from '../remoting/call.js';
import type { FrameMemory } from '../remoting/receive-buffer.js';
import type { PullResult } from './pull-reader.js';

/** Hears how a pull ended. */
export interface PullOwner {
  pullAnswered(pull: Pull, command: RemotingCommand, memory: FrameMemory): void;
  pullFailed(pull: Pull, error: Error): void;
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
