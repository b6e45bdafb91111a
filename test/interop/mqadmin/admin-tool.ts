import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  arrayField,
  asObject,
  integerField,
  type JsonObject,
  parseJsonObject,
  textField,
} from '../../../lib/protocol/json-fields.js';
import type { OwnedProcess } from '../../support/owned-process.js';
import { commonJvmOptions, writeLogConfig } from '../../support/real-cluster-config.js';
import { prepareJava, startJava } from '../../support/rocketmq-java.js';
import { target } from '../support/target.js';

/** The reference's `mqadmin` 5.5.0, unchanged; all cases share one Java machine, see AdminDriver.java. */

const END = '@@END';
const COMMAND_TIMEOUT_MS = 30_000;

class AdminTool {
  readonly #process: OwnedProcess;
  #lines: string[] = [];
  #onEnd: (() => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(owned: OwnedProcess) {
    this.#process = owned;
    createInterface({ input: owned.child.stdout }).on('line', (line) => {
      if (line === END) this.#onEnd?.();
      else this.#lines.push(line);
    });
    createInterface({ input: owned.child.stderr }).on('line', (line) => this.#lines.push(line));
  }

  static async start(): Promise<AdminTool> {
    const { dir, namesrvAddr } = target();
    const home = join(dir, 'mqadmin');
    writeLogConfig(home);
    const owned = await startJava(await prepareJava('5.5.0'), {
      // Java compiles a single source file by itself.
      mainClass: join(import.meta.dirname, 'AdminDriver.java'),
      args: [],
      jvmOptions: [...commonJvmOptions(home, false), '-Xmx256m', `-Drocketmq.client.logRoot=${home}`],
      cwd: home,
      env: { ...process.env, ROCKETMQ_HOME: home },
    });
    const tool = new AdminTool(owned);
    // The first command loads the classes of all; on a busy machine that takes longer than it waits for an answer itself.
    await tool.run(['clusterList', '-n', namesrvAddr]);
    return tool;
  }

  /** What the command wrote. One at a time. @throws Error when it does not come to its end */
  run(words: readonly string[]): Promise<string> {
    const result = this.#turn.then(() => this.#execute(words));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #execute(words: readonly string[]): Promise<string> {
    this.#lines = [];
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (why: string): void =>
          reject(new Error(`mqadmin ${words.join(' ')} ${why}\n${this.#lines.join('\n')}`));
        timer = setTimeout(() => fail(`took more than ${COMMAND_TIMEOUT_MS} ms`), COMMAND_TIMEOUT_MS);
        this.#onEnd = resolve;
        void this.#process.exited.then(() => fail('ended the Java machine'));
        this.#process.child.stdin.write(`${words.join('\t')}\n`);
      });
    } finally {
      clearTimeout(timer);
    }
    return this.#lines.join('\n');
  }
}

let tool: Promise<AdminTool> | undefined;

/** Runs a command against the cluster of this run, and gives back what it wrote, its errors included. */
export async function mqadmin(command: string, ...args: string[]): Promise<string> {
  tool ??= AdminTool.start();
  return (await tool).run([command, '-n', target().namesrvAddr, ...args]);
}

/** The rows of a table by the names of its columns: `#Topic  #QID` and lines of values, two spaces or more between them. */
export function tableOf(output: string): Record<string, string>[] {
  const lines = output.split('\n');
  const start = lines.findIndex((line) => line.startsWith('#'));
  if (start < 0) throw new Error(`there is no table in\n${output}`);
  const names = (lines[start] ?? '')
    .split('#')
    .slice(1)
    .map((name) => name.trim());
  const rows: Record<string, string>[] = [];
  for (const line of lines.slice(start + 1)) {
    if (line.trim() === '') break;
    const cells = line.trimEnd().split(/\s{2,}/);
    rows.push(Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])));
  }
  return rows;
}

/** Lines of `name: value` or `name = value`, such as a configuration. */
export function settingsOf(output: string): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const line of output.split('\n')) {
    const match = /^([\w.]+(?: \w+)*)\s*[:=]\s+(.*)$/.exec(line);
    if (match?.[1] !== undefined) settings[match[1]] = (match[2] ?? '').trim();
  }
  return settings;
}

/** A topic's route as topicRoute shows it: the permission and numbers of queues by broker. */
export async function routeOf(
  topic: string,
): Promise<{ perms: Record<string, number>; queues: Record<string, readonly [number, number]> }> {
  const object = parseJsonObject(Buffer.from(await mqadmin('topicRoute', '-t', topic)));
  const datas = arrayField(object, 'queueDatas').map((data) => asObject(data, 'queueDatas'));
  datas.sort((a, b) => (textField(a, 'brokerName') < textField(b, 'brokerName') ? -1 : 1));
  const byBroker = <T>(read: (data: JsonObject) => T): Record<string, T> =>
    Object.fromEntries(datas.map((data) => [textField(data, 'brokerName'), read(data)]));
  return {
    perms: byBroker((data) => integerField(data, 'perm')),
    queues: byBroker((data) => [integerField(data, 'readQueueNums'), integerField(data, 'writeQueueNums')] as const),
  };
}
