import { createInterface } from 'node:readline';
import { OwnedProcess } from '../../test/support/owned-process.js';
import { valueArguments, type PeerCommand, type ProgramRun } from './program.js';

/** When something arrived of each queue, and how long nothing did. */
export class Arrivals {
  readonly #lastAt = new Map<string, number>();
  readonly #longest = new Map<string, number>();

  arrived(queue: string, now: number): void {
    const before = this.#lastAt.get(queue);
    this.#lastAt.set(queue, now);
    if (before !== undefined) this.#longest.set(queue, Math.max(this.#longest.get(queue) ?? 0, now - before));
  }

  /** How many queues something has arrived of. */
  get queues(): number {
    return this.#lastAt.size;
  }

  /** The longest silence of any queue so far, in milliseconds, one that still lasts included. */
  longestSilence(now: number): number {
    let longest = 0;
    for (const [queue, lastAt] of this.#lastAt)
      longest = Math.max(longest, this.#longest.get(queue) ?? 0, now - lastAt);
    return longest;
  }

  /** Silences before this don't count. */
  startOver(): void {
    this.#longest.clear();
  }
}

/** A member of a group, in a process of its own, that says which queue each message came from. */
export class GroupMember {
  /** The queues it has got something of since it was asked last. */
  readonly got = new Set<string>();
  readonly #process: OwnedProcess;

  private constructor(owned: OwnedProcess, arrivals: Arrivals) {
    this.#process = owned;
    owned.child.stderr.resume();
    createInterface({ input: owned.child.stdout }).on('line', (line) => {
      const [word, brokerName, queueId] = line.split(' ');
      if (word !== 'GOT') return;
      const queue = `${brokerName}#${queueId}`;
      this.got.add(queue);
      arrivals.arrived(queue, performance.now());
    });
  }

  static async start(command: PeerCommand, values: ProgramRun['values'], arrivals: Arrivals): Promise<GroupMember> {
    const owned = await OwnedProcess.spawn(command.command, [...command.args, ...valueArguments(values)]);
    return new GroupMember(owned, arrivals);
  }

  /** Leaves in good order. */
  async leave(): Promise<void> {
    this.#process.child.stdin.end();
    if (!(await this.#process.endedWithin(30_000))) throw new Error('a member did not leave within 30 s');
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#process.kill();
  }
}
