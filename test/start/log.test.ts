/** What a process logs: keys, passwords and connection strings are cut out, wherever they stand. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const LOG = fileURLToPath(new URL('../../config/log.ts', import.meta.url));

/** The lines that a process of its own prints. */
async function logged(statements: string): Promise<string> {
  const script = `import { createLogger } from ${JSON.stringify(LOG)};
    const log = createLogger({ logLevel: 'info' });
    ${statements}`;
  const args = ['--input-type=module', '-e', script];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

test('fields that hold secrets are cut out, at the top and below it', async () => {
  const secrets = { authorization: 'Bearer hush', apiKey: 'hush', password: 'hush' };
  const settings = {
    modelApiKey: 'hush',
    sandboxToken: 'hush',
    databaseUrl: 'postgres://a:hush@b/c',
  };
  const below = { ...secrets, ...settings, api_key: 'hush' };
  const { password: _, ...top } = secrets;
  const text = await logged(`log.info(${JSON.stringify({ ...top, config: below })}, 'Started');`);
  const line = JSON.parse(text) as Record<string, unknown>;
  expect(line).toMatchObject({ msg: 'Started', apiKey: '[redacted]' });
  expect(Object.keys(line['config'] as object)).toEqual(Object.keys(below));
  expect(text).not.toContain('hush');
});

test('an error that quotes a key or a connection string is told without it', async () => {
  const text = await logged(`
    const cause = new Error('no answer from postgres://me:hush@db:5432/threadmill');
    log.error({ err: new Error('refused sk-hush-1234567890 of http://me:hush@model/v1', { cause }) }, 'Failed');`);
  const { err } = JSON.parse(text) as { err: Record<string, string> };
  expect(err['message']).toBe('refused sk-*** of http://me:***@model/v1');
  expect(err['cause']).toContain('postgres://me:***@db:5432/threadmill');
  expect(text).not.toContain('hush');
});
