/**
 * The instruments, named by OpenTelemetry's semantic conventions where those have a name. Each function is called at one
 * place, after what it counts was committed. docs/operations/metrics.md explains the names to operators.
 */
import { bounded, LONG, meter, secondsHistogram, SHORT } from './meter.ts';

const modelName = bounded(50);
const projectName = bounded(200);

const httpDuration = secondsHistogram(
  'http.server.request.duration',
  'Time until the answer was sent. Of a stream: until it was closed',
  [...SHORT, 600],
);
type Answered = {
  /** Undefined: no operation has this path. */
  operation: string | undefined;
  method: string;
  status: number;
  isStream: boolean;
  seconds: number;
};

export function requestAnswered({ operation, method, status, isStream, seconds }: Answered): void {
  httpDuration.record(seconds, {
    'threadmill.operation': operation ?? 'none',
    'http.request.method': METHODS.has(method) ? method : '_OTHER',
    'http.response.status_code': status,
    'threadmill.stream': isStream,
  });
}
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const streams = meter.createUpDownCounter('threadmill.streams', {
  description: 'Streams of runs that are open',
});
streams.add(0);

export function streamOpened(): Disposable {
  streams.add(1);
  return { [Symbol.dispose]: () => streams.add(-1) };
}

const ENDS = ['completed', 'failed', 'incomplete', 'expired', 'cancelled'];
const runEnds = meter.createCounter('threadmill.run.ends', {
  description: 'Runs that have ended, by status; `reason` is the code of their error',
});
// A series that begins with its first event hides that event from rate().
for (const status of ENDS) runEnds.add(0, { status, reason: '' });

const runDuration = secondsHistogram(
  'threadmill.run.duration',
  'Time from the creation of a run to its end, with its pauses',
  LONG,
);
const queueDuration = secondsHistogram(
  'threadmill.run.queue.duration',
  'Time from the creation of a run to its first turn',
  LONG,
);
const firstToken = secondsHistogram(
  'threadmill.run.time_to_first_token',
  'Time from the creation of a run to the first piece of its answer',
  LONG,
);

export function runEnded(status: string, reason: string, seconds: number): void {
  runEnds.add(1, { status, reason });
  runDuration.record(seconds, { status });
}

export function runLeftQueue(seconds: number): void {
  queueDuration.record(seconds);
}

export function runAnswered(seconds: number): void {
  firstToken.record(seconds);
}

const tokens = meter.createCounter('threadmill.tokens', {
  description:
    'Tokens that the usage of the API counts. `cached` is a part of `input`, `reasoning` of `output`',
});
const tokenUsage = meter.createHistogram('gen_ai.client.token.usage', {
  unit: '{token}',
  description: 'Tokens of one request to a model server',
  advice: { explicitBucketBoundaries: [16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144] },
});

type Used = {
  project: string;
  model: string;
  input: number;
  output: number;
  cached: number;
  reasoning: number;
};

export function tokensUsed({ project, model, ...counts }: Used): void {
  const labels = { project: projectName(project), model: modelName(model) };
  for (const [type, count] of Object.entries(counts)) tokens.add(count, { ...labels, type });
  for (const type of ['input', 'output'] as const) {
    const attributes = { ...genAi('chat', model), 'gen_ai.token.type': type };
    tokenUsage.record(counts[type], attributes);
  }
}

function genAi(operation: 'chat' | 'embeddings', model: string) {
  return {
    'gen_ai.operation.name': operation,
    // All servers that this one asks speak this protocol.
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': modelName(model),
  };
}

const modelDuration = secondsHistogram(
  'gen_ai.client.operation.duration',
  'Time that a request to a model server took. `error_type` says why one failed',
  LONG,
);
const firstChunk = secondsHistogram(
  'gen_ai.client.operation.time_to_first_chunk',
  'Time until a model server sent the first piece of its answer',
  LONG,
);

type Asked = {
  model: string;
  baseUrl: string;
  seconds: number;
  /** Undefined: nothing came. */
  firstSeconds: number | undefined;
  /** Undefined: it succeeded. */
  failure: string | undefined;
};

export function modelAsked({ model, baseUrl, seconds, firstSeconds, failure }: Asked): void {
  const labels = { ...genAi('chat', model), 'server.address': new URL(baseUrl).host };
  if (firstSeconds !== undefined) firstChunk.record(firstSeconds, labels);
  modelDuration.record(
    seconds,
    failure === undefined ? labels : { ...labels, 'error.type': failure },
  );
}

const attempts = meter.createCounter('threadmill.attempts', {
  description: 'Attempts at turns and tool calls that workers began; `retry`: not the first one',
});
for (const retry of [false, true]) attempts.add(0, { activity: 'modelTurn', retry });

export function attemptBegun(activity: string, number: number): void {
  attempts.add(1, { activity, retry: number > 1 });
}

const cellDuration = secondsHistogram(
  'threadmill.cell.duration',
  'Time that cells of code_interpreter ran, by how they ended',
  LONG,
);

export function cellEnded(status: string, seconds: number): void {
  cellDuration.record(seconds, { status });
}

const ingests = meter.createCounter('threadmill.ingest.ends', {
  description: 'Files whose indexing for a vector store has ended, by status',
});
for (const status of ['completed', 'failed', 'cancelled']) ingests.add(0, { status });

export function ingestEnded(status: string): void {
  ingests.add(1, { status });
}

const repairs = meter.createCounter('threadmill.reconciler.repairs', {
  description:
    'Runs, batches and ingests that no workflow worked on, by what became of the workflow',
});
for (const kind of ['run', 'batch', 'ingest'] as const) repairs.add(0, { kind, workflow: '' });

export function repaired(kind: 'run' | 'batch' | 'ingest', workflow: string): void {
  repairs.add(1, { kind, workflow });
}

const webhooks = meter.createCounter('threadmill.webhook.attempts', {
  description:
    'Attempts to deliver events to endpoints of webhooks, by what became of the delivery',
});
for (const status of ['succeeded', 'pending', 'dead']) webhooks.add(0, { status });

/** `pending`: it is tried again. */
export function webhookSent(status: 'succeeded' | 'pending' | 'dead'): void {
  webhooks.add(1, { status });
}
