/** The alerts and the dashboard in a real Prometheus that scrapes the real servers. Grafana itself is not at hand. */
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { freePort } from '../../embedded/ports.ts';
import type { MetricsServer } from '../../telemetry/exposition.ts';
import { serveMetrics } from '../../telemetry/exposition.ts';
import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { status, text, toolCalls } from '../support/fake-model.ts';
import { parseMetrics } from '../support/metrics.ts';
import { CODE, setUp } from '../support/runs.ts';
import { indexedStore } from '../support/searching.ts';
import { settled, upload } from '../support/stores.ts';
import { ROOT } from './compose-file.ts';

type Rule = { alert: string; expr: string; for?: string };
type Rules = { groups: { name: string; rules: Rule[] }[] };
const RULES = 'deploy/prometheus/alerts.yml';
const rules = parse(readFileSync(join(ROOT, RULES), 'utf8')) as Rules;

type Panel = { type: string; title: string; id: number; targets?: { expr: string }[] };
const dashboard = JSON.parse(
  readFileSync(join(ROOT, 'deploy/grafana/threadmill.json'), 'utf8'),
) as {
  panels: Panel[];
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

const hasPrometheus = isInstalled();
// .ci/run installs it; a computer of a developer may do without.
const testWithPrometheus = hasPrometheus || process.env['CI'] !== undefined ? test : test.skip;

const LISTEN = { host: '127.0.0.1', port: 0 };
let env: Environment;
let metrics: MetricsServer;
let prometheus: ChildProcess | undefined;
let url = '';
const folder = mkdtempSync(join(tmpdir(), 'threadmill-prometheus-'));

beforeAll(async () => {
  const config = { metricsListen: LISTEN, sandbox: 'auto' as const };
  env = await Environment.start({ config });
  metrics = await serveMetrics(LISTEN);
  if (hasPrometheus) await startPrometheus();
  await workOnEverything();
});
afterAll(async () => {
  if (prometheus !== undefined) {
    const ended = once(prometheus, 'exit');
    prometheus.kill();
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
  await metrics.close();
  await env[Symbol.asyncDispose]();
});

function isInstalled(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** With the rules as they are, but for the time that an alert waits. */
async function startPrometheus(): Promise<void> {
  const impatient = structuredClone(rules);
  for (const { rules: each } of impatient.groups) for (const rule of each) rule.for = '0s';
  const file = join(folder, 'prometheus.yml');
  const target = new URL(metrics.url).host;
  writeFileSync(join(folder, 'alerts.yml'), stringify(impatient));
  writeFileSync(
    file,
    stringify({
      global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
      rule_files: ['alerts.yml'],
      scrape_configs: [{ job_name: 'threadmill', static_configs: [{ targets: [target] }] }],
    }),
  );
  const address = `127.0.0.1:${await freePort()}`;
  url = `http://${address}`;
  const data = join(folder, 'data');
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${data}`];
  prometheus = spawn('prometheus', [...args, `--web.listen-address=${address}`], {
    stdio: 'ignore',
  });
  await eventually(async () => expect((await fetch(`${url}/-/ready`)).status).toBe(200));
}

/** A run of each kind, and a file. */
async function workOnEverything(): Promise<void> {
  await indexedStore(env);
  const cell = { name: 'code_interpreter', arguments: { code: 'print(1)' } };
  await finish([text('Hello')]);
  await finish([toolCalls([cell]), text('One')], [CODE]);
  await finish(Array.from({ length: 5 }, () => status(500)));
}

async function finish(
  replies: Parameters<typeof setUp>[1],
  tools: (typeof CODE)[] = [],
): Promise<void> {
  const { assistant, threadId } = await setUp(env, replies, { tools });
  const { runs } = env.client.beta.threads;
  await runs.createAndPoll(threadId, { assistant_id: assistant.id });
}

type Answer = { status: string; data: { result: unknown[] } };

async function ask(query: string): Promise<unknown[]> {
  const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
  const { status: state, data } = (await answer.json()) as Answer;
  expect(state, query).toBe('success');
  return data.result;
}

const firing = async () =>
  ((await ask('ALERTS{alertstate="firing"}')) as { metric: { alertname: string } }[]).map(
    ({ metric }) => metric.alertname,
  );

/** The metrics that an expression names: what is left without strings, labels and functions. */
function namesIn(expression: string): string[] {
  const bare = expression.replace(/\{[^}]*\}/g, '').replace(/\b(by|on|without)\s*\([^)]*\)/g, '');
  return bare.match(/\b(?:threadmill|http|gen_ai|db|temporal)_\w+/g) ?? [];
}

test('alerts and dashboard name only metrics that the servers export', async () => {
  const exported = new Set(
    parseMetrics(await (await fetch(metrics.url)).text()).map(({ name }) => name),
  );
  const expressions = [
    ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
    ...panels.flatMap(({ targets }) => targets!.map(({ expr }) => expr)),
  ];
  const named = new Set(expressions.flatMap(namesIn));
  expect(named.size).toBeGreaterThan(20);
  expect([...named].filter((name) => !exported.has(name))).toEqual([]);
});

test('the page of metrics names each that the servers export', async () => {
  const page = readFileSync(join(ROOT, 'docs/operations/metrics.md'), 'utf8');
  const text = await (await fetch(metrics.url)).text();
  const names = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!);
  const own = names.filter((name) => !name.startsWith('temporal_'));
  expect(own.length).toBeGreaterThan(20);
  expect(own.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  for (const { alert } of rules.groups.flatMap((group) => group.rules)) {
    expect(page, alert).toContain(`\`${alert}\``);
  }
});

test('each panel of the dashboard has a place and a number of its own', () => {
  const numbers = dashboard.panels.map(({ id }) => id);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
});

testWithPrometheus(
  'promtool accepts the rules, and each alert fires and stays quiet as its test says',
  () => {
    execFileSync('promtool', ['check', 'rules', RULES], { cwd: ROOT });
    execFileSync('promtool', ['check', 'config', 'deploy/prometheus/prometheus.yml'], {
      cwd: ROOT,
    });
    execFileSync('promtool', ['test', 'rules', 'test/deploy/prometheus/alerts.yml'], { cwd: ROOT });
  },
);

testWithPrometheus('every query of the dashboard has a result', async () => {
  const exprs = panels.flatMap(({ targets }) => targets!.map(({ expr }) => expr));
  for (const expr of exprs) {
    const query = expr.replaceAll('$__rate_interval', '5m');
    await expect.poll(async () => (await ask(query)).length, { message: query }).toBeGreaterThan(0);
  }
});

testWithPrometheus(
  'an alert fires when the model server fails',
  async () => {
    await expect
      .poll(
        async () => {
          await finish(Array.from({ length: 5 }, () => status(503)));
          return firing();
        },
        { timeout: 60_000 },
      )
      .toEqual(expect.arrayContaining(['ThreadmillModelServerFails', 'ThreadmillRunsFail']));
  },
  90_000,
);

testWithPrometheus(
  'alerts fire when code ends its kernels, and when files cannot be indexed',
  async () => {
    const kill = 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)';
    const cell = toolCalls([{ name: 'code_interpreter', arguments: { code: kill } }]);
    const { id } = await env.client.vectorStores.create({ name: 'broken' });
    await expect
      .poll(
        async () => {
          await finish([cell, text('Again')], [CODE]);
          const file = await upload(env.client, 'not a PDF', 'broken.pdf');
          await env.client.vectorStores.files.create(id, { file_id: file });
          await settled(env.client, id, file);
          return firing();
        },
        { timeout: 120_000 },
      )
      .toEqual(expect.arrayContaining(['ThreadmillKernelsDie', 'ThreadmillIngestsFail']));
  },
  150_000,
);

testWithPrometheus('an alert fires when a delivery is stuck, and ends with it', async () => {
  expect(await firing()).not.toContain('ThreadmillDeliveryStuck');
  await env.worker!.close();
  env.worker = undefined;
  // Without a worker nobody repeats what an API could not deliver five minutes ago.
  await env.pool.query(
    `insert into deliveries (run_id, kind, payload, created_at, project_id)
     select 'run_1', 'signal', '{"kind": "signal", "submission": "s"}', clock_timestamp() - interval '5 minutes', id
     from projects where name = 'test'`,
  );
  await expect.poll(firing).toContain('ThreadmillDeliveryStuck');
  await env.pool.query('delete from deliveries');
  await expect.poll(firing).not.toContain('ThreadmillDeliveryStuck');
});
