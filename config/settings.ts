/**
 * The table of settings, one row each. The typed configuration, docs/settings.md and the options of npm start are made
 * from it, and test/deploy/compose.test.ts compares it with the variables that docker-compose.yml passes to each process.
 */
import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

import { flag, httpUrl, languages, listenAddress, megabytes, optional, origins, path, postgresUrl, sandboxdAddress, secret, text, whole } from './values.ts';

export type Process = 'api' | 'worker' | 'sandboxd' | 'migrate' | 'npm start';

export type Setting<S extends z.ZodType = z.ZodType, P extends Process = Process> = {
  /** The variable; an option that has no variable is its own name. */
  readonly name: string;
  /** Parses the variable's text, or undefined when the variable is not set. */
  readonly schema: S;
  readonly readers: readonly P[];
  /** For docs/settings.md, so links are relative to docs/. */
  readonly sentence: string;
  /** Of `npm start`, with its value's placeholder. */
  readonly option: string | undefined;
};

function readBy<P extends Process>(...readers: P[]) {
  return <S extends z.ZodType>(name: string, schema: S, sentence: string, option?: string) =>
    ({ name, schema, readers, sentence, option }) satisfies Setting<S, P>;
}

const api = readBy('api');
const worker = readBy('worker');
const both = readBy('api', 'worker');
const database = readBy('api', 'worker', 'migrate');
const migrations = readBy('migrate');
const sandboxd = readBy('sandboxd');
/** What runs code: sandboxd, or a worker that does without it. */
const code = readBy('worker', 'sandboxd');
const log = readBy('api', 'worker', 'sandboxd');
const start = readBy('npm start');

const LISTEN = 'unix:/run/threadmill/sandboxd.sock';
/** Each ingest parses in a process of its own: more processes than processors only take turns. */
const INGEST_SLOTS = Math.min(8, Math.max(2, availableParallelism()));

/** Of a project, unless the project or key has its own. */
const limit = () => whole(0, 2_147_483_647).default(0).meta({ unset: 'no limit' });

export const SETTINGS = {
  host: api('HOST', text.default('127.0.0.1'), 'Address that the API listens on; `0.0.0.0` in the compose file', '--host <address>'),
  port: api('PORT', whole(0, 65_535).default(8080), 'Port of the API; `0` picks a free port', '--port <number>'),
  dataDir: start('THREADMILL_DATA_DIR', path.prefault('.threadmill'), 'Directory of all data of `npm start`', '--data-dir <directory>'),
  temporalUiPort: start(
    '--temporal-ui-port',
    whole(0, 65_535).default(8233),
    'Port of the Temporal UI. If no port is given and the default is busy, a free port is used',
    '--temporal-ui-port <number>',
  ),
  apiKey: start('THREADMILL_API_KEY', optional(secret, 'made at the first start'), 'API key of `npm start`'),
  cacheDir: worker(
    'THREADMILL_CACHE_DIR',
    path
      .prefault(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'threadmill', 'workflows'))
      .meta({ unset: '`~/.cache/threadmill/workflows`' }),
    'Directory of the workflow bundle, which must belong to the user of the worker, or to root. The image contains the bundle',
  ),
  logLevel: log('LOG_LEVEL', z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'), 'The least severe log lines that are written'),

  metricsListen: both(
    'METRICS_LISTEN',
    optional(listenAddress, "`/metrics` on the API's port"),
    '`host:port` on which a process serves its [metrics](operations/metrics.md), without a key',
  ),
  otlpEndpoint: both(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    optional(httpUrl, 'no tracing'),
    'Collector of [traces](tracing.md) by OTLP over HTTP, such as `http://127.0.0.1:4318`',
  ),
  otlpTracesEndpoint: both(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    optional(httpUrl, '`/v1/traces` below it'),
    'The whole URL that spans are sent to, if it is another',
  ),
  otlpHeaders: both('OTEL_EXPORTER_OTLP_HEADERS', optional(secret), 'Headers for the collector, such as `authorization=Bearer%20key`, separated by commas'),
  tracesSampler: both(
    'OTEL_TRACES_SAMPLER',
    z
      .enum(['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'])
      .default('parentbased_always_on'),
    'Which traces are kept: `parentbased_traceidratio` keeps a part, and what callers decided',
  ),
  tracesSamplerArg: both('OTEL_TRACES_SAMPLER_ARG', z.coerce.number().min(0).max(1).default(1), 'That part, from 0 to 1'),

  databaseUrl: database(
    'DATABASE_URL',
    optional(postgresUrl, 'embedded PostgreSQL'),
    '`postgres://user:password@host:5432/database`, PostgreSQL 14 or newer. `api` and `worker` require it',
  ),
  databaseOwnerUrl: migrations(
    'DATABASE_OWNER_URL',
    optional(postgresUrl, 'as `DATABASE_URL`'),
    'The same for migrations, as the owner of the tables, [see](operations/install.md#database-roles)',
  ),
  databaseOwnerPassword: migrations('DATABASE_OWNER_PASSWORD', optional(secret), 'Password for `DATABASE_OWNER_URL`, if it names none'),
  databaseListenUrl: both(
    'DATABASE_LISTEN_URL',
    optional(postgresUrl, 'as `DATABASE_URL`'),
    'Direct connection for LISTEN, if `DATABASE_URL` leads to a pooler in transaction mode',
  ),
  databasePassword: database(
    'DATABASE_PASSWORD',
    optional(secret),
    'Password for `DATABASE_URL` and `DATABASE_LISTEN_URL`, if they name none. A file can hold it: `DATABASE_PASSWORD_FILE`',
  ),
  databasePoolSize: both('DATABASE_POOL_SIZE', whole(2, 500).default(20), 'Pooled connections of each process. One or two direct connections are added'),

  temporalAddress: both('TEMPORAL_ADDRESS', optional(text, 'a local server'), '`host:port` of the Temporal server. `api` and `worker` require it'),
  temporalNamespace: both('TEMPORAL_NAMESPACE', text.default('default'), 'Temporal namespace; `deploy/temporal/setup.sh` creates it'),
  temporalUiUrl: api(
    'TEMPORAL_UI_URL',
    optional(httpUrl, 'the UI of `npm start`'),
    'Address of the Temporal UI. The console links the workflow of a run there, for keys with the scope `admin`',
  ),
  taskQueue: both('TEMPORAL_TASK_QUEUE', text.default('threadmill'), 'Temporal task queue, the same for all processes of one deployment'),
  temporalApiKey: both('TEMPORAL_API_KEY', optional(secret), 'API key of the Temporal server, [see](operations/temporal.md#a-temporal-server-elsewhere)'),
  temporalTls: both('TEMPORAL_TLS', optional(flag, 'with a key, file or name'), 'Whether connections to Temporal use TLS'),
  temporalServerCa: both(
    'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    optional(text, "the system's authorities"),
    "File (PEM) of the authority that signed the server's certificate",
  ),
  temporalServerName: both(
    'TEMPORAL_TLS_SERVER_NAME',
    optional(text, 'the host'),
    "Name in the server's certificate, if it differs from the host of the address",
  ),
  temporalClientCert: both('TEMPORAL_TLS_CLIENT_CERT_PATH', optional(text), 'File (PEM) of the client certificate, for a server that demands one'),
  temporalClientKey: both('TEMPORAL_TLS_CLIENT_KEY_PATH', optional(text), 'File (PEM) of the private key of the client certificate'),

  modelBaseUrl: both(
    'MODEL_BASE_URL',
    optional(httpUrl, 'the demo model'),
    'OpenAI-compatible model server, with the `/v1`, such as `http://127.0.0.1:8000/v1`',
  ),
  modelApiKey: both('MODEL_API_KEY', secret.default('none'), 'API key of the model server'),
  modelsFile: both('MODELS_FILE', optional(text), 'JSON file of models with servers of their own, [see](models.md#models-file)'),
  modelContextWindow: both(
    'MODEL_CONTEXT_WINDOW',
    optional(whole(1_024), 'as the server says, else 128000'),
    'Tokens that a model accepts, if `MODELS_FILE` does not say',
  ),

  embeddingsBaseUrl: both(
    'EMBEDDINGS_BASE_URL',
    optional(httpUrl, 'search by words only'),
    'OpenAI-compatible server of `/embeddings`, with the `/v1`, [see](operations/files.md#embeddings)',
  ),
  embeddingsApiKey: both('EMBEDDINGS_API_KEY', secret.default('none'), 'API key of the embeddings server'),
  embeddingsModel: both('EMBEDDINGS_MODEL', text.default('text-embedding-3-large'), 'Model that makes vectors of files and queries'),
  embeddingsDimensions: both(
    'EMBEDDINGS_DIMENSIONS',
    whole(0, 8_192)
      .transform((count) => count || null)
      .prefault(256),
    "Length of the vectors that the server is asked for; `0`: the model's own length",
  ),
  searchCandidates: both('SEARCH_CANDIDATES', whole(50, 10_000).default(600), 'Chunks, nearest by their bit codes, whose vectors a search compares exactly'),

  fileWaitSeconds: worker('FILE_WAIT_SECONDS', whole(0, 540).default(60), 'How long a run waits for files of its thread that are being indexed'),
  ingestSlots: worker(
    'INGEST_SLOTS',
    whole(1, 1_000).default(INGEST_SLOTS).meta({ unset: 'one per processor, 2 to 8' }),
    'Files that one worker parses or embeds at once',
  ),
  parseSeconds: worker('PARSE_SECONDS', whole(1, 3_600).default(60), 'Processor time for parsing one file, [see](retrieval.md#limits)'),
  parseMemoryMb: worker('PARSE_MEMORY_MB', whole(128, 65_536).default(768), 'Memory of a process that parses; each ingest slot has one'),
  parseMaxTokens: worker(
    'PARSE_MAX_TOKENS',
    whole(100, 1_000_000_000).default(5_000_000),
    'Tokens that the text of one file may have. The default is that of the hosted service',
  ),
  ocrLanguages: worker(
    'OCR_LANGUAGES',
    languages.prefault('').meta({ unset: 'none' }),
    'Languages of scanned pages, such as `eng+chi_sim`, whose text is recognised. [How](retrieval.md#scanned-pages)',
  ),
  workerActivitySlots: worker(
    'WORKER_ACTIVITY_SLOTS',
    whole(1, 10_000).default(400),
    'Model turns and tool calls of [one project](operations/scaling.md#fair-shares) that one worker runs at once',
  ),

  threadTtlDays: both(
    'THREAD_TTL_DAYS',
    whole(0, 36_500).default(0),
    'Days after which an unused thread is deleted; `0`: never. [Dry run](operations/backup.md#retention)',
  ),
  runTtlDays: both('RUN_TTL_DAYS', whole(0, 36_500).default(0), 'Days after which a run that has ended is deleted; `0`: never. Its messages stay'),
  maxTurns: both('MAX_TURNS', whole(1, 1_000).default(128), 'Model turns of a run. A run that uses all of them is `incomplete`'),
  batchSlots: worker('BATCH_SLOTS', whole(1, 10_000).default(64), 'Model turns and tool calls of batches that one worker runs at once'),
  modelBatchGroupMs: worker(
    'MODEL_BATCH_GROUP_MS',
    whole(0, 3_600_000).default(60_000),
    'Longest wait of a turn for the [batch at its model server](batches.md#half-price)',
  ),
  modelBatchPollMs: worker(
    'MODEL_BATCH_POLL_MS',
    whole(10, 600_000).default(10_000),
    'First pause between two looks at a batch at a model server; it doubles up to thirty times as much',
  ),
  modelBatchDirectSeconds: worker(
    'MODEL_BATCH_DIRECT_SECONDS',
    whole(0, 2_592_000).default(3_600),
    'Time left of a run at which its turn no longer waits for a batch at its model server',
  ),
  runExpirySeconds: api('RUN_EXPIRY_SECONDS', whole(1, 2_592_000).default(600), 'Life of a run whose request has no `expires_after`'),
  pollAfterMs: api('POLL_AFTER_MS', whole(1, 60_000).default(500), 'Pause that the server asks of poll helpers (`openai-poll-after-ms`)'),
  streamKeepAliveMs: api('STREAM_KEEP_ALIVE_MS', whole(10, 600_000).default(15_000), "Pause between the comments that keep an idle stream's connection alive"),
  requireBetaHeader: api('REQUIRE_BETA_HEADER', flag.prefault('false'), 'Refuse requests without `OpenAI-Beta: assistants=v2`'),
  corsOrigins: api(
    'CORS_ORIGINS',
    origins.prefault('').meta({ unset: 'none' }),
    'Origins of pages that may use the API from a browser, separated by commas; `*` for all. [How](clients.md#browsers)',
  ),
  webhookPrivateAddresses: both(
    'WEBHOOK_PRIVATE_ADDRESSES',
    flag.prefault('false'),
    'Deliver [webhooks](webhooks.md) also to private addresses, and by plain http',
  ),
  fileLimitBytes: api('FILE_LIMIT_BYTES', whole(1).default(536_870_912), 'Bytes of one file in one request'),
  quotaBytes: both(
    'QUOTA_BYTES',
    whole(0).default(107_374_182_400),
    'Bytes that a project may store, [see](limits.md#quota); `0` for no quota. Before: `FILE_QUOTA_BYTES`, which goes on to work',
  ),
  uploadLimitBytes: api('UPLOAD_LIMIT_BYTES', whole(1).default(8_589_934_592), 'Bytes of one upload, which arrives in parts'),
  uploadPartLimitBytes: api('UPLOAD_PART_LIMIT_BYTES', whole(1).default(67_108_864), 'Bytes of one part of an upload'),
  limitRequestsPerMinute: api('LIMIT_REQUESTS_PER_MINUTE', limit(), 'Requests a minute of a project, [see](limits.md)'),
  limitTokensPerMinute: api('LIMIT_TOKENS_PER_MINUTE', limit(), 'Tokens a minute of a project, of its runs and of what passes to model servers'),
  limitRunsAtOnce: both('LIMIT_RUNS_AT_ONCE', limit(), 'Runs of a project that have not ended'),
  limitStreamsAtOnce: api('LIMIT_STREAMS_AT_ONCE', limit(), 'Streams of runs that a project holds open'),
  limitSearchesAtOnce: api('LIMIT_SEARCHES_AT_ONCE', limit(), 'Requests of a project that search a vector store at once'),
  downloadAssistantsFiles: api(
    'DOWNLOAD_ASSISTANTS_FILES',
    flag.prefault('false'),
    'Serve the content of files of purpose `assistants`, which the hosted service refuses',
  ),

  sandbox: code(
    'SANDBOX',
    z.enum(['auto', 'bubblewrap', 'pyodide', 'remote', 'none']).default('auto'),
    '[Where code runs](operations/sandboxd.md#the-sandbox-in-containers). `remote`, of a worker: in sandboxd, as in the compose file',
  ),
  sandboxUrl: worker(
    'SANDBOX_URL',
    sandboxdAddress.prefault(LISTEN).meta({ unset: 'as `SANDBOXD_LISTEN`' }),
    'Address of sandboxd for `remote`: `unix:/path/of/a/socket` or `http://host:port`',
  ),
  sandboxToken: code('SANDBOX_TOKEN', optional(secret), 'Shared secret of sandboxd and its workers. Required when sandboxd listens on a TCP port'),
  sandboxdListen: sandboxd('SANDBOXD_LISTEN', sandboxdAddress.prefault(LISTEN), 'Address that sandboxd listens on, in the same form'),
  sandboxMaxKernels: code(
    'SANDBOX_MAX_KERNELS',
    optional(whole(1, 10_000), 'one per 400 MB of memory'),
    'Kernels alive at once for [one project](operations/scaling.md#fair-shares), each of up to 1 GiB; the longest unused makes room',
  ),
  sandboxPython: code('SANDBOX_PYTHON', text.default('/usr/bin/python3'), "The system's Python, or that of a virtual environment made with it"),
  sandboxWheels: code('SANDBOX_WHEELS', optional(text), 'Directory of wheels that code in Pyodide can import, [how](code-interpreter.md#pyodide)'),
  sandboxSpare: worker(
    'SANDBOX_SPARE',
    flag.prefault('true'),
    'Keep a kernel warm with numpy, pandas and matplotlib: 100 MB of memory, 0.5 s less for a first plot',
  ),
  sandboxCgroup: code('SANDBOX_CGROUP', optional(text), 'Delegated cgroup v2 in which each kernel gets a group, [see](sandbox.md#memory)'),
  cellSoftSeconds: code('CELL_SOFT_SECONDS', whole(1, 3_600).default(60), 'Soft limit: the cell is interrupted, and its variables survive'),
  cellHardSeconds: code('CELL_HARD_SECONDS', whole(2, 3_700).default(70), 'Hard limit: the kernel of a cell that ignored the interrupt is killed'),
  cellMemoryBytes: code('CELL_MEMORY_MB', megabytes(64).prefault(1_024), 'Memory of one kernel with its processes and files. A kernel that exceeds it ends'),
  cellProcesses: code('CELL_PROCESSES', whole(8, 4_096).default(64), 'Processes and threads of one kernel'),
  cellDiskBytes: code('CELL_DISK_MB', megabytes(1).prefault(512), 'Files in `/mnt/data`, which is memory. A larger upload is not available to code'),
  cellFiles: code('CELL_FILES', whole(0, 10_000).default(5_000), 'Files of a thread that are kept, in order of name; up to 100 MiB each and 200 MiB per cell'),
  cellLogBytes: code('CELL_LOG_BYTES', whole(1_000, 10_000_000).default(100_000), 'Kept output of one cell: its first 60 % and its last 40 %'),
  cellImages: code('CELL_IMAGES', whole(0, 100).default(10), 'Images that one cell can show, of up to 10 MiB and 25 million pixels each'),
} satisfies Record<string, Setting>;
