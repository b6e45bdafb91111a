import { expect } from 'chai';
import fc from 'fast-check';
import {
  createRequest,
  encodeCommand,
  encodeHeader,
  SerializeType,
  type RemotingCommand,
} from '../../../lib/protocol/command.js';
import { OutputBuffer } from '../../../lib/remoting/output-buffer.js';

const anyCommand: fc.Arbitrary<RemotingCommand> = fc
  .record({
    extFields: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 400 })),
    body: fc.uint8Array({ maxLength: 9_000 }),
    binary: fc.boolean(),
  })
  .map(({ extFields, body, binary }) =>
    createRequest({ code: 11, extFields, body: Buffer.from(body) }, 7, {
      serializeType: binary ? SerializeType.ROCKETMQ : SerializeType.JSON,
    }),
  );

describe('OutputBuffer', () => {
  it('holds the frames one behind the other, as they are encoded singly', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyCommand, { maxLength: 6 }), { maxLength: 6 }), (turns) => {
        const output = new OutputBuffer();
        const taken = turns.map((commands) => {
          for (const command of commands) {
            output.appendHead(encodeHeader(command), command.body.length);
            output.appendBody(command.body);
          }
          expect(output.isEmpty).to.equal(commands.length === 0);
          return output.take();
        });
        // Compared at the end: what was taken must not be written over by what came later.
        turns.forEach((commands, i) => {
          expect(taken[i]?.equals(Buffer.concat(commands.map(encodeCommand))), `turn ${i}`).to.equal(true);
        });
      }),
    );
  });

  it('writes over what was taken only when told that it may, and never over what waits', () => {
    const output = new OutputBuffer();
    const frame = (code: number): Buffer => {
      const command = createRequest({ code }, 1);
      output.appendHead(encodeHeader(command), 0);
      return encodeCommand(command);
    };
    const first = frame(1);
    const taken = output.take();
    frame(2);
    output.reuse();
    expect(taken.equals(first), 'something waits: nothing is written over').to.equal(true);
    output.take();
    output.reuse();
    const third = frame(3);
    const again = output.take();
    expect(again.equals(third)).to.equal(true);
    expect([again.buffer, again.byteOffset]).to.deep.equal([taken.buffer, taken.byteOffset]);
  });

  it('does not keep what was needed for one large frame', () => {
    const output = new OutputBuffer();
    const command = createRequest({ code: 10, body: Buffer.alloc(100_000, 1) }, 1);
    output.appendHead(encodeHeader(command), command.body.length);
    output.appendBody(command.body);
    const large = output.take().buffer;
    output.reuse();
    output.appendHead(encodeHeader(createRequest({ code: 11 }, 2)), 0);
    expect(output.take().buffer).not.to.equal(large);
  });

  it('leaves the body to the caller when told so, and counts it', () => {
    const output = new OutputBuffer();
    const command = createRequest({ code: 10, body: Buffer.alloc(100_000, 1) }, 1);
    output.appendHead(encodeHeader(command), command.body.length);
    expect(Buffer.concat([output.take(), command.body]).equals(encodeCommand(command))).to.equal(true);
    expect(output.isEmpty).to.equal(true);
  });
});
