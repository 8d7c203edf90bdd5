import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';

import { loadConfig } from '../../config/config.ts';
import { commandFor } from '../../embedded/temporal/launch.ts';
import { SEARCH_ATTRIBUTE_TYPES } from '../../temporal/search-attributes.ts';
import { GRACE_MS } from '../../sandboxd/server.ts';
import { SHUTDOWN_FORCE } from '../../worker/polling.ts';
import type { Service } from './compose-file.ts';
import { OURS, readCompose, ROOT, SECRETS, variables, withSecretsIn } from './compose-file.ts';

const services = readCompose();
const folder = mkdtempSync(join(tmpdir(), 'threadmill-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As its process sees it. */
const configOf = (service: Service | undefined) =>
  loadConfig(withSecretsIn(folder, service?.environment));
const entries = Object.entries(services);
const setup = readFileSync(join(ROOT, 'deploy/temporal/setup.sh'), 'utf8');

test.each(OURS)('passes to %s every variable that it reads, and no other', (name) => {
  const passed = Object.keys(readCompose(allSet())[name]!.environment ?? {}).map((variable) =>
    variable.replace(/_FILE$/, (suffix) => (variable === 'MODELS_FILE' ? suffix : '')),
  );
  // The image itself sets the directory of its workflow bundle.
  const read = variables(name).filter((variable) => variable !== 'THREADMILL_CACHE_DIR');
  expect(passed.toSorted()).toEqual(read.toSorted());
});

test('gives the API and the worker a configuration they accept', () => {
  for (const name of ['api', 'worker'] as const) {
    const config = configOf(services[name]);
    expect(config.databaseUrl).toBe(
      'postgres://threadmill_app:app-secret@postgres:5432/threadmill',
    );
    expect(config.temporalAddress).toBe('temporal:7233');
  }
  const { host, port } = configOf(services.api);
  expect({ host, port }).toEqual({ host: '0.0.0.0', port: 8080 });
});

test('gives both processes of one deployment the same queue, namespace and turn limit', () => {
  const given = { TEMPORAL_NAMESPACE: 'n', MAX_TURNS: '7' };
  const { api, worker } = readCompose({ ...given, TEMPORAL_TASK_QUEUE: 'q' });
  for (const service of [api, worker]) {
    expect(configOf(service)).toMatchObject({
      temporalNamespace: 'n',
      taskQueue: 'q',
      maxTurns: 7,
    });
  }
});

test('gives each service the files of its own secrets, and no secret as a value', () => {
  const files = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as {
    secrets: Record<string, { file: string }>;
  };
  expect(Object.keys(files.secrets)).toEqual(Object.keys(SECRETS));
  for (const [name, { environment = {}, entrypoint = [], secrets = [] }] of entries) {
    const text = JSON.stringify([environment, entrypoint]);
    const named = [...text.matchAll(/\/run\/secrets\/(\w+)/g)].map(([, secret]) => secret);
    expect(new Set(named), name).toEqual(new Set(secrets));
    const values = Object.keys(environment).filter((key) => /(PASSWORD|PWD|_KEY)$/.test(key));
    expect(values, name).toEqual([]);
  }
  const knows = (secret: string) =>
    entries.flatMap(([name, { secrets = [] }]) => (secrets.includes(secret) ? [name] : []));
  expect(knows('postgres_password')).toEqual(['postgres', 'temporal-role', 'migrate']);
  expect(knows('database_password')).toEqual(['migrate', 'api', 'worker']);
  expect(knows('model_api_key')).toEqual(['api', 'worker']);
  const temporals = ['temporal-role', 'temporal-schema', 'temporal'];
  expect(knows('temporal_database_password')).toEqual(temporals);
});

test('makes secrets once, keeps them from other users, and takes those of an older .env', () => {
  const checkout = mkdtempSync(join(folder, 'checkout-'));
  mkdirSync(join(checkout, 'deploy'));
  copyFileSync(join(ROOT, 'deploy/make-secrets.sh'), join(checkout, 'deploy/make-secrets.sh'));
  writeFileSync(
    join(checkout, '.env'),
    'POSTGRES_PASSWORD=from-env\nMODEL_API_KEY="sk-a/b=c"\nLOG_LEVEL=warn\n',
  );
  const make = () => {
    execFileSync('sh', [join(checkout, 'deploy/make-secrets.sh')]);
    return Object.fromEntries(
      Object.keys(SECRETS).map((name) => [
        name,
        readFileSync(join(checkout, 'secrets', name), 'utf8').trim(),
      ]),
    );
  };
  const made = make();
  expect(made).toEqual({
    postgres_password: 'from-env',
    database_password: expect.stringMatching(/^[0-9a-f]{48}$/) as string,
    temporal_database_password: expect.stringMatching(/^[0-9a-f]{48}$/) as string,
    model_api_key: 'sk-a/b=c',
    embeddings_api_key: '',
  });
  expect(made.database_password).not.toBe(made.temporal_database_password);
  expect(make()).toEqual(made);
  expect(statSync(join(checkout, 'secrets')).mode & 0o777).toBe(0o700);
});

test('publishes only the proxy to other computers', () => {
  const published = entries.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
  expect(published).toEqual([
    ['temporal', '127.0.0.1:7233:7233'],
    ['temporal-ui', '127.0.0.1:8233:8080'],
    ['api', '127.0.0.1:8080:8080'],
    ['proxy', '80:80'],
    ['proxy', '443:443'],
  ]);
});

test('pins every image to an exact version, ours to that of package.json', () => {
  const { version } = readJson('package.json') as { version: string };
  for (const [name, { image, build }] of entries) {
    if (build !== undefined) {
      expect(image).toBe(
        `${build.target === 'app' ? 'threadmill' : `threadmill-${name}`}:${version}`,
      );
    } else expect(image, name).toMatch(/^[\w./-]+:\d+\.\d+(\.\d+)?(-bookworm)?$/);
  }
  expect(services['temporal-schema']!.image.split(':')[1]).toBe(
    services.temporal!.image.split(':')[1],
  );
});

test('runs and mounts only files that exist', () => {
  const files = entries.flatMap(([, { command = [], healthcheck, volumes = [] }]) => [
    ...[command, healthcheck?.test.slice(1) ?? []].flatMap(([program, file]) =>
      program === 'node' ? [file ?? ''] : [],
    ),
    ...volumes.filter((volume) => volume.startsWith('./')).map((volume) => volume.split(':')[0]!),
  ]);
  expect(files).toContain('worker/main.ts');
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test('checks the health of whatever keeps running, and repeats whatever runs once', () => {
  const once = new Set(['temporal-role', 'temporal-schema', 'temporal-namespace', 'migrate']);
  for (const [name, { healthcheck, restart }] of entries) {
    expect(healthcheck !== undefined, name).toBe(!once.has(name));
    expect(restart, name).toBe(once.has(name) ? 'on-failure:5' : 'unless-stopped');
  }
});

test('waits for each part in a way that the part can satisfy', () => {
  for (const [name, { depends_on = {} }] of entries) {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      const expected =
        services[other]!.healthcheck === undefined
          ? 'service_completed_successfully'
          : 'service_healthy';
      expect(condition, `${name} on ${other}`).toBe(expected);
    }
  }
  for (const name of ['api', 'worker']) {
    expect(Object.keys(services[name]!.depends_on ?? {})).toEqual([
      'migrate',
      'temporal-namespace',
    ]);
  }
});

test('lets workers multiply: no name, no port and no volume of their own', () => {
  const { worker } = services;
  expect(worker).not.toHaveProperty('container_name');
  expect(worker).not.toHaveProperty('ports');
  expect(worker!.volumes).toEqual(['sandbox-socket:/run/threadmill:ro']);
});

test('runs code only in a container without network, secrets and files, over a socket that workers share', () => {
  const { sandboxd, worker } = services;
  expect(sandboxd).toMatchObject({ network_mode: 'none', read_only: true, cap_drop: ['ALL'] });
  expect(sandboxd).not.toHaveProperty('ports');
  expect(sandboxd!.volumes).toEqual(['sandbox-socket:/run/threadmill']);
  const names = Object.keys(readCompose(allSet())['sandboxd']!.environment ?? {});
  expect(names.filter((name) => /DATABASE|MODEL|TEMPORAL|KEY/.test(name))).toEqual([]);
  const { sandbox, sandboxdListen } = configOf(sandboxd);
  expect(sandbox).toBe('auto');
  expect(configOf(worker)).toMatchObject({
    sandbox: 'remote',
    sandboxUrl: sandboxdListen,
  });
});

test('gives sandboxd more time to stop than it gives to the cells under way', () => {
  expect(seconds(services.sandboxd!.stop_grace_period) * 1_000).toBeGreaterThan(GRACE_MS);
});

test('gives every session of sandboxd its processes', () => {
  const limits = readCompose({ SANDBOXD_MEMORY: '16g' })['sandboxd'];
  expect(limits).toMatchObject({ mem_limit: '16g', pids_limit: 4096 });
});

test('gives a stopping worker more time than it takes to hand its runs over', () => {
  expect(seconds(services.worker!.stop_grace_period)).toBeGreaterThan(seconds(SHUTDOWN_FORCE));
});

test('collects dead processes and opens for the sandbox only what it needs', () => {
  for (const name of OURS) {
    expect(services[name]).toMatchObject({ init: true, read_only: true, cap_drop: ['ALL'] });
    expect(services[name]).not.toHaveProperty('privileged');
  }
  for (const name of ['migrate', 'api', 'worker']) {
    expect(services[name]!.security_opt).toEqual(['no-new-privileges=true']);
  }
  expect(services.sandboxd!.security_opt).toEqual([
    'no-new-privileges=true',
    'seccomp=unconfined',
    'apparmor=unconfined',
    'systempaths=unconfined',
  ]);
});

test("gives Temporal the development server's dynamic settings", () => {
  const file = readFileSync(join(ROOT, 'deploy/temporal/dynamic-config.yaml'), 'utf8');
  const settings = Object.entries(parse(file) as Record<string, { value: unknown }[]>);
  expect(settings.map(([key, [only]]) => `${key}=${JSON.stringify(only?.value)}`)).toEqual(
    developmentSettings(),
  );
  const target = services.temporal!.environment?.DYNAMIC_CONFIG_FILE_PATH;
  expect(services.temporal!.volumes).toEqual([
    `./deploy/temporal/dynamic-config.yaml:${target}:ro`,
  ]);
});

test('registers the search attributes that runs carry', () => {
  const names = /^ATTRIBUTES='([^']*)'$/m.exec(setup)?.[1]?.split(' ');
  expect(names).toEqual(Object.keys(SEARCH_ATTRIBUTE_TYPES));
  expect(new Set(Object.values(SEARCH_ATTRIBUTE_TYPES))).toEqual(new Set(['Keyword']));
  expect(setup).toContain('--type Keyword');
});

test.each(['sh', 'bash'])('has a set-up script that %s can read', (shell) => {
  execFileSync(shell, ['-n', 'deploy/temporal/setup.sh'], { cwd: ROOT });
});

test('calls the set-up script with steps it knows', () => {
  for (const name of ['temporal-schema', 'temporal-namespace']) {
    const [step = ''] = services[name]!.command ?? [];
    expect(services[name]!.entrypoint?.[1]).toBe('/setup.sh');
    expect(setup).toMatch(new RegExp(`^${step}\\(\\) \\{$`, 'm'));
  }
});

/** A value for every variable of the table. */
function allSet(): Record<string, string> {
  return Object.fromEntries(variables().map((name) => [name, 'set']));
}

/** `key=value`, as the development server gets them. */
function developmentSettings(): string[] {
  const command = commandFor(
    {
      program: { path: 'temporal', version: '0', server: '0' },
      directory: '',
      options: { dataDir: '', searchAttributes: {} },
    },
    { port: 1, uiPort: undefined },
  );
  return command.filter((_word, at) => command[at - 1] === '--dynamic-config-value');
}

function seconds(duration: string | undefined): number {
  return Number(/^(\d+)s$/.exec(duration ?? '')?.[1]);
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
}
