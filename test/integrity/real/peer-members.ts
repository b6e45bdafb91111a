import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startJavaMember, javaTarget, type JavaEvent, type JavaMember } from '../../support/java-member.js';
import { OwnedProcess, run } from '../../support/owned-process.js';
import { cacheFolder, fillOnce } from '../../support/rocketmq-java.js';
import { until } from '../../support/until.js';
import { LogReader, type History } from './history.js';
import type { TestGroup } from './test-group.js';

/** A member of the group that is another client: nothing is known of it but its calls. */
export interface Peer {
  readonly name: string;
  /** Takes what it has told into the history. */
  update(): void;
  stop(): Promise<void>;
}

const GO_SOURCES = join(import.meta.dirname, 'go');
const START_TIMEOUT_MS = 60_000;

/** The reference client, with the calls it tells of. */
class JavaPeer implements Peer {
  readonly name = 'java';
  readonly #java: JavaMember;
  readonly #reader: LogReader;
  #seen = 0;

  constructor(java: JavaMember, history: History) {
    this.#java = java;
    this.#reader = new LogReader(this.name, '', history);
  }

  update(): void {
    const { events } = this.#java;
    for (; this.#seen < events.length; this.#seen++) {
      const line = lineOf(events[this.#seen] as JavaEvent);
      if (line !== undefined) this.#reader.line(line);
    }
  }

  stop(): Promise<void> {
    return this.#java.kill();
  }
}

/** As members of ours write it into their logs. */
function lineOf(event: JavaEvent): string | undefined {
  if (event.event !== 'MSG' && event.event !== 'END') return undefined;
  const { brokerName, queueId, queueOffset, at } = event;
  const [word, last] = event.event === 'MSG' ? ['begin', event.body] : ['end', 'done'];
  return [word, brokerName, queueId, queueOffset, at, last].join(' ');
}

export async function joinJava(group: TestGroup, waitMs: number): Promise<Peer> {
  const target = javaTarget(group.world.cluster.describe());
  const java = await startJavaMember(target, { group: group.name, topic: group.topic, delay: waitMs });
  return new JavaPeer(java, group.history);
}

/** The reference's Go client, v2.1.2. */
export async function joinGo(group: TestGroup, waitMs: number): Promise<Peer> {
  const program = await buildGo();
  const { namesrvAddr } = group.world.cluster;
  const owned = await OwnedProcess.spawn(
    program,
    [`namesrv=${namesrvAddr}`, `group=${group.name}`, `topic=${group.topic}`, `waitMs=${waitMs}`],
    { env: { ...process.env, ROCKETMQ_GO_LOG_LEVEL: 'error' } },
  );
  const reader = new LogReader('go', '', group.history);
  let ready = false;
  owned.child.stderr.resume();
  createInterface({ input: owned.child.stdout }).on('line', (line) => {
    ready ||= line === 'ready';
    reader.line(line);
  });
  await until('the Go member is ready', async () => ready || undefined, { timeoutMs: START_TIMEOUT_MS });
  return { name: 'go', update: () => undefined, stop: () => owned.kill() };
}

async function buildGo(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(join(GO_SOURCES, name)));
  const folder = join(cacheFolder(), 'go', `go-member-${hash.digest('hex').slice(0, 16)}`);
  const name = 'go-member';
  await fillOnce(folder, async (temporary) => {
    // -buildvcs=false: else it asks Git for a stamp, and fails where Git refuses the folder.
    const options = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-o', join(temporary, name), '.'];
    await run('go', ['build', ...options], { cwd: GO_SOURCES, timeoutMs: 600_000 });
  });
  return join(folder, name);
}
