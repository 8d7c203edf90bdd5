/** The official clients of Python and Node, one per major version. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { nodeModulesWith } from '../support/npm.ts';
import { OPENAI_PYTHON, pythonWithOpenai } from '../support/python.ts';
import type { Client } from './scenario.ts';

const PYTHON = { 1: '1.109.1', 2: '2.54.0', 3: OPENAI_PYTHON };
/** The last of each major version; 7 is the one that this repository uses itself. */
const NODE = { 4: '4.104.0', 5: '5.23.2', 6: '6.49.0' };

const COMMON = [
  'assistants',
  'threads',
  'messages',
  'paging',
  'files',
  'batches',
  'vector_stores',
  'create_and_poll',
  'create_and_run_poll',
  'outputs_and_poll',
  'cancel_waiting',
  'cancel_streaming',
  'raw_events',
  'text_callbacks',
  'function_callbacks',
  'code_callbacks',
  'failed_run',
  'errors',
  'raw_response',
  'azure',
  'long_silent_stream',
  'long_silent_callbacks',
  'long_busy_stream',
  'long_silent_outputs',
];
const PYTHON_CHECKS = [...COMMON, 'text_deltas', 'exception_callback'];
const NODE_CHECKS = [
  ...COMMON,
  'new_thread_stream',
  'error_callback',
  'abort_callback',
  'readable_stream',
];

const pythons: Client[] = Object.entries(PYTHON).flatMap(([major, version]) =>
  ['sync', 'async'].map((mode) => ({
    id: `python-${major}-${mode}`,
    checks: PYTHON_CHECKS,
    prepare: async () => ({
      program: await pythonWithOpenai(version),
      args: ['python/scenario.py', mode],
    }),
  })),
);

const nodes: Client[] = [4, 5, 6, 7].map((major) => ({
  id: `node-${major}`,
  checks: NODE_CHECKS,
  prepare: async () => ({
    program: process.execPath,
    args: ['node/scenario.mjs'],
    env: { SCENARIO_PACKAGE: await packageFolder(major) },
  }),
}));

export const OPENAI_CLIENTS = [...pythons, ...nodes];

async function packageFolder(major: number): Promise<string> {
  if (major === 7) return fileURLToPath(new URL('../../node_modules/openai', import.meta.url));
  const packages = Object.entries(NODE).map(([one, version]) => {
    return `openai-${one}@npm:openai@${version}`;
  });
  const modules = await nodeModulesWith(`openai-${Object.values(NODE).join('-')}`, packages);
  return join(modules, `openai-${major}`);
}
