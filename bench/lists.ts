/** Lists of a project with 1,000,000 threads, each with a run and a message: every filter, rare values and common ones. */
import { listProjectRuns } from '../db/runs/read-runs.ts';
import { migrate } from '../db/core/migrate.ts';
import type { Pool } from '../db/core/pool.ts';
import { createPool } from '../db/core/pool.ts';
import { searchMessages } from '../db/threads/search-messages.ts';
import { listThreads } from '../db/threads/threads.ts';
import { lexemesOf } from '../retrieval/index.ts';
import type { ProjectId } from '../wire/ids.ts';
import { startDatabase } from './database.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import type { Spread } from './statistics.ts';
import { spread } from './statistics.ts';
import { seeded } from './vectors.ts';

const THREADS = Number(process.env['BENCH_THREADS'] ?? 1_000_000);
const REQUESTS = 200;
const GOAL_P95 = 20;
const FIRST_SECOND = 1_700_000_000;
/** A year. */
const SECONDS = 31_536_000;
const WORDS = 50_000;

type Asked = { pool: Pool; project: ProjectId; ids: string[]; random: () => number };
type List = (asked: Asked) => Promise<{ data: unknown[] }>;

const page = { limit: 20, order: 'desc' as const, metadata: {} };
const upTo = ({ random }: Asked, end: number) => Math.floor(random() * end);
const someTime = (asked: Asked) => FIRST_SECOND + upTo(asked, SECONDS);

const threads =
  (query: (asked: Asked) => object): List =>
  (asked) =>
    listThreads(asked.pool, asked.project, { ...page, ...query(asked) });
const runs =
  (query: (asked: Asked) => object): List =>
  (asked) =>
    listProjectRuns(asked.pool, asked.project, { ...page, ...query(asked) });
const search =
  (text: (asked: Asked) => string, query: (asked: Asked) => object = () => ({})): List =>
  (asked) =>
    searchMessages(asked.pool, asked.project, { ...page, text: text(asked), ...query(asked) });

/** The word of a rank: rank r is in about 12 / (r * ln 50,000) of the messages. */
const word = (rank: number) => `w${rank}x`;

const LISTS: Record<string, List> = {
  'threads, newest': threads(() => ({})),
  'threads, 100 of them': threads(() => ({ limit: 100 })),
  'threads, after any': threads((asked) => ({ after: asked.ids[upTo(asked, asked.ids.length)] })),
  'threads, of a month': threads((asked) => {
    const created_after = someTime(asked);
    return { created_after, created_before: created_after + 2_592_000 };
  }),
  'threads, 1 pair of 20': threads((asked) => ({ metadata: { user: `u${upTo(asked, 50_000)}` } })),
  'threads, 1 pair of a third': threads((asked) => ({ metadata: { app: `a${upTo(asked, 3)}` } })),
  'threads, 2 pairs': threads((asked) => ({
    metadata: { app: 'a1', lang: `l${upTo(asked, 10)}` },
  })),
  'runs, newest': runs(() => ({})),
  'runs, completed': runs(() => ({ status: 'completed' })),
  'runs, failed': runs((asked) => ({ status: 'failed', created_before: someTime(asked) })),
  'runs, expired (none)': runs(() => ({ status: 'expired' })),
  'runs, of an assistant': runs((asked) => ({ assistant_id: `asst_${upTo(asked, 200)}` })),
  'runs, of a model, failed': runs((asked) => ({ model: `m${upTo(asked, 5)}`, status: 'failed' })),
  'runs, of a batch': runs((asked) => ({ batch_id: `batch_${upTo(asked, 100)}` })),
  'runs, 1 pair': runs((asked) => ({ metadata: { job: `j${upTo(asked, 1_000)}` } })),
  'messages, a common word': search((asked) => word(1 + upTo(asked, 20))),
  'messages, a middling word': search((asked) => word(150 + upTo(asked, 500))),
  'messages, a rare word': search((asked) => word(20_000 + upTo(asked, 20_000))),
  'messages, a common and a rare word': search(
    (asked) => `${word(2)} ${word(5_000 + upTo(asked, 20_000))}`,
  ),
  'messages, three common words': search(() => `${word(1)} ${word(2)} ${word(3)}`),
  'messages, two middling words': search(
    (asked) => `${word(100 + upTo(asked, 50))} ${word(90 + upTo(asked, 10))}`,
  ),
  'messages, before a time': search(
    (asked) => word(50 + upTo(asked, 50)),
    (asked) => ({ created_before: someTime(asked) }),
  ),
};

export async function lists(): Promise<void> {
  await using database = await startDatabase();
  const { pool: owner, projectId: project, url } = database;
  const appUrl = Object.assign(new URL(url), { username: 'bench_app', password: 'bench' }).href;
  await migrate(owner, appUrl);
  await fill(owner, project);
  const pool = createPool(appUrl, { max: 4, applicationName: 'threadmill-bench', scope: project });
  const sample = await owner.query<{ id: string }>(
    'select id from threads tablesample bernoulli (0.1) limit 500',
  );
  const asked = { pool, project, ids: sample.rows.map(({ id }) => id), random: seeded(7) };
  const figures: Record<string, Spread> = {};
  for (const [name, list] of Object.entries(LISTS)) {
    figures[name] = spread(await measure(asked, list));
    progress(name);
  }
  await pool.end();
  printTable(
    `${THREADS} threads, runs and messages`,
    ['list', 'p50 ms', 'p95 ms', 'p99 ms', `p95 ≤ ${GOAL_P95}`],
    Object.entries(figures).map(([name, { p50, p95, p99 }]) => [
      name,
      fixed(p50, 1),
      fixed(p95, 1),
      fixed(p99, 1),
      p95 <= GOAL_P95 ? 'yes' : 'no',
    ]),
  );
  await writeResult('lists', undefined, { threads: THREADS, requests: REQUESTS, figures });
}

async function measure(asked: Asked, list: List): Promise<number[]> {
  // The first ones read into memory, and prepare statements until the plan is chosen.
  for (let n = 0; n < 12; n++) await list(asked);
  const times: number[] = [];
  for (let n = 0; n < REQUESTS; n++) {
    const started = performance.now();
    await list(asked);
    times.push(performance.now() - started);
  }
  return times;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** SQL: an id that was minted in the nth part of the year. */
const idOf = (prefix: string) =>
  `'${prefix}_' || ${Array.from({ length: 9 }, (_, at) => `substr('${ALPHABET}', (ms / ${62 ** (8 - at)} % 62)::integer + 1, 1)`).join(' || ')} || lpad(n::text, 15, '0')`;

/** Triggers are off, and their rows are written at once: a row at a time takes ten times as long. */
async function fill(pool: Pool, project: ProjectId): Promise<void> {
  const moments = `(select n, (${FIRST_SECOND} + n * ${SECONDS}::bigint / ${THREADS}) as s,
    (${FIRST_SECOND} + n * ${SECONDS}::bigint / ${THREADS}) * 1000 as ms from generate_series(1, ${THREADS}) n) moments`;
  const scope = lexemesOf('x', project)[0]!.slice(0, -1);
  const steps = {
    'triggers are off': `alter table threads disable trigger user; alter table runs disable trigger user; alter table messages disable trigger user`,
    threads: `insert into threads (id, project_id, created_at, metadata, tool_resources)
      select ${idOf('thread')}, '${project}', s, jsonb_build_object('user', 'u' || (n * 7919::bigint % 50000), 'app', 'a' || n % 3, 'lang', 'l' || n % 10), '{}' from ${moments}`,
    runs: `insert into runs (id, thread_id, project_id, assistant_id, status, created_at, expires_at, model, tools, tool_resources, metadata,
        truncation_strategy, response_format, tool_choice, parallel_tool_calls, window_end_seq, temperature, top_p, key_id, batch_id)
      select ${idOf('run')}, ${idOf('thread')}, '${project}', 'asst_' || n * 31 % 200, case when n % 100 = 0 then 'failed' else 'completed' end, s, s,
        'm' || n % 5, '[]', '{}', case when n % 10 = 0 then jsonb_build_object('job', 'j' || n / 10 % 1000) else '{}' end, '{"type": "auto"}', '"auto"', '"auto"', true, 1, 1, 1, 'key',
        case when n % 10 = 1 then 'batch_' || n / 10 % 100 end from ${moments}`,
    messages: `insert into messages (id, thread_id, project_id, seq, created_at, role, status, completed_at, content, attachments, metadata, tokens, tokens_before)
      select ${idOf('msg')}, ${idOf('thread')}, '${project}', 1, s, 'user', 'completed', s,
        jsonb_build_array(jsonb_build_object('type', 'text', 'text', jsonb_build_object('value', repeat('word ', 40), 'annotations', '[]'::jsonb))), '[]', '{}', 40, 0 from ${moments}`,
    words: `insert into message_words (project_id, message_id, thread_id, created_at, words)
      select '${project}', ${idOf('msg')}, ${idOf('thread')}, s, (select array_to_tsvector(array_agg(distinct '${scope}w' || floor(exp(random() * ln(${WORDS})))::integer || 'x'))
        from generate_series(1, 12 + 0 * n)) from ${moments}`,
    pairs: `insert into metadata_pairs (project_id, list, pair, id)
      select project_id, 'threads', metadata_pair(key, value), id from threads, jsonb_each_text(metadata)
      union all select project_id, 'runs', metadata_pair(key, value), id from runs, jsonb_each_text(metadata)`,
    'triggers are on': `alter table threads enable trigger user; alter table runs enable trigger user; alter table messages enable trigger user`,
    'vacuum and statistics': 'vacuum analyze',
    checkpoint: 'checkpoint',
  };
  for (const [name, step] of Object.entries(steps)) {
    await pool.query(step);
    progress(name);
  }
}
