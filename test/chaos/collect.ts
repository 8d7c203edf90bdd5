/** Reads everything the oracle judges by: the tables, the objects as the API shows them, and Temporal's histories. */
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';

import { collectBlobs } from '../../db/blobs/blobs.ts';
import type { Pool } from '../../db/core/pool.ts';
import type { Message, Run, RunStep } from '../../wire/types.ts';
import type { Evidence, Tables, WorkflowRecord } from './evidence.ts';
import type { ChaosSystem } from './system/system.ts';

type Queries = { [Name in keyof Tables]: string };

const QUERIES: Queries = {
  threads: `select id, metadata->>'marker' as marker, last_message_seq from threads order by id`,
  messages: `select id, thread_id, seq, role, status, run_id,
      (select coalesce(string_agg(part->'text'->>'value', '' order by n), '')
       from jsonb_array_elements(content) with ordinality as parts(part, n)) as text
    from messages order by thread_id, seq`,
  runs: `select id, thread_id, metadata->>'marker' as marker, status, created_at * 1000 as created_ms,
      expires_at * 1000 as expires_ms, (extract(epoch from updated_at) * 1000)::bigint as updated_ms, last_error,
      prompt_tokens, completion_tokens, last_event_seq, window_end_seq
    from runs order by thread_id, window_end_seq`,
  steps: `select id, run_id, turn, seq, type, status, message_id, usage from run_steps order by run_id, seq`,
  tool_calls: `select id, run_id, step_id, index, type, name, result from tool_calls order by step_id, index`,
  events: `select run_id, seq, event, data::text as data from run_events order by run_id, seq`,
  turns: `select run_id, turn, result from run_turns order by run_id, turn`,
  deliveries: `select id, run_id, kind, attempts from deliveries order by id`,
  idempotency_keys: `select key, response is not null as answered from idempotency_keys order by key`,
  files: `select f.id, filename, purpose, f.bytes, c.stored_bytes, c.sha256 from files f
    cross join lateral (select coalesce(sum(length(data)), 0)::bigint as stored_bytes,
      encode(sha256(coalesce(string_agg(data, '' order by n), '')), 'hex') as sha256
      from blob_chunks where blob_id = f.blob_id) c order by f.id`,
  uploads: `select id, filename, status, file_id from uploads order by id`,
  stores: `select id, name from vector_stores order by id`,
  store_files: `select seq, vector_store_id, file_id, status, last_error, document_id from vector_store_files order by seq`,
  documents: `select id, chunk_count, (select count(*)::integer from chunks c where c.document_id = d.id) as chunks,
      exists (select from vector_store_files f where f.document_id = d.id) as used
    from documents d order by id`,
  orphan_blobs: `select id from blobs b where not exists (select from files r where r.blob_id = b.id)
      and not exists (select from upload_parts r where r.blob_id = b.id)
      and not exists (select from interpreters r where r.namespace_blob_id = b.id)
      and not exists (select from interpreter_files r where r.blob_id = b.id) order by id`,
  projects: `select id, blob_bytes as file_bytes, (select coalesce(sum(counted_bytes), 0)::bigint from blobs b where b.project_id = p.id)
      + (select coalesce(sum(counted_bytes), 0)::bigint from uploads u where u.project_id = p.id and u.status = 'pending')
      as counted from projects p order by id`,
};

export async function readTables(pool: Pool): Promise<Tables> {
  // What a crash left behind may stay for an hour: here the hour has passed.
  while ((await collectBlobs(pool, 0)) > 0);
  const tables: Partial<Record<keyof Tables, unknown>> = {};
  for (const name of Object.keys(QUERIES) as (keyof Tables)[]) {
    tables[name] = (await pool.query(QUERIES[name])).rows;
  }
  return tables as Tables;
}

type Page<T> = { data: T[] };

const AT_ONCE = 8;

/** Like `Promise.all`, a few at a time. */
async function inTurn<T, R>(list: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = list.entries();
  const take = async () => {
    for (const [at, item] of left) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  return results;
}

/** The objects of these runs as a client reads them, each run once. */
export async function readObjects(
  { urls, apiKey }: Pick<ChaosSystem, 'urls' | 'apiKey'>,
  { runs, threads }: Tables,
): Promise<Evidence['objects']> {
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${urls[0]}${path}`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    if (!response.ok) throw new Error(`GET ${path} was answered ${response.status}.`);
    return (await response.json()) as T;
  };
  const path = ({ id, thread_id: thread }: Tables['runs'][number]) =>
    `/threads/${thread}/runs/${id}`;
  const steps = await inTurn(runs, (run) => get<Page<RunStep>>(`${path(run)}/steps?limit=100`));
  const messages = await inTurn(threads, ({ id }) =>
    get<Page<Message>>(`/threads/${id}/messages?limit=100&order=asc`),
  );
  return {
    runs: await inTurn(runs, (run) => get<Run>(path(run))),
    steps: steps.flatMap(({ data }) => data),
    messages: messages.flatMap(({ data }) => data),
  };
}

/** The workflows of all runs and files, and those that are open without one. */
export async function readWorkflows(client: Client, tables: Tables): Promise<WorkflowRecord[]> {
  const ids = new Set([
    ...tables.runs.map(({ id }) => id),
    ...tables.store_files.map((file) => `${file.vector_store_id}:${file.file_id}:${file.seq}`),
  ]);
  for await (const { workflowId, type } of client.workflow.list({
    query: `ExecutionStatus = 'Running'`,
  })) {
    if (type === 'runWorkflow' || type === 'ingestFileWorkflow') ids.add(workflowId);
  }
  return inTurn([...ids], (id) => readWorkflow(client, id));
}

async function readWorkflow(client: Client, id: string): Promise<WorkflowRecord> {
  const handle = client.workflow.getHandle(id);
  try {
    const { status, type } = await handle.describe();
    const result =
      status.name === 'COMPLETED' ? ((await handle.result()) as { status?: string } | null) : null;
    const history = textOf(await handle.fetchHistory());
    return { id, type, status: status.name, result, tellsText: WORDS.test(history) };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return { id, type: '', status: null, result: null, tellsText: false };
  }
}

/** Only conversations have these. */
const WORDS = /chaos plan: |c\d+s\d+-\w+\/\d+\/\d+|output [ab]\d of c\d+/;

/** All text of an object, that of bytes included. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value === null || typeof value !== 'object') return '';
  return Object.values(value).map(textOf).join('\n');
}
