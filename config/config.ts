/**
 * The only file that reads process.env. Every setting has its default here; the README's table lists them.
 * A wrong value is a ConfigError whose message names the variable and the remedy.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { SandboxdAddress } from './values.ts';
import {
  bytes,
  ConfigError,
  httpUrl,
  integer,
  oneOf,
  optionalInteger,
  origins,
  postgresUrl,
  sandboxdAddress,
} from './values.ts';
import type { ModelEntry, ModelProfile } from './models-file.ts';
import { readModelsFile } from './models-file.ts';
import type { TemporalSecurity } from './temporal-security.ts';
import { temporalSecurity } from './temporal-security.ts';

export { ConfigError };
export type { SandboxdAddress };

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export type ModelTarget = {
  id: string;
  baseUrl: string;
  apiKey: string;
  upstreamModel: string;
  /** Tokens the model accepts in one request. Undefined: as its server says. */
  contextWindow: number | undefined;
  /** As in the models file. */
  vision: boolean | undefined;
  profile: ModelProfile;
};

export type Config = {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Where the workflow bundle is kept between starts. */
  readonly cacheDir: string;
  readonly temporalUiPort: number;
  /** Undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** A direct connection for LISTEN, when DATABASE_URL goes through a pooler. */
  readonly databaseListenUrl: string | undefined;
  readonly databasePoolSize: number;
  /** Undefined: a local development server. */
  readonly temporalAddress: string | undefined;
  readonly temporalSecurity: TemporalSecurity;
  readonly temporalNamespace: string;
  readonly taskQueue: string;
  readonly apiKey: string | undefined;
  /** Undefined: the built-in demo model. */
  readonly modelBaseUrl: string | undefined;
  readonly modelApiKey: string;
  readonly models: readonly ModelEntry[];
  /** Of every model, unless its entry says otherwise. */
  readonly modelProfile: ModelProfile;
  /** Undefined: as the model server says. */
  readonly modelContextWindow: number | undefined;
  /** Undefined: files are found by their words only. */
  readonly embeddingsBaseUrl: string | undefined;
  readonly embeddingsApiKey: string;
  readonly embeddingsModel: string;
  /** What the endpoint is asked for; null: the model's own. */
  readonly embeddingsDimensions: number | null;
  /** Chunks of a store, nearest by their bit codes, whose vectors a search compares exactly. */
  readonly searchCandidates: number;
  /** Seconds that a run waits for files of its thread that are being indexed. */
  readonly fileWaitSeconds: number;
  /** Steps of ingests that a worker has under way at once. */
  readonly ingestSlots: number;
  /** What parsing one file may use; more than that refuses the file. */
  readonly parseSeconds: number;
  readonly parseMemoryMb: number;
  readonly parseMaxTokens: number;
  readonly sandbox: 'auto' | 'bubblewrap' | 'pyodide' | 'remote' | 'none';
  /** Where a worker finds sandboxd. */
  readonly sandboxUrl: SandboxdAddress;
  /** What sandboxd and its workers know each other by. */
  readonly sandboxToken: string | undefined;
  /** Where sandboxd listens. */
  readonly sandboxdListen: SandboxdAddress;
  /** Undefined: what the memory and the processors bear. */
  readonly sandboxMaxKernels: number | undefined;
  readonly sandboxPython: string;
  /** A folder of wheels for the Python of Pyodide. */
  readonly sandboxWheels: string | undefined;
  readonly cellSoftSeconds: number;
  readonly cellHardSeconds: number;
  /** What one cell or its session may use; named as the sandbox's options. */
  readonly cellLimits: {
    readonly memoryBytes: number;
    readonly processes: number;
    readonly diskBytes: number;
    readonly maxLogBytes: number;
    readonly maxImages: number;
    readonly maxFiles: number;
  };
  /** A cgroup v2 delegated to the process that runs code. Undefined: the one above its own, if there is one. */
  readonly sandboxCgroup: string | undefined;
  /** Keep one Python ready with the large packages imported. */
  readonly sandboxSpare: boolean;
  readonly logLevel: LogLevel;
  /** Seconds a run may live when the request does not say: 600, as hosted. */
  readonly runExpirySeconds: number;
  /** Most seconds a request may ask for: 30 days. */
  readonly runExpiryMaxSeconds: number;
  readonly maxTurns: number;
  /** Refuse requests without `OpenAI-Beta: assistants=v2`. */
  readonly requireBetaHeader: boolean;
  readonly pollAfterMs: number;
  /** Origins of pages that may use the API from a browser; `*`: all. Empty: none. */
  readonly corsOrigins: readonly string[];
  /** Between two keep-alive comments of a stream. */
  readonly streamKeepAliveMs: number;
  readonly bodyLimitBytes: number;
  /** Of one file in one request. */
  readonly fileLimitBytes: number;
  /** Of all files of a project and its pending uploads. */
  readonly fileQuotaBytes: number;
  /** Of a file that comes in parts. */
  readonly uploadLimitBytes: number;
  readonly uploadPartLimitBytes: number;
  /** Hand out the content of files of purpose `assistants`, which the hosted service refuses. */
  readonly downloadAssistantsFiles: boolean;
  readonly workerActivitySlots: number;
};

const MEGABYTE = 1024 * 1024;

type Env = Record<string, string | undefined>;
type Flags = { port?: string; host?: string; 'data-dir'?: string; 'temporal-ui-port'?: string };

/** Reads the environment, with command-line flags winning over it. Throws ConfigError. */
export function loadConfig(env: Env = process.env, flags: Flags = {}): Config {
  const text = (name: string) => env[name]?.trim() || undefined;
  const modelsFile = readModelsFile(text('MODELS_FILE'));
  return Object.freeze({
    host: flags.host ?? text('HOST') ?? '127.0.0.1',
    port: integer('PORT', flags.port ?? text('PORT'), 8080, 0, 65535),
    dataDir: resolve(flags['data-dir'] ?? text('THREADMILL_DATA_DIR') ?? '.threadmill'),
    cacheDir: resolve(text('THREADMILL_CACHE_DIR') ?? join(tmpdir(), 'threadmill-cache')),
    temporalUiPort: integer('--temporal-ui-port', flags['temporal-ui-port'], 8233, 0, 65535),
    databaseUrl: postgresUrl('DATABASE_URL', text('DATABASE_URL')),
    databaseListenUrl: postgresUrl('DATABASE_LISTEN_URL', text('DATABASE_LISTEN_URL')),
    databasePoolSize: integer('DATABASE_POOL_SIZE', text('DATABASE_POOL_SIZE'), 20, 2, 500),
    temporalAddress: text('TEMPORAL_ADDRESS'),
    temporalSecurity: temporalSecurity(text),
    temporalNamespace: text('TEMPORAL_NAMESPACE') ?? 'default',
    taskQueue: text('TEMPORAL_TASK_QUEUE') ?? 'threadmill',
    apiKey: text('THREADMILL_API_KEY'),
    modelBaseUrl: httpUrl('MODEL_BASE_URL', text('MODEL_BASE_URL')),
    modelApiKey: text('MODEL_API_KEY') ?? 'none',
    models: modelsFile.models,
    modelProfile: modelsFile.profile,
    modelContextWindow: optionalInteger(
      'MODEL_CONTEXT_WINDOW',
      text('MODEL_CONTEXT_WINDOW'),
      1_024,
      Number.MAX_SAFE_INTEGER,
    ),
    embeddingsBaseUrl: httpUrl('EMBEDDINGS_BASE_URL', text('EMBEDDINGS_BASE_URL')),
    embeddingsApiKey: text('EMBEDDINGS_API_KEY') ?? 'none',
    embeddingsModel: text('EMBEDDINGS_MODEL') ?? 'text-embedding-3-large',
    embeddingsDimensions:
      integer('EMBEDDINGS_DIMENSIONS', text('EMBEDDINGS_DIMENSIONS'), 256, 0, 8_192) || null,
    searchCandidates: integer('SEARCH_CANDIDATES', text('SEARCH_CANDIDATES'), 600, 50, 10_000),
    fileWaitSeconds: integer('FILE_WAIT_SECONDS', text('FILE_WAIT_SECONDS'), 60, 0, 540),
    ingestSlots: integer('INGEST_SLOTS', text('INGEST_SLOTS'), defaultIngestSlots(), 1, 1_000),
    parseSeconds: integer('PARSE_SECONDS', text('PARSE_SECONDS'), 60, 1, 3_600),
    parseMemoryMb: integer('PARSE_MEMORY_MB', text('PARSE_MEMORY_MB'), 768, 128, 65_536),
    parseMaxTokens: integer(
      'PARSE_MAX_TOKENS',
      text('PARSE_MAX_TOKENS'),
      5_000_000,
      100,
      1_000_000_000,
    ),
    sandbox: oneOf('SANDBOX', text('SANDBOX') ?? 'auto', [
      'auto',
      'bubblewrap',
      'pyodide',
      'remote',
      'none',
    ]),
    sandboxUrl: sandboxdAddress('SANDBOX_URL', text('SANDBOX_URL')),
    sandboxToken: text('SANDBOX_TOKEN'),
    sandboxdListen: sandboxdAddress('SANDBOXD_LISTEN', text('SANDBOXD_LISTEN')),
    sandboxMaxKernels: optionalInteger(
      'SANDBOX_MAX_KERNELS',
      text('SANDBOX_MAX_KERNELS'),
      1,
      10_000,
    ),
    sandboxPython: text('SANDBOX_PYTHON') ?? '/usr/bin/python3',
    sandboxWheels: text('SANDBOX_WHEELS'),
    cellSoftSeconds: integer('CELL_SOFT_SECONDS', text('CELL_SOFT_SECONDS'), 60, 1, 3_600),
    cellHardSeconds: integer('CELL_HARD_SECONDS', text('CELL_HARD_SECONDS'), 70, 2, 3_700),
    cellLimits: {
      memoryBytes: integer('CELL_MEMORY_MB', text('CELL_MEMORY_MB'), 1_024, 64) * MEGABYTE,
      processes: integer('CELL_PROCESSES', text('CELL_PROCESSES'), 64, 8, 4_096),
      diskBytes: integer('CELL_DISK_MB', text('CELL_DISK_MB'), 512, 1) * MEGABYTE,
      maxLogBytes: integer('CELL_LOG_BYTES', text('CELL_LOG_BYTES'), 100_000, 1_000, 10_000_000),
      maxImages: integer('CELL_IMAGES', text('CELL_IMAGES'), 10, 0, 100),
      maxFiles: integer('CELL_FILES', text('CELL_FILES'), 1_000, 0, 10_000),
    },
    sandboxCgroup: text('SANDBOX_CGROUP'),
    sandboxSpare:
      oneOf('SANDBOX_SPARE', text('SANDBOX_SPARE') ?? 'true', ['true', 'false']) === 'true',
    logLevel: oneOf('LOG_LEVEL', text('LOG_LEVEL') ?? 'info', [
      'debug',
      'info',
      'warn',
      'error',
      'silent',
    ]),
    runExpirySeconds: integer('RUN_EXPIRY_SECONDS', text('RUN_EXPIRY_SECONDS'), 600, 1, 2_592_000),
    runExpiryMaxSeconds: 2_592_000,
    maxTurns: integer('MAX_TURNS', text('MAX_TURNS'), 128, 1, 1_000),
    requireBetaHeader:
      oneOf('REQUIRE_BETA_HEADER', text('REQUIRE_BETA_HEADER') ?? 'false', ['true', 'false']) ===
      'true',
    corsOrigins: origins('CORS_ORIGINS', text('CORS_ORIGINS')),
    pollAfterMs: integer('POLL_AFTER_MS', text('POLL_AFTER_MS'), 500, 1, 60_000),
    streamKeepAliveMs: integer(
      'STREAM_KEEP_ALIVE_MS',
      text('STREAM_KEEP_ALIVE_MS'),
      15_000,
      10,
      600_000,
    ),
    bodyLimitBytes: 10 * 1024 * 1024,
    fileLimitBytes: bytes('FILE_LIMIT_BYTES', text('FILE_LIMIT_BYTES'), 512 * MEGABYTE),
    fileQuotaBytes: bytes('FILE_QUOTA_BYTES', text('FILE_QUOTA_BYTES'), 100 * 1024 * MEGABYTE),
    uploadLimitBytes: bytes('UPLOAD_LIMIT_BYTES', text('UPLOAD_LIMIT_BYTES'), 8 * 1024 * MEGABYTE),
    uploadPartLimitBytes: bytes(
      'UPLOAD_PART_LIMIT_BYTES',
      text('UPLOAD_PART_LIMIT_BYTES'),
      64 * MEGABYTE,
    ),
    downloadAssistantsFiles:
      oneOf('DOWNLOAD_ASSISTANTS_FILES', text('DOWNLOAD_ASSISTANTS_FILES') ?? 'false', [
        'true',
        'false',
      ]) === 'true',
    workerActivitySlots: integer(
      'WORKER_ACTIVITY_SLOTS',
      text('WORKER_ACTIVITY_SLOTS'),
      400,
      1,
      10_000,
    ),
  });
}

/** For a process's entry: a wrong value ends it with one sentence instead of a stack. */
export function loadConfigOrExit(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** With nothing configured, the built-in demo model answers. */
export function usesDemoModel(config: Pick<Config, 'modelBaseUrl' | 'models'>): boolean {
  return config.modelBaseUrl === undefined && config.models.length === 0;
}

/** A busy computer may need this many times the processor time of a file. */
const PARSE_PATIENCE = 10;

/** What `extractChunks` takes. */
export function parseLimits(config: Config): {
  wallMs: number;
  cpuSeconds: number;
  memoryBytes: number;
  tokens: number;
} {
  return {
    wallMs: config.parseSeconds * PARSE_PATIENCE * 1_000,
    cpuSeconds: config.parseSeconds,
    memoryBytes: config.parseMemoryMb * 1_024 * 1_024,
    tokens: config.parseMaxTokens,
  };
}

/** Each parses in a process of its own: more of them than processors only take turns. */
function defaultIngestSlots(): number {
  return Math.min(8, Math.max(2, availableParallelism()));
}

/** What `createEmbedder` takes; undefined when no endpoint is configured. */
export function embeddingsTarget(
  config: Config,
): { baseUrl: string; apiKey: string; model: string; dimensions: number | null } | undefined {
  const { embeddingsBaseUrl: baseUrl, embeddingsApiKey: apiKey } = config;
  if (baseUrl === undefined) return undefined;
  return {
    baseUrl,
    apiKey,
    model: config.embeddingsModel,
    dimensions: config.embeddingsDimensions,
  };
}

/** For people: the model that searches by meaning use, or that there is none. */
export function semanticSearch(config: Config): string {
  const { embeddingsModel, embeddingsDimensions: dimensions } = config;
  if (config.embeddingsBaseUrl === undefined) return 'off: no embeddings endpoint';
  const model =
    dimensions === null ? embeddingsModel : `${embeddingsModel}, ${dimensions} dimensions`;
  return `on: ${model}`;
}

/** Where requests for `model` go, or undefined when no model server is configured for it. */
export function modelTarget(
  config: Config,
  model: string,
  env: Env = process.env,
): ModelTarget | undefined {
  const entry = config.models.find((candidate) => candidate.id === model);
  const baseUrl = entry?.base_url ?? config.modelBaseUrl;
  if (baseUrl === undefined) return undefined;
  const keyName = entry?.api_key_env;
  return {
    id: model,
    baseUrl,
    apiKey: (keyName === undefined ? config.modelApiKey : env[keyName]) || 'none',
    upstreamModel: entry?.upstream_model ?? model,
    contextWindow: entry?.context_window ?? config.modelContextWindow,
    vision: entry?.vision,
    profile: { ...config.modelProfile, ...entry?.profile },
  };
}
