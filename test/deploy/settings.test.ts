/** The table of settings: the page and the options that are made from it, and what a wrong value says. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { expect, test } from 'vitest';

import { HELP, readOptions } from '../../bin/serve/options.ts';
import { ConfigError, loadConfig, modelTarget } from '../../config/config.ts';
import type { Setting } from '../../config/settings.ts';
import { SETTINGS } from '../../config/settings.ts';
import { settingsPage } from '../../tools/settings-page.ts';
import { ROOT } from './compose-file.ts';

const settings = Object.values<Setting>(SETTINGS);

test('docs/settings.md is what npm run settings writes', async () => {
  expect(readFileSync(join(ROOT, 'docs/settings.md'), 'utf8')).toBe(await settingsPage());
});

test('npm start -- --help lists every option with its variable and its default', () => {
  expect(HELP).toContain(
    '--port <number>              Port of the API; 0 picks a free port (PORT, 8080)',
  );
  expect(HELP).toMatch(/--temporal-ui-port <number> .* \(8233\)$/m);
  const listed = [...HELP.matchAll(/^  (--.*?)  /gm)].map(([, option]) => option);
  const options = settings.flatMap(({ option }) => option ?? []);
  expect(listed).toEqual([...options, '--help']);
});

test('an option goes before its variable, and a blank text counts as unset', () => {
  const options = readOptions(['--port', '9000', '--data-dir', '/data', '--temporal-ui-port', '1']);
  expect(options).toMatchObject({ config: { port: 9000, dataDir: '/data' }, uiPortGiven: true });
  expect(loadConfig({ PORT: '1' }, { port: '2' }).port).toBe(2);
  expect(loadConfig({ PORT: ' ', MODEL_API_KEY: '', HOST: ' ::1 ' })).toMatchObject({
    port: 8080,
    modelApiKey: 'none',
    host: '::1',
  });
  expect(readOptions([])).toMatchObject({ uiPortGiven: false });
  expect(readOptions(['--help'])).toBeUndefined();
});

test('the former name of a setting goes on to work, and the present one goes before it', () => {
  expect(loadConfig({ FILE_QUOTA_BYTES: '5' }).quotaBytes).toBe(5);
  expect(loadConfig({ FILE_QUOTA_BYTES: '5', QUOTA_BYTES: '6' }).quotaBytes).toBe(6);
});

test('texts become numbers, sizes, truth values and addresses', () => {
  const { embeddingsDimensions, cellMemoryBytes, sandboxSpare, ...rest } = loadConfig({
    EMBEDDINGS_DIMENSIONS: '0',
    CELL_MEMORY_MB: '64',
    SANDBOX_SPARE: 'false',
    SANDBOX_URL: 'http://[::1]:8090',
    MODEL_BASE_URL: 'http://127.0.0.1:8000/v1/',
  });
  expect([embeddingsDimensions, cellMemoryBytes, sandboxSpare]).toEqual([null, 67_108_864, false]);
  expect(rest.sandboxUrl).toEqual({ host: '::1', port: 8090 });
  expect(rest.modelBaseUrl).toBe('http://127.0.0.1:8000/v1');
});

test.each([
  ['PORT', '65536', "PORT must be a whole number from 0 to 65535, but is '65536'."],
  ['MAX_TURNS', '1.5', "MAX_TURNS must be a whole number from 1 to 1000, but is '1.5'."],
  [
    'CELL_DISK_MB',
    '0',
    `CELL_DISK_MB must be a whole number from 1 to ${2 ** 53 - 1}, but is '0'.`,
  ],
  ['SANDBOX', 'vm', "SANDBOX must be one of auto, bubblewrap, pyodide, remote, none, but is 'vm'."],
  ['TEMPORAL_TLS', 'yes', "TEMPORAL_TLS must be one of true, false, but is 'yes'."],
  [
    'SANDBOX_URL',
    'http://host',
    'SANDBOX_URL must look like unix:/path/of/a/socket or http://host:port.',
  ],
  [
    'MODEL_BASE_URL',
    'host',
    'MODEL_BASE_URL must be an http or https URL such as http://127.0.0.1:8000/v1.',
  ],
  [
    'EMBEDDINGS_BASE_URL',
    'http://me:pw@host/v1',
    'EMBEDDINGS_BASE_URL must be a URL without user, password, query and fragment.',
  ],
])('%s refuses %s', (name, value, message) => {
  expect(() => loadConfig({ [name]: value })).toThrow(new ConfigError(message));
});

test.each(['DATABASE_URL', 'DATABASE_LISTEN_URL'])('%s is not shown when it is wrong', (name) => {
  expect(() => loadConfig({ [name]: 'mysql://me:hunter2@host/db' })).toThrow(
    new ConfigError(`${name} must look like postgres://user:password@host:5432/database.`),
  );
});

test('a file can hold a secret, but not another setting', () => {
  const file = fileWith('from a file\n');
  const config = loadConfig({ MODEL_API_KEY_FILE: file, LOG_LEVEL_FILE: file });
  expect([config.modelApiKey, config.logLevel]).toEqual(['from a file', 'info']);
  expect(() => loadConfig({ MODEL_API_KEY: 'a', MODEL_API_KEY_FILE: file })).toThrow(
    new ConfigError('Set MODEL_API_KEY or MODEL_API_KEY_FILE, not both.'),
  );
  expect(() => loadConfig({ MODEL_API_KEY_FILE: '/no/such/file' })).toThrow(
    /^MODEL_API_KEY_FILE \/no\/such\/file could not be read: ENOENT/,
  );
});

test('a file can hold the key of a server in the models file', () => {
  const models = [{ id: 'm', base_url: 'http://127.0.0.1:1/v1', api_key_env: 'KEY_OF_M' }];
  const config = loadConfig({ MODELS_FILE: fileWith(JSON.stringify({ models })) });
  const target = modelTarget(config, 'm', { KEY_OF_M_FILE: fileWith('key of m') });
  expect(target?.apiKey).toBe('key of m');
});

test('the password of the database can be apart from its URLs, and may have any letters', () => {
  const DATABASE_PASSWORD_FILE = fileWith('p@ss/w%41 ü:?#');
  const apart = loadConfig({
    DATABASE_URL: 'postgres://me@host:5432/db?sslmode=disable',
    DATABASE_LISTEN_URL: 'postgres://me:own@direct/db',
    DATABASE_PASSWORD_FILE,
  });
  expect(new Client(apart.databaseUrl).password).toBe('p@ss/w%41 ü:?#');
  expect(apart.databaseUrl).toMatch(/@host:5432\/db\?sslmode=disable$/);
  expect(apart.databaseListenUrl).toBe('postgres://me:own@direct/db');
});

test('keys, tokens, passwords and URLs of databases are secrets', () => {
  const page = readFileSync(join(ROOT, 'docs/settings.md'), 'utf8');
  const secrets = [...page.matchAll(/^\| `(\w+)` .*\| a secret /gm)].map(([, name]) => name);
  const wanted = settings.map(({ name }) => name);
  expect(secrets).toEqual(
    wanted.filter((name) => /_KEY$|_TOKEN$|_PASSWORD$|_HEADERS$|DATABASE.*_URL$/.test(name)),
  );
});

function fileWith(content: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'threadmill-settings-')), 'secret');
  writeFileSync(file, content);
  return file;
}
