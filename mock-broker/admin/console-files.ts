import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

/** The files of the console page, which lie beside this folder as they are, in the sources and in the package. */

const FOLDER = new URL('../console/', import.meta.url);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface ConsoleFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/** undefined when there is no such file. */
export async function readConsoleFile(path: string): Promise<ConsoleFile | undefined> {
  const name = path === '/' ? 'index.html' : path.slice(1);
  const type = TYPES[extname(name)];
  // Names the page has and no others: nothing that climbs out of the folder.
  if (type === undefined || !/^[a-z][a-z-]*(\/[a-z][a-z-]*)?\.[a-z]+$/.test(name)) return undefined;
  try {
    return { type, bytes: await readFile(new URL(name, FOLDER)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
