import { createInterface } from 'node:readline';
import { lastLines, OwnedProcess } from '../../test/support/owned-process.js';
import { requireNumbers } from './program-output.js';
import { ownProgram, valueArguments } from './program.js';

/** What the process has used so far. */
export interface MockUsage {
  readonly cpuMs: number;
  /** Resident memory in bytes. */
  readonly rss: number;
}

const READY = 'READY ';
const USAGE = 'USAGE ';

/** The bundled mock cluster in a process of its own, so that its processor time is nobody else's. */
export class MockProcess {
  readonly namesrvAddr: string;
  readonly #process: OwnedProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(namesrvAddr: string, owned: OwnedProcess, lines: AsyncIterator<string>) {
    this.namesrvAddr = namesrvAddr;
    this.#process = owned;
    this.#lines = lines;
  }

  static async start(brokers: number): Promise<MockProcess> {
    const program = ownProgram('mock-cluster');
    const owned = await OwnedProcess.spawn(program.command, [...program.args, ...valueArguments({ brokers })]);
    let errors = '';
    owned.child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const lines = createInterface({ input: owned.child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true || !first.value.startsWith(READY)) {
      await owned.kill();
      throw new Error(`the mock cluster did not start\n${lastLines(errors)}`);
    }
    return new MockProcess(first.value.slice(READY.length), owned, lines);
  }

  async usage(): Promise<MockUsage> {
    this.#process.child.stdin.write('usage\n');
    const line = await this.#lines.next();
    if (line.done === true || !line.value.startsWith(USAGE)) throw new Error('the mock cluster does not answer');
    return requireNumbers(JSON.parse(line.value.slice(USAGE.length)) as object, ['cpuMs', 'rss']);
  }

  async stop(): Promise<void> {
    this.#process.child.stdin.end();
    await this.#process.endedWithin(10_000);
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
}
