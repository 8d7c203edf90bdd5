/** Tables on the terminal, and the raw figures with everything needed to judge them in bench/results. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Connection } from '@temporalio/client';

import type { Usage } from './cpu.ts';
import type { Stack } from './stack.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = ['@temporalio/client', '@temporalio/worker', 'express', 'openai', 'pg', 'pino'];
const SETTINGS = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'shared_buffers',
  'wal_level',
];

/** Says what is going on; tables are printed at the end. */
export function progress(line: string): void {
  console.log(`  ${new Date().toISOString().slice(11, 19)} ${line}`);
}

export function printTable(title: string, header: string[], rows: (string | number)[][]): void {
  const cells = [header, ...rows].map((row) => row.map((cell) => String(cell)));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  console.log(`\n${title}\n\n${[line(cells[0]!), rule, ...cells.slice(1).map(line)].join('\n')}`);
}

export function fixed(value: number, digits = 1): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}

/** CPU milliseconds per run of each part, then what else was going on. */
export function usageRow(name: string, usage: Usage, runs: number): string[] {
  return [
    name,
    ...Object.values(usage.parts).map((ms) => fixed(ms / runs)),
    fixed(usage.foreignCores, 2),
    fixed(usage.stolenCores, 2),
  ];
}

const HARNESS_MOST = 0.25;

/** The share of fake model and driver in all CPU that was used. Above a quarter they distort the result. */
export function harnessCell(usage: Usage): string {
  const share = harnessShare(usage);
  return `${fixed(share * 100, 0)} %${share > HARNESS_MOST ? ' (does not count)' : ''}`;
}

function harnessShare({ parts }: Usage): number {
  const all = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  return ((parts['fake model'] ?? 0) + (parts['driver'] ?? 0)) / all;
}

/** Writes bench/results/<name>-<date>.json and says where. */
export async function writeResult(name: string, stack: Stack | undefined, result: object) {
  const date = new Date().toISOString().slice(0, 16).replace(':', '');
  const path = join(ROOT, 'bench/results', `${name}-${date}.json`);
  await mkdir(join(path, '..'), { recursive: true });
  const artifact = {
    name,
    date: new Date().toISOString(),
    ...(await environment(stack)),
    ...result,
  };
  await writeFile(path, `${JSON.stringify(artifact, null, 1)}\n`);
  console.log(`\nRaw figures: ${path}`);
}

async function environment(stack: Stack | undefined): Promise<object> {
  return {
    revision: await revision(),
    node: process.version,
    packages: Object.fromEntries(
      await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)] as const)),
    ),
    computer: {
      cpu: cpus()[0]?.model ?? '',
      cores: cpus().length,
      memoryMb: Math.round(totalmem() / 2 ** 20),
      kernel: release(),
    },
    ...(stack === undefined
      ? {}
      : { postgres: await postgresSettings(stack), temporal: await temporalServer(stack) }),
  };
}

/** @throws when the durability that the figures are about is turned off */
export async function postgresSettings({ pool }: Stack): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings where name = any($1)',
    [SETTINGS],
  );
  const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  if (settings['fsync'] !== 'on' || settings['synchronous_commit'] !== 'on') {
    throw new Error('fsync and synchronous_commit must be on.');
  }
  return settings;
}

async function temporalServer({ temporalAddress }: Stack): Promise<object> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    return {
      serverVersion,
      persistence: 'start-dev, SQLite file, journal_mode=wal, synchronous=normal, 1 history shard',
    };
  } finally {
    await connection.close();
  }
}

async function revision(): Promise<string> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: ROOT })).stdout.trim();
  try {
    const changed = await git('status', '--porcelain');
    return `${await git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}

async function versionOf(name: string): Promise<string> {
  const text = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
