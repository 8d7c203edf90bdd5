/** What the lines of a batch came to, in their order, for its output and error files. */
import type { LineState } from '../../wire/batches/batch-status.ts';
import type { BatchId, RunId } from '../../wire/ids.ts';
import { toMessage, toRun } from '../../wire/objects.ts';
import type { MessageRow, RunRow } from '../../wire/rows.ts';
import type { Message, Run } from '../../wire/types.ts';
import type { BlobPlace } from '../blobs/blob-parts.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { RUN_COLUMNS } from '../runs/read-runs.ts';
import { MESSAGE_COLUMNS } from '../threads/messages.ts';

/** Lines read at once. */
const PAGE = 50;

/** What is stored of a line that has no run: an answer, or why there is none. */
export type LineResponse = {
  status_code?: number;
  body?: unknown;
  error?: { code: string; message: string };
};

export type LineResult = {
  line: number;
  custom_id: string;
  state: LineState;
  /** Where its result stands in the file that is taken over. */
  resumed: (BlobPlace & { bytes: number }) | null;
  response: LineResponse | null;
  run: (Run & { messages: Message[] }) | null;
};

type Row = Omit<LineResult, 'response' | 'run'> & { response: string | null; run_id: RunId | null };

/** Lines in these states, a page in memory. */
export async function* readResults(
  db: Queryable,
  batchId: BatchId,
  states: readonly LineState[],
): AsyncGenerator<LineResult> {
  for (let after = 0; ;) {
    const rows = await query<Row>(
      db,
      'batch-lines.results',
      `select line, custom_id, state, response, run_id,
         case when resumed then jsonb_build_object('chunk', chunk, 'offset', "offset", 'bytes', bytes) end as resumed from batch_lines
       where batch_id = $1 and line > $2 and state = any($3::text[]) order by line limit ${PAGE}`,
      [batchId, after, states],
    );
    const ids = rows.flatMap(({ run_id }) => run_id ?? []);
    const runs = await readRuns(db, ids);
    for (const { run_id, response, ...row } of rows) {
      const run = (run_id !== null && runs.get(run_id)) || null;
      yield {
        ...row,
        run,
        response: response === null ? null : (JSON.parse(response) as LineResponse),
      };
    }
    if (rows.length < PAGE) return;
    after = rows.at(-1)!.line;
  }
}

/** With their messages, oldest first. */
async function readRuns(
  db: Queryable,
  ids: readonly RunId[],
): Promise<Map<RunId, NonNullable<LineResult['run']>>> {
  const runs = await query<RunRow>(
    db,
    'batch-lines.runs-of-results',
    `select ${RUN_COLUMNS} from runs where id = any($1::text[])`,
    [ids],
  );
  const messages = await query<MessageRow>(
    db,
    'batch-lines.messages-of-results',
    `select ${MESSAGE_COLUMNS} from messages where run_id = any($1::text[]) order by seq`,
    [ids],
  );
  const byRun = Map.groupBy(messages, ({ run_id }) => run_id!);
  return new Map(
    runs.map((row) => {
      const written = (byRun.get(row.id) ?? []).map(toMessage);
      return [row.id, { ...toRun(row), messages: written }];
    }),
  );
}
