/** What a batch has spent. Each turn adds a row in the transaction that stores its usage; steps of the batch sum them up. */
import type { BatchId } from '../../wire/ids.ts';
import type { TokenCounts } from '../../wire/rows.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** `cost`: in US dollars. */
export type Spent = TokenCounts & { cost?: number };

const COLUMNS = ['prompt_tokens', 'cached_tokens', 'completion_tokens', 'reasoning_tokens', 'cost'];

/** In the order of `COLUMNS`. */
export const countsOf = (spent: Spent): number[] => [
  spent.prompt_tokens,
  spent.cached_tokens,
  spent.completion_tokens,
  spent.reasoning_tokens,
  spent.cost ?? 0,
];

/** SQL that adds what a line of `owners`, a table with `batch_id`, has spent. Values are in the order of `COLUMNS`. */
export const ADD_SPEND = (...values: string[]) =>
  `insert into batch_spend (batch_id, ${COLUMNS.join(', ')})
   select batch_id, ${values.join(', ')} from owners where batch_id is not null`;

const total = (column: string) => `batches.${column} + coalesce(sum(s.${column}), 0)`;

/** SQL of a column: the sums, also of what is not summed up yet. */
export const SPENT = `(select jsonb_build_object(${COLUMNS.map((column) => `'${column}', ${total(column)}`).join(', ')})
  from batch_spend s where s.batch_id = batches.id) as spent`;

/** SQL: whether the batch has used up its own budget. */
export const IS_SPENT = `(budget ?| array['tokens', 'usd'] and (select
    coalesce(${total('prompt_tokens')} + ${total('completion_tokens')} >= (budget->>'tokens')::bigint, false)
    or coalesce(${total('cost')} >= (budget->>'usd')::numeric, false)
  from batch_spend s where s.batch_id = batches.id))`;

/** Its workflow is at it: the reconciler does not look for it for another while. */
export async function keepBatch(db: Queryable, id: BatchId): Promise<void> {
  await query(
    db,
    'batches.keep',
    `with gone as (delete from batch_spend where batch_id = $1 returning *),
       sums as (select ${COLUMNS.map((name) => `coalesce(sum(${name}), 0) as ${name}`).join(', ')} from gone)
     update batches b set updated_at = clock_timestamp(), ${COLUMNS.map((name) => `${name} = b.${name} + sums.${name}`).join(', ')}
     from sums where b.id = $1`,
    [id],
  );
}
