import { copyFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import debug from 'debug';
import pLimit from 'p-limit';
import { OffsetStoreError } from '../../errors.js';
import { asObject, asSafeInteger, messageQueueMapField, stringifyMessageQueueMap } from '../../protocol/json-fields.js';
import { parseLenientJson } from '../../protocol/lenient-json.js';
import { messageQueueKey, type MessageQueue } from '../../protocol/message-queue.js';

const log = debug('rocketmq:offset-store');

/** How far one queue is consumed. */
export interface QueueOffset {
  readonly queue: MessageQueue;
  readonly offset: number;
}

/**
 * The file a broadcasting consumer keeps its offsets in, in the place and form of the reference, so that either client
 * goes on where the other stopped:
 *
 *     <dir>/<client id>/<group>/offsets.json    {"offsetTable":{MessageQueue:offset}}
 *     offsets.json.bak                          what it held before the last write
 *
 * The reference puts each queue as a bare object in the place of a key, and its version 5.5 reads nothing else; so does
 * this one. Standard JSON, with the object's text as the key, is read too.
 */
export class LocalOffsetFile {
  readonly path: string;
  readonly #backupPath: string;
  readonly #temporaryPath: string;
  /** Saves follow one another, as each begins with what the one before wrote. */
  readonly #turn = pLimit(1);

  constructor(storeDirectory: string, clientId: string, consumerGroup: string) {
    this.path = join(storeDirectory, clientId, consumerGroup, 'offsets.json');
    this.#backupPath = `${this.path}.bak`;
    this.#temporaryPath = `${this.path}.${process.pid}.tmp`;
  }

  /**
   * What is kept, from the backup when the file itself can't be read. Nothing when there is neither.
   *
   * @throws OffsetStoreError when there is something, and none of it can be read: beginning anew instead would skip or
   *   repeat messages, so a person has to decide that by deleting the files
   */
  async load(): Promise<QueueOffset[]> {
    let failure: unknown;
    for (const path of [this.path, this.#backupPath]) {
      try {
        const offsets = await readOffsets(path);
        if (offsets !== undefined) return offsets;
      } catch (error) {
        log('%s can not be read: %s', path, error);
        failure ??= error;
      }
    }
    if (failure === undefined) return [];
    throw new OffsetStoreError(
      `the offset file ${this.path} and its backup can't be read; repair them, or delete both to begin anew`,
      { path: this.path },
      failure,
    );
  }

  /**
   * Puts these offsets over those in the file; the others stay. The file is replaced as a whole, so that a crash leaves
   * the old or the new one.
   *
   * @throws OffsetStoreError when it can't be written; the file is then as it was
   */
  save(offsets: Iterable<QueueOffset>): Promise<void> {
    const changed = [...offsets];
    return this.#turn(async () => {
      try {
        await this.#replace(changed);
      } catch (cause) {
        if (cause instanceof OffsetStoreError) throw cause;
        await rm(this.#temporaryPath, { force: true }).catch((error: unknown) => log('left behind: %s', error));
        throw new OffsetStoreError(`the offset file ${this.path} can't be written`, { path: this.path }, cause);
      }
    });
  }

  /** Resolves when no {@link save} is under way. */
  async settled(): Promise<void> {
    await this.#turn(() => undefined);
  }

  async #replace(changed: readonly QueueOffset[]): Promise<void> {
    const merged = new Map((await this.load()).map((entry) => [messageQueueKey(entry.queue), entry]));
    for (const entry of changed) merged.set(messageQueueKey(entry.queue), entry);
    const table = stringifyMessageQueueMap([...merged.values()].map(({ queue, offset }) => [queue, offset] as const));

    await mkdir(dirname(this.path), { recursive: true });
    await writeDurably(this.#temporaryPath, `{"offsetTable":${table}}\n`);
    // A file that can't be read must not take the place of the backup that still can.
    if (await isReadable(this.path)) await copyFile(this.path, this.#backupPath);
    await rename(this.#temporaryPath, this.path);
  }
}

/** What a file holds, undefined when there is none. Throws when it can't be understood. */
async function readOffsets(path: string): Promise<QueueOffset[] | undefined> {
  const text = await readIfPresent(path);
  if (text === undefined) return undefined;
  const table = messageQueueMapField(asObject(parseLenientJson(text), 'the file'), 'offsetTable', asSafeInteger);
  return table.map(({ queue, value }) => ({ queue, offset: value }));
}

async function isReadable(path: string): Promise<boolean> {
  try {
    return (await readOffsets(path)) !== undefined;
  } catch {
    return false;
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Without the sync a power failure could leave the renamed file empty. */
async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
