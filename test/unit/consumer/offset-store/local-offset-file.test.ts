import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { LocalOffsetFile } from '../../../../lib/consumer/offset-store/local-offset-file.js';
import { OffsetStoreError } from '../../../../lib/errors.js';
import type { MessageQueue } from '../../../../lib/protocol/message-queue.js';

const CLIENT_ID = '10.0.0.1@DEFAULT';
const GROUP = 'orders';

function queue(queueId: number, topic = 'T1'): MessageQueue {
  return { topic, brokerName: 'broker-a', queueId };
}

/** As the reference writes it: objects in the place of keys. */
const OF_THE_REFERENCE =
  '{\n\t"offsetTable":{{\n\t\t\t"brokerName":"broker-a",\n\t\t\t"queueId":0,\n\t\t\t"topic":"T1"\n\t\t}:7,{\n\t\t\t' +
  '"brokerName":"broker-a",\n\t\t\t"queueId":1,\n\t\t\t"topic":"T1"\n\t\t}:9007199254740991\n\t}\n}';

describe('LocalOffsetFile', () => {
  let directory: string;
  let file: LocalOffsetFile;
  let backup: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'offsets-'));
    file = new LocalOffsetFile(directory, CLIENT_ID, GROUP);
    backup = `${file.path}.bak`;
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function put(path: string, content: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }

  async function failure(promise: Promise<unknown>): Promise<unknown> {
    try {
      await promise;
    } catch (error) {
      return error;
    }
    throw new Error('did not fail');
  }

  it("lies where the reference's lies", () => {
    expect(file.path).to.equal(join(directory, CLIENT_ID, GROUP, 'offsets.json'));
  });

  it('holds nothing before anything was saved', async () => {
    expect(await file.load()).to.deep.equal([]);
  });

  it('loads what was saved', async () => {
    const offsets = [
      { queue: queue(0), offset: 5 },
      { queue: queue(1), offset: Number.MAX_SAFE_INTEGER },
    ];
    await file.save(offsets);
    expect(await new LocalOffsetFile(directory, CLIENT_ID, GROUP).load()).to.have.deep.members(offsets);
  });

  it('puts what is saved over what is there', async () => {
    await file.save([
      { queue: queue(0), offset: 5 },
      { queue: queue(1), offset: 6 },
    ]);
    await file.save([
      { queue: queue(1), offset: 2 },
      { queue: queue(0, 'T2'), offset: 1 },
    ]);
    expect(await file.load()).to.have.deep.members([
      { queue: queue(0), offset: 5 },
      { queue: queue(1), offset: 2 },
      { queue: queue(0, 'T2'), offset: 1 },
    ]);
  });

  it('reads what the reference wrote, and goes on from it', async () => {
    await put(file.path, OF_THE_REFERENCE);
    const known = [
      { queue: queue(0), offset: 7 },
      { queue: queue(1), offset: Number.MAX_SAFE_INTEGER },
    ];
    expect(await file.load()).to.have.deep.members(known);
    await file.save([{ queue: queue(0), offset: 8 }]);
    expect(await file.load()).to.have.deep.members([{ queue: queue(0), offset: 8 }, known[1]]);
    expect(await readFile(backup, 'utf8')).to.equal(OF_THE_REFERENCE);
  });

  it('writes the form every version of the reference reads', async () => {
    await file.save([{ queue: queue(3), offset: 4 }]);
    const text = await readFile(file.path, 'utf8');
    expect(text).to.equal('{"offsetTable":{{"brokerName":"broker-a","queueId":3,"topic":"T1"}:4}}\n');
  });

  it('keeps what was there before as the backup', async () => {
    await file.save([{ queue: queue(0), offset: 1 }]);
    const first = await readFile(file.path, 'utf8');
    await file.save([{ queue: queue(0), offset: 2 }]);
    expect(await readFile(backup, 'utf8')).to.equal(first);
  });

  it('leaves nothing else behind', async () => {
    await file.save([{ queue: queue(0), offset: 1 }]);
    await file.save([{ queue: queue(0), offset: 2 }]);
    expect(await readdir(dirname(file.path))).to.have.members(['offsets.json', 'offsets.json.bak']);
  });

  it('saves in the order of the calls', async () => {
    const saves = Array.from({ length: 20 }, (_, offset) => file.save([{ queue: queue(offset % 3), offset }]));
    await Promise.all(saves);
    expect(await file.load()).to.have.deep.members([
      { queue: queue(0), offset: 18 },
      { queue: queue(1), offset: 19 },
      { queue: queue(2), offset: 17 },
    ]);
  });

  it('takes the list as it was when called', async () => {
    const offsets = [{ queue: queue(0), offset: 1 }];
    const saving = file.save(offsets);
    offsets.pop();
    await saving;
    expect(await file.load()).to.have.lengthOf(1);
  });

  describe('when the file can not be read', () => {
    const broken: Record<string, string> = {
      'is cut off': OF_THE_REFERENCE.slice(0, 60),
      'is empty': '',
      'is no object': '[]',
      'has keys that are no queues': '{"offsetTable":{"T1":5}}',
      'has an offset that is none': '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:"5"}}',
      'has an offset past 2^53': '{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:9007199254740993}}',
    };
    for (const [what, content] of Object.entries(broken)) {
      it(`falls back to the backup: it ${what}`, async () => {
        await put(file.path, content);
        await put(backup, OF_THE_REFERENCE);
        expect(await file.load()).to.have.lengthOf(2);
      });
    }

    it('falls back to the backup: it is missing', async () => {
      await put(backup, OF_THE_REFERENCE);
      expect(await file.load()).to.have.lengthOf(2);
    });

    it('does not replace the good backup by it', async () => {
      await put(file.path, 'broken');
      await put(backup, OF_THE_REFERENCE);
      await file.save([{ queue: queue(0), offset: 8 }]);
      expect(await readFile(backup, 'utf8')).to.equal(OF_THE_REFERENCE);
      expect(await file.load()).to.have.deep.members([
        { queue: queue(0), offset: 8 },
        { queue: queue(1), offset: Number.MAX_SAFE_INTEGER },
      ]);
    });

    it('fails when the backup is broken too, or missing', async () => {
      await put(file.path, 'broken');
      for (const prepare of [() => Promise.resolve(), () => put(backup, 'broken too')]) {
        await prepare();
        const error = await failure(file.load());
        expect(error).to.be.instanceOf(OffsetStoreError).with.property('code', 'ERR_ROCKETMQ_OFFSET_STORE');
        expect((error as OffsetStoreError).context.path).to.equal(file.path);
        expect((error as OffsetStoreError).cause).to.be.instanceOf(Error);
      }
    });

    it('fails when there is only a broken backup', async () => {
      await put(backup, 'broken');
      expect(await failure(file.load())).to.be.instanceOf(OffsetStoreError);
    });

    it('saves nothing over it then', async () => {
      await put(file.path, 'broken');
      expect(await failure(file.save([{ queue: queue(0), offset: 1 }]))).to.be.instanceOf(OffsetStoreError);
      expect(await readFile(file.path, 'utf8')).to.equal('broken');
    });
  });

  describe('when it can not be written', () => {
    it('fails, and works again afterwards', async () => {
      // A file stands where a directory is needed.
      await writeFile(join(directory, CLIENT_ID), '');
      const error = await failure(file.save([{ queue: queue(0), offset: 1 }]));
      expect(error).to.be.instanceOf(OffsetStoreError);
      await rm(join(directory, CLIENT_ID));
      await file.save([{ queue: queue(0), offset: 2 }]);
      expect(await file.load()).to.deep.equal([{ queue: queue(0), offset: 2 }]);
    });

    it('leaves the file as it was, and no temporary one', async () => {
      await file.save([{ queue: queue(0), offset: 1 }]);
      // A directory stands where the backup is written.
      await mkdir(backup);
      expect(await failure(file.save([{ queue: queue(0), offset: 2 }]))).to.be.instanceOf(OffsetStoreError);
      expect(await file.load()).to.deep.equal([{ queue: queue(0), offset: 1 }]);
      expect(await readdir(dirname(file.path))).to.have.members(['offsets.json', 'offsets.json.bak']);
    });
  });
});
