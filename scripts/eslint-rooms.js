import { dirname, relative, resolve } from 'node:path';

/**
 * Which room may know which (docs/architecture.md). Each path of the left column may import from itself and from what
 * stands beside it; the longest path that fits a file counts. What is not listed may import anything.
 */
const GROUND = ['lib/errors.ts', 'lib/clock.ts', 'lib/enums.ts'];
const PLATFORM = [...GROUND, 'lib/validation.ts', 'lib/diagnostics.ts', 'lib/options.ts', 'lib/options'];

const ROOMS = {
  'lib/errors.ts': [],
  'lib/clock.ts': [],
  'lib/enums.ts': [],
  'lib/diagnostics.ts': GROUND,
  'lib/validation.ts': [...GROUND, 'lib/protocol'],
  'lib/options.ts': [...PLATFORM, 'lib/protocol', 'lib/remoting', 'lib/consumer/allocation'],
  'lib/options': [...PLATFORM, 'lib/protocol', 'lib/remoting', 'lib/consumer/allocation'],
  'lib/protocol': ['lib/errors.ts'],
  'lib/remoting': [...GROUND, 'lib/protocol'],
  'lib/routing': [...GROUND, 'lib/protocol', 'lib/remoting'],
  'lib/client': [...PLATFORM, 'lib/protocol', 'lib/remoting', 'lib/routing'],
  'lib/consumer/allocation': [...GROUND, 'lib/protocol'],
  'lib/consumer': [...PLATFORM, 'lib/protocol', 'lib/remoting', 'lib/routing', 'lib/client', 'lib/consumer/allocation'],
  'lib/producer': [...PLATFORM, 'lib/protocol', 'lib/remoting', 'lib/routing', 'lib/client'],
  lib: ['lib'],
  'mock-broker': ['lib/protocol', 'lib/errors.ts'],
  examples: ['lib/index.ts', 'mock-broker/index.ts'],
  'bench/programs': ['lib/index.ts', 'mock-broker/index.ts'],
  'bench/harness': ['lib/index.ts', 'bench/programs', 'test/support'],
  'bench/suites': ['bench/harness', 'bench/programs'],
  'bench/soak': ['lib/index.ts', 'mock-broker/index.ts', 'bench/harness', 'bench/programs', 'test/support'],
  'bench/micro': ['lib', 'bench/harness', 'bench/programs', 'test/support'],
  'bench/guard': ['bench/micro', 'bench/harness'],
  'bench/main.ts': ['bench/harness', 'bench/suites'],
};

const ROOT = resolve(import.meta.dirname, '..');

/** @param {string} file a path relative to the project's root */
function roomOf(file) {
  let found;
  for (const room of Object.keys(ROOMS)) {
    if ((file === room || file.startsWith(`${room}/`)) && (found === undefined || room.length > found.length))
      found = room;
  }
  return found;
}

const direction = {
  meta: {
    type: 'problem',
    docs: { description: 'imports go in the directions of docs/architecture.md' },
    schema: [],
    messages: { direction: '{{from}} may not know {{to}}' },
  },
  create(context) {
    const file = relative(ROOT, context.filename);
    const from = roomOf(file);
    if (from === undefined) return {};
    const check = (node) => {
      const source = node.source?.value;
      if (typeof source !== 'string' || !source.startsWith('.')) return;
      const target = relative(ROOT, resolve(dirname(context.filename), source)).replace(/\.js$/, '.ts');
      const to = roomOf(target);
      if (to === from) return;
      const allowed = ROOMS[from].some((room) => target === room || target.startsWith(`${room}/`));
      // A room's own part (lib/consumer/allocation) is not reached through the name of the whole.
      if (allowed) return;
      context.report({ node, messageId: 'direction', data: { from, to: to ?? target } });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

export default { rules: { direction } };
