/** A database of its own for one test file, with what most statements need to exist. */
import type { KnownCaller } from '../../db/projects/api-keys.ts';
import { callerOfKey, ensureApiKey } from '../../db/projects/api-keys.ts';
import { createAssistant, getAssistantRow } from '../../db/threads/assistants.ts';
import type { Pool } from '../../db/core/pool.ts';
import { createPool, withTransaction } from '../../db/core/pool.ts';
import { WHOLE_DATABASE } from '../../db/core/row-scope.ts';
import type { AcceptedRun, NewRun } from '../../db/runs/create-run.ts';
import { createRun } from '../../db/runs/create-run.ts';
import { createThread } from '../../db/threads/threads.ts';
import type { AssistantId, KeyId, ProjectId } from '../../wire/ids.ts';
import type { AssistantRow } from '../../wire/rows.ts';
import { adminUrlOf, cloneDatabase, dropDatabase } from '../support/environment.ts';

export const SETTINGS: NewRun = {
  model: 'm',
  instructions: 'Answer.',
  tools: [],
  tool_resources: {},
  metadata: {},
  temperature: 1,
  top_p: 1,
  reasoning_effort: null,
  max_prompt_tokens: null,
  max_completion_tokens: null,
  truncation_strategy: { type: 'auto', last_messages: null },
  response_format: 'auto',
  tool_choice: 'auto',
  parallel_tool_calls: true,
  codeFileIds: [],
  vectorStoreIds: [],
  expiresAfterSeconds: 600,
};

export type Database = AsyncDisposable & {
  url: string;
  /** Of the role of the API and the worker, in the scope of the project. */
  pool: Pool;
  /** A superuser's. */
  admin: Pool;
  projectId: ProjectId;
  keyId: KeyId;
  assistant: AssistantRow;
  /** A thread with one user message and a queued run. */
  queueRun(settings?: Partial<NewRun>): Promise<AcceptedRun>;
};

export async function startDatabase(): Promise<Database> {
  const url = await cloneDatabase();
  const { project: projectId, key: keyId } = await createProject(url);
  const pool = createPool(url, { max: 10, applicationName: 'threadmill-test', scope: projectId });
  const admin = createPool(adminUrlOf(url), { max: 2, applicationName: 'threadmill-test' });
  const { id } = await createAssistant(pool, projectId, {
    ...SETTINGS,
    name: null,
    description: null,
  });
  const assistant = await getAssistantRow(pool, projectId, id as AssistantId);
  return {
    url,
    pool,
    admin,
    projectId,
    keyId,
    assistant,
    queueRun: (settings = {}) =>
      withTransaction(pool, async (tx) => {
        const content = [{ type: 'text' as const, text: { value: 'Hi', annotations: [] } }];
        const message = {
          role: 'user' as const,
          content,
          attachments: [],
          metadata: {},
          tokens: 5,
        };
        const { thread } = await createThread(tx, projectId, {
          messages: [message],
          metadata: {},
          tool_resources: {},
        });
        const place = { messages: [], onActiveRun: 'reject' as const };
        return createRun(tx, { projectId, keyId, threadId: thread.id, assistant }, place, {
          ...SETTINGS,
          ...settings,
        });
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all([pool.end(), admin.end()]);
      await dropDatabase(url);
    },
  };
}

/** The caller with a new key of a project of its own. */
export async function createProject(url: string, key = 'sk-test'): Promise<KnownCaller> {
  const pool = createPool(url, {
    max: 1,
    applicationName: 'threadmill-test',
    scope: WHOLE_DATABASE,
  });
  await ensureApiKey(pool, { projectName: key.slice(3), key });
  const caller = await callerOfKey(pool, key);
  await pool.end();
  return caller!;
}
