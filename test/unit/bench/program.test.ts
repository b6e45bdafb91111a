import { expect } from 'chai';
import { runProgram } from '../../../bench/harness/program.js';
import { rejection } from '../../support/rejection.js';

describe('bench/program', () => {
  const node = (code: string) => ({ command: process.execPath, args: ['-e', code, '--'] });

  it('hands over its arguments and takes its last result', async () => {
    const done: number[] = [];
    const result = await runProgram({
      command: node(
        'console.log("starting"); console.log("PROGRESS {\\"done\\":5}"); console.log("RESULT {}");' +
          'process.stdout.write("RESULT " + JSON.stringify(process.argv.slice(1)).replace("[", "{\\"args\\":[") + "}")',
      ),
      values: { topic: 'T', messages: 7 },
      onProgress: (count) => done.push(count),
    });
    expect(result).to.deep.equal({ args: ['topic=T', 'messages=7'] });
    expect(done).to.deep.equal([5]);
  });

  it('says what a program wrote that failed, also when it had a result before', async () => {
    const code = 'console.log("RESULT {}"); console.error("no such topic"); process.exitCode = 3';
    const error = await rejection(runProgram({ command: node(code), values: { topic: 'T' } }), Error);
    expect(error.message).to.match(/topic=T\nended with code 3\nno such topic$/);
  });

  it('does not take silence for success', async () => {
    const error = await rejection(runProgram({ command: node('console.log("done")'), values: {} }), Error);
    expect(error.message).to.match(/ended without a result\ndone$/);
  });

  it('does not take for a result what is none', async () => {
    const error = await rejection(runProgram({ command: node('console.log("RESULT 5")'), values: {} }), Error);
    expect(error.message).to.include('wrote what is not understood');
    expect(error.cause).to.have.property('message', 'not understood: RESULT 5');
  });

  it('ends a program that does not end', async () => {
    const run = { command: node('setInterval(() => {}, 1000)'), values: {}, timeoutMs: 300 };
    const error = await rejection(runProgram(run), Error);
    expect(error.message).to.include('took more than 0.3 s and was killed');
  });
});
