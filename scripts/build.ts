import { chmod, cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.js';

/** `npm run build`: dist/ anew, from lib/ and mock-broker/, with types and source maps, and the console page as it is. */

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SHEBANG = '#!/usr/bin/env node\n';

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
}

await rm(join(ROOT, 'dist'), { recursive: true, force: true });
await runCommand(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: ROOT });
await cp(join(ROOT, 'mock-broker/console'), join(ROOT, 'dist/mock-broker/console'), { recursive: true });

const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
for (const [name, file] of Object.entries(manifest.bin)) {
  const path = join(ROOT, file);
  if (!(await readFile(path, 'utf8')).startsWith(SHEBANG))
    throw new Error(`${name} (${file}) does not start with ${SHEBANG}`);
  await chmod(path, 0o755);
}
