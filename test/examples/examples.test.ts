/** Every example, run as a newcomer runs it: real client, real server and sandbox, built-in demo model, no key. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { startDemoModel } from '../../demo/server.ts';
import type { DemoModel } from '../../demo/server.ts';
import { Environment } from '../support/environment.ts';
import { runProgram } from './run-program.ts';
import type { Outcome } from './run-program.ts';

const NOTICE = "I am Threadmill's built-in demo model, not an LLM.";

let demo: DemoModel;
let env: Environment;
beforeAll(async () => {
  demo = await startDemoModel({ tokensPerSecond: 300 });
  env = await Environment.start({ sandbox: true, config: { modelBaseUrl: demo.baseUrl } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await demo.close();
});

/** Runs an example, which has to end well and to print nothing unexpected on standard error. */
async function example(name: string, args: string[] = []): Promise<Outcome> {
  const server = { baseUrl: `${env.api.url}/v1`, apiKey: env.apiKey };
  const outcome = await runProgram(`examples/${name}`, server, args);
  expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: '' });
  return outcome;
}

/** A Python that loads the client on a busy computer takes its time. */
const PATIENCE = { timeout: 180_000 };

test.each(['math_tutor.py', 'math-tutor.ts'])(
  '%s shows the code as it is written, what it printed, and the answer',
  PATIENCE,
  async (name) => {
    const { stdout, pieces } = await example(name);
    const [question, code, output, answer] = stdout.split(
      /\n\nassistant > (?:code_interpreter\n\n)?|\n\noutput >\n/,
    );
    expect(question).toBe('user > I need to solve the equation `3x + 11 = 14`. Can you help me?');
    expect(code).toMatch(/^# Solve the equation 3x \+ 11 = 14 for x\nfrom fractions import /);
    expect(code).toMatch(/\n {4}print\("Solution: x =", solution\)\n/);
    expect(output).toMatch(/^In the form .*\nCheck, this has to be 0: 0\nSolution: x = 1$/);
    expect(answer).toBe(`Hello Jane Doe! The solution is x = 1.\n\n${NOTICE}\n`);
    expect(pieces, 'not all at the end').toBeGreaterThan(2);
  },
);

test.each(['function_calling.py', 'function-calling.ts'])(
  '%s answers both calls of the run and prints how it goes on with their outputs',
  PATIENCE,
  async (name) => {
    const { stdout } = await example(name);
    expect(stdout).toBe(
      [
        "user > What's the weather in San Francisco today, and how likely is it to rain?",
        '',
        'function > get_current_temperature {"location":"San Francisco","unit":"Celsius"} -> 14 °C',
        'function > get_rain_probability {"location":"San Francisco"} -> 6 %',
        '',
        'assistant > The current temperature in San Francisco (Celsius) is 14 °C.',
        'The rain probability in San Francisco is 6 %.',
        '',
        `${NOTICE}\n`,
      ].join('\n'),
    );
  },
);

test.each(['polling.py', 'polling.ts'])(
  '%s waits for two runs and reads their steps and messages',
  PATIENCE,
  async (name) => {
    const { stdout } = await example(name);
    expect(stdout.replace(/run_\w{24}/g, 'run_…').replace(/\d+ tokens/g, '… tokens')).toBe(
      [
        'run_… is completed and used … tokens',
        '  tool_calls: completed',
        '    | How many numbers: 5',
        '    | Answer: the mean is 10 and the median is 8.',
        '  message_creation: completed',
        'run_… is completed and used … tokens',
        '  tool_calls: completed',
        '    | Factors: 7 * 11 * 13',
        '    | Answer: 1001 is not a prime number.',
        '  message_creation: completed',
        '',
        'The thread now reads:',
        '',
        'user > What is the mean and the median of 3, 5, 8, 13 and 21?',
        '',
        `assistant > The mean is 10 and the median is 8.\n\n${NOTICE}`,
        '',
        'user > Is 1001 a prime number?',
        '',
        `assistant > 1001 is not a prime number.\n\n${NOTICE}\n`,
      ].join('\n'),
    );
  },
);

test.each(['variables.py', 'variables.ts'])(
  '%s finds in each run what the runs before left in the variables',
  PATIENCE,
  async (name) => {
    const { stdout } = await example(name);
    expect(stdout.split('\n').filter((line) => !line.startsWith('    | print'))).toEqual([
      'user > Let x = 21',
      '    | x = 21',
      '    > Result: x = 21',
      'user > Now multiply x by 2',
      '    | x = x * 2',
      '    > Result: x = 42',
      'user > What is x + 1?',
      '    | value = x + 1',
      '    > Result: x + 1 = 43',
      '',
    ]);
  },
);

test.each(['plot.py', 'plot.ts'])(
  '%s shows a figure and a text in one message, and downloads the figure',
  PATIENCE,
  async (name) => {
    const folder = await mkdtemp(join(tmpdir(), 'threadmill-example-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const target = join(folder, 'sine.png');
    const { stdout } = await example(name, [target]);
    expect(stdout).toContain(`The picture is in ${target}.\n`);
    expect(stdout).toContain(
      'The figure shows sin(x) for x from 0 to 2 pi; sin(x) lies between -1 and 1.',
    );
    const picture = await readFile(target);
    expect(picture.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    // IHDR: width and height.
    expect(picture.readUInt32BE(16)).toBeGreaterThan(300);
    expect(picture.readUInt32BE(20)).toBeGreaterThan(300);
  },
);

test.each(['file_search.py', 'file-search.ts'])(
  '%s finds the answer in one of two files, and cites it',
  PATIENCE,
  async (name) => {
    const { stdout } = await example(name);
    expect(stdout).toContain('The night train to Quill leaves at 22:40[1].');
    expect(stdout).toContain(NOTICE);
    expect(stdout).toMatch(/\n\[1\] trains\.txt\n$/);
  },
);

test.each(['csv_summary.py', 'csv-summary.ts'])(
  '%s downloads the CSV that the answer links, and it is right',
  PATIENCE,
  async (name) => {
    const { stdout } = await example(name);
    const link = 'sandbox:/mnt/data/sales_summary.csv';
    const [answer, csv] = stdout.split(`\n${link} holds:\n\n`);
    expect(answer).toContain(`[Download sales_summary.csv](${link})`);
    expect(answer).toContain(NOTICE);
    expect(csv).toBe('region,units,revenue\nNorth,43,1250.75\nSouth,14,760.75\nWest,1,350.0\n\n');
  },
);

test.each(['batch_tutor.py', 'batch-tutor.ts'])(
  '%s has exercises marked as a batch, and prints the feedback in their order',
  PATIENCE,
  async (name) => {
    const { stdout } = await example(name, ['4']);
    expect(stdout).toMatch(/^batch_\S+ has 4 exercises\n/);
    expect(stdout.split('completed: 4 of 4 marked\n')[1]).toBe(
      [
        '1. 3 * 4 + 5 = 17? Right, 3 * 4 is 12 and 3 * 4 + 5 is 17.',
        '2. 4 * 5 + 6 = 26? Right, 4 * 5 is 20 and 4 * 5 + 6 is 26.',
        '3. 5 * 6 + 7 = 37? Right, 5 * 6 is 30 and 5 * 6 + 7 is 37.',
        '4. 6 * 7 + 8 = 90? Wrong, 6 * 7 is 42 and 6 * 7 + 8 is 50.',
        '3 of 4 answers are right\n',
      ].join('\n'),
    );
  },
);
