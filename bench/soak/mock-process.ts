import { createInterface, type Interface } from 'node:readline';
import { lastLines, OwnedProcess } from '../../test/support/owned-process.js';
import { valueArguments, type ProgramRun } from '../harness/program.js';
import { requireNumbers } from '../harness/program-output.js';
import { soakProgram } from './own-program.js';

/** What the mock says of itself. */
export interface MockState {
  /** Resident memory in bytes. */
  readonly rss: number;
  /** How often its watchdogs saw a rule broken. */
  readonly violations: number;
}

const READY = 'READY ';
const USAGE = 'USAGE ';

/** The mock cluster of this folder, in a process of its own: its memory is nobody else's. */
export class SoakMock {
  readonly namesrvAddr: string;
  readonly #process: OwnedProcess;
  readonly #input: Interface;
  readonly #lines: AsyncIterator<string>;
  readonly #said: () => string;

  private constructor(
    namesrvAddr: string,
    owned: OwnedProcess,
    input: Interface,
    lines: AsyncIterator<string>,
    said: () => string,
  ) {
    this.namesrvAddr = namesrvAddr;
    this.#process = owned;
    this.#input = input;
    this.#lines = lines;
    this.#said = said;
  }

  static async start(values: ProgramRun['values']): Promise<SoakMock> {
    const program = soakProgram('mock');
    const owned = await OwnedProcess.spawn(program.command, [...program.args, ...valueArguments(values)]);
    let errors = '';
    owned.child.stderr.on('data', (chunk: Buffer) => {
      errors = lastLines(errors + chunk.toString());
    });
    const input = createInterface({ input: owned.child.stdout });
    const lines = input[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true || !first.value.startsWith(READY)) {
      await owned.kill();
      throw new Error(`the mock cluster did not start\n${errors}`);
    }
    return new SoakMock(first.value.slice(READY.length), owned, input, lines, () => errors);
  }

  /** What it wrote to its standard error last: violations, in words. */
  get said(): string {
    return this.#said();
  }

  async state(): Promise<MockState> {
    this.#process.child.stdin.write('usage\n');
    const line = await this.#lines.next();
    if (line.done === true || !line.value.startsWith(USAGE)) {
      throw new Error(`the mock cluster does not answer\n${this.said}`);
    }
    return requireNumbers(JSON.parse(line.value.slice(USAGE.length)) as object, ['rss', 'violations']);
  }

  async stop(): Promise<void> {
    this.#process.child.stdin.end();
    await this.#process.endedWithin(10_000);
    this.#input.close();
  }
}
