import { createRequire } from 'node:module';

/**
 * Consumes a topic whose second message needs a codec that is not installed, and prints what was seen. Run as a process
 * with the name of the package that is to be missing.
 */

const [, , missing] = process.argv;
interface Resolver {
  _resolveFilename(request: string, ...others: unknown[]): string;
}
const modules = createRequire(import.meta.url)('node:module') as Resolver;
const resolve = modules._resolveFilename;

const { CompressionType, withCompression } = await import('../../lib/protocol/sys-flag.js');
const { Rig } = await import('./rig.js');

modules._resolveFilename = function (request, ...others) {
  if (request === missing)
    throw Object.assign(new Error(`Cannot find package '${request}'`), { code: 'MODULE_NOT_FOUND' });
  return resolve.call(this, request, ...others);
};

const storedBody = Buffer.from('04224d186070730f0000006868656c6c6f2006005068656c6c6f00000000', 'hex');
const rig = await Rig.start({ topics: { T: { queues: 1 } } });
rig.produce('T', 0, 1);
rig.cluster.produce('T', { queueId: 0, body: '', storedBody, sysFlag: withCompression(0, CompressionType.LZ4) });
rig.produce('T', 0, 1);
const c = await rig.consume('T');
await rig.advanceUntil('it is said', () => c.errors.length > 0);
await rig.advance(10_000);
const [error] = c.errors;
const seen = {
  delivered: c.offsets(0),
  committed: rig.committed('T', 0),
  code: error?.code,
  message: error?.message,
  dead: rig.cluster.messages('%DLQ%group').length,
};
await rig.stop();
process.stdout.write(JSON.stringify(seen));
