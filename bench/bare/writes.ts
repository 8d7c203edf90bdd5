/**
 * The baseline's SQL: in each transaction in which a run of ours writes, the same rows with the same contents, written
 * with one plain statement per table. Tables are copies of ours in a schema of their own, without foreign keys.
 */
import type { Client } from 'pg';

import type { ProjectId } from '../../wire/ids.ts';
import type { Pool, Tx } from '../../db/core/pool.ts';
import { createClient, createPool, query, withTransaction } from '../../db/core/pool.ts';

const TABLES = [
  'runs',
  'run_events',
  'run_turns',
  'run_steps',
  'tool_calls',
  'messages',
  'threads',
  'deliveries',
];

/** The moments at which a run writes events. */
export type Moment =
  'create' | 'claim' | 'openTools' | 'delta' | 'pause' | 'submit' | 'open' | 'finish';

/** Events of a recorded run of ours, by moment; `data` is JSON text. */
export type Template = Record<Moment, { event: string[]; data: string[] }>;

export class BareWrites implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #deltas: Client;
  readonly #template: Template;
  /** Deltas share one connection, one statement at a time. */
  #lastDelta: Promise<void> = Promise.resolve();

  private constructor(pool: Pool, deltas: Client, template: Template) {
    this.#pool = pool;
    this.#deltas = deltas;
    this.#template = template;
  }

  static async open(
    databaseUrl: string,
    poolSize: number,
    template: Template,
  ): Promise<BareWrites> {
    const scope = 'bench' as ProjectId;
    const pool = createPool(databaseUrl, { max: poolSize, applicationName: 'bench-bare', scope });
    await pool.query('create schema if not exists bench');
    for (const table of TABLES) {
      await pool.query(
        `create table if not exists bench.${table} (like public.${table} including all excluding statistics)`,
      );
    }
    const deltas = createClient(databaseUrl, 'bench-bare-deltas');
    await deltas.connect();
    await deltas.query(`set synchronous_commit = off; set threadmill.scope = '${scope}'`);
    return new BareWrites(pool, deltas, template);
  }

  /** A run of ours finds its thread there already. */
  async prepareThreads(ids: string[]): Promise<void> {
    await query(
      this.#pool,
      'bare.threads',
      `insert into bench.threads (id, project_id, created_at, metadata, tool_resources)
       select id, 'bench', unix_now(), '{}', '{}' from unnest($1::text[]) as id`,
      [ids],
    );
  }

  create(id: string): Promise<number> {
    return withTransaction(this.#pool, async (tx) => {
      await query(
        tx,
        'bare.create',
        `insert into bench.runs (id, thread_id, project_id, assistant_id, status, created_at, expires_at, model,
           instructions, tools, tool_resources, metadata, temperature, top_p, truncation_strategy, response_format,
           tool_choice, parallel_tool_calls, window_end_seq, last_event_seq)
         values ($1, $1, 'bench', 'asst_bench', 'queued', unix_now(), unix_now() + 600, 'model', 'Say something.', '[]',
           '{}', '{}', 1, 1, '{"type": "auto", "last_messages": null}', '"auto"', '"auto"', true, 1, 2)`,
        [id],
      );
      await this.#events(tx, id, 0, 'create');
      return enqueue(tx, id, 'start');
    });
  }

  async removeDelivery(delivery: number): Promise<void> {
    await query(this.#pool, 'bare.delivered', 'delete from bench.deliveries where id = $1', [
      delivery,
    ]);
  }

  claim(id: string): Promise<void> {
    return this.#step(id, 'in_progress', 'claim', async () => {});
  }

  openTools(id: string): Promise<void> {
    return this.#step(id, 'in_progress', 'openTools', (tx) => insertStep(tx, id, 'tool_calls'));
  }

  open(id: string): Promise<void> {
    return this.#step(id, 'in_progress', 'open', async (tx) => {
      await query(
        tx,
        'bare.thread',
        'update bench.threads set last_message_seq = last_message_seq + 1 where id = $1',
        [id],
      );
      await query(
        tx,
        'bare.message',
        `insert into bench.messages (id, thread_id, project_id, seq, created_at, role, status, content, attachments,
           metadata, assistant_id, run_id, tokens_before)
         values ($1, $1, 'bench', 1, unix_now(), 'assistant', 'in_progress', '[]', '[]', '{}', 'asst_bench', $1, 0)`,
        [id],
      );
      await insertStep(tx, id, 'message_creation');
    });
  }

  /** Outside a transaction and without waiting for the disk, as our batches of deltas. */
  delta(id: string, seq: number): Promise<void> {
    this.#lastDelta = this.#lastDelta.then(() => this.#insertDelta(id, seq));
    return this.#lastDelta;
  }

  async #insertDelta(id: string, seq: number): Promise<void> {
    const { event, data } = this.#template.delta;
    await query(
      this.#deltas,
      'bare.delta',
      `with stored as (
         insert into bench.run_events (run_day, run_id, seq, event, data)
         select current_date, $1, $2::integer, $3, $4::json)
       select pg_notify('bench_events', $1)`,
      [id, seq, event[0], data[0]],
    );
  }

  pause(id: string): Promise<void> {
    return this.#step(id, 'requires_action', 'pause', async (tx) => {
      await query(
        tx,
        'bare.tool-call',
        `insert into bench.tool_calls (step_id, run_id, index, id, type, name, input)
         values ($1 || '/tool_calls', $1, 0, $1, 'function', 'lookup', '{}')`,
        [id],
      );
      await query(
        tx,
        'bare.usage',
        `update bench.run_steps set usage = '{"total_tokens": 1}' where run_id = $1 and status = 'in_progress'`,
        [id],
      );
      await recordTurn(tx, id, 0);
    });
  }

  submit(id: string): Promise<number> {
    return withTransaction(this.#pool, async (tx) => {
      await query(
        tx,
        'bare.output',
        `update bench.tool_calls set result = '{"output": "done"}' where run_id = $1`,
        [id],
      );
      await endStep(tx, id);
      await this.#moveRun(tx, id, 'queued', 'submit');
      return enqueue(tx, id, 'signal');
    });
  }

  finish(id: string): Promise<void> {
    return this.#step(id, 'completed', 'finish', async (tx) => {
      await query(
        tx,
        'bare.answer',
        `update bench.messages set status = 'completed', completed_at = unix_now(), tokens = 1,
           content = '[{"type": "text", "text": {"value": "1700000000000.000 ", "annotations": []}}]' where id = $1`,
        [id],
      );
      await query(
        tx,
        'bare.tokens',
        'update bench.threads set total_tokens = total_tokens + 1 where id = $1',
        [id],
      );
      await endStep(tx, id);
      await recordTurn(tx, id, 1);
    });
  }

  #step(
    id: string,
    status: string,
    moment: Moment,
    work: (tx: Tx) => Promise<void>,
  ): Promise<void> {
    return withTransaction(this.#pool, async (tx) => {
      await this.#moveRun(tx, id, status, moment);
      await work(tx);
    });
  }

  async #moveRun(tx: Tx, id: string, status: string, moment: Moment): Promise<void> {
    const rows = await query<{ seq: number }>(
      tx,
      'bare.move',
      `update bench.runs set status = $2, owner = $3, last_event_seq = last_event_seq + $4, updated_at = clock_timestamp()
       where id = $1 returning last_event_seq - $4 as seq`,
      [id, status, id, this.#template[moment].event.length],
    );
    await this.#events(tx, id, rows[0]!.seq, moment);
  }

  async #events(tx: Tx, id: string, after: number, moment: Moment): Promise<void> {
    const { event, data } = this.#template[moment];
    await query(
      tx,
      'bare.events',
      `with stored as (
         insert into bench.run_events (run_day, run_id, seq, event, data)
         select current_date, $1, $2 + position, event, data::json
         from unnest($3::text[], $4::text[]) with ordinality as e(event, data, position))
       select pg_notify('bench_events', $1)`,
      [id, after, event, data],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#pool.end(), this.#deltas.end()]);
  }
}

async function enqueue(tx: Tx, id: string, kind: string): Promise<number> {
  const rows = await query<{ id: number }>(
    tx,
    'bare.enqueue',
    'insert into bench.deliveries (run_id, kind, payload) values ($1, $2, $3::jsonb) returning id',
    [id, kind, JSON.stringify({ kind, threadId: id, assistantId: 'asst_bench', model: 'model' })],
  );
  return rows[0]!.id;
}

async function insertStep(tx: Tx, id: string, type: string): Promise<void> {
  await query(
    tx,
    'bare.step',
    `insert into bench.run_steps (id, run_id, project_id, thread_id, assistant_id, turn, seq, type, status, created_at)
     select $1 || '/' || $2, $1, 'bench', $1, 'asst_bench', 0, count(*), $2, 'in_progress', unix_now()
     from bench.run_steps where run_id = $1`,
    [id, type],
  );
}

async function endStep(tx: Tx, id: string): Promise<void> {
  await query(
    tx,
    'bare.end-step',
    `update bench.run_steps set status = 'completed', completed_at = unix_now(), usage = '{"total_tokens": 1}'
     where run_id = $1 and status = 'in_progress'`,
    [id],
  );
}

async function recordTurn(tx: Tx, id: string, turn: number): Promise<void> {
  await query(
    tx,
    'bare.turn',
    `insert into bench.run_turns (run_id, turn, result) values ($1, $2, '{"kind": "ended", "status": "completed"}')`,
    [id, turn],
  );
}
