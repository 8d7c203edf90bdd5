/** The text that npm start prints when all parts are ready. */
import { join } from 'node:path';
import type { SandboxStatus } from '../../sandbox/index.ts';
import type { Finding } from '../doctor/report.ts';

export type Ready = {
  /** Of the server, without a path. */
  url: string;
  /** Shown only by the start that made it. */
  newApiKey: string | undefined;
  dataDir: string;
  /** THREADMILL_API_KEY gave the key, so the banner does not show it. */
  apiKeyGiven: boolean;
  uiUrl: string | undefined;
  /** Undefined: the demo model. */
  modelBaseUrl: string | undefined;
  /** Reasons why runs would fail. */
  modelFailures: Finding[];
  /** The embeddings model, or why semantic search is off. */
  semanticSearch: string;
  sandbox: SandboxStatus;
  seconds: number;
};

export function banner(ready: Ready): string {
  const path = join(ready.dataDir, 'api-key');
  const stored = ready.apiKeyGiven ? '$THREADMILL_API_KEY' : `$(cat '${path}')`;
  const known =
    ready.newApiKey === undefined ? `kept in ${path}` : `${ready.newApiKey}  (kept in ${path})`;
  const baseUrl = `${ready.url}/v1`;
  const rows = [
    ['Console', `${ready.url}/#key=${ready.apiKeyGiven ? stored : (ready.newApiKey ?? stored)}`],
    ['Base URL', baseUrl],
    ['API key', ready.apiKeyGiven ? stored : known],
    ['Temporal UI', ready.uiUrl ?? 'that of the server at TEMPORAL_ADDRESS'],
    ['Model', ready.modelBaseUrl ?? 'built-in demo, NOT an LLM; set MODEL_BASE_URL for a real one'],
    ...ready.modelFailures.flatMap(({ says, remedy = '' }) => [
      ['!! Model', `RUNS WILL FAIL: ${says}`],
      ['', `→ ${remedy}`],
    ]),
    ['Search', `semantic search ${ready.semanticSearch}`],
    ['Sandbox', sandbox(ready.sandbox)],
  ];
  const body = JSON.stringify({
    model: 'gpt-4o',
    name: 'Math Tutor',
    tools: [{ type: 'code_interpreter' }],
  });
  return [
    '',
    `Threadmill is ready (${ready.seconds.toFixed(1)} s). Ctrl-C stops it.`,
    '',
    ...rows.map(([name = '', value]) => `  ${name.padEnd(12)} ${value}`),
    '',
    'Try it:',
    '',
    `  curl ${baseUrl}/assistants -H "Authorization: Bearer ${stored}" -H "Content-Type: application/json" -d '${body}'`,
    '',
  ].join('\n');
}

function sandbox(status: SandboxStatus): string {
  const { ok, backend, reason, limitations } = status;
  if (!ok) return `none, code_interpreter runs will fail: ${reason ?? backend}`;
  const open = limitations === undefined ? '' : `; not for strangers: ${limitations.join(', ')}`;
  return sandboxSummary(status) + open;
}

/** One line with the backend, the Python version and the packages. */
export function sandboxSummary({ ok, backend, python, packages }: SandboxStatus): string {
  if (!ok) return 'none';
  const names = packages.length === 0 ? 'standard library only' : packages.join(', ');
  return [backend, ...(python === undefined ? [] : [`Python ${python}`]), names].join(', ');
}
