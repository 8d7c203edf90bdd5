/** A run's tools as chat-completion tools. Pure. */
import type {
  ChatCompletionTool,
  ChatCompletionToolChoiceOption,
} from 'openai/resources/chat/completions';

import type { SandboxStatus } from '../../../sandbox/index.ts';
import type { RunRow } from '../../../wire/rows.ts';

/** Of one call. */
const MAX_QUERIES = 8;
/** UTF-16 units of one query that count. */
const LONGEST_QUERY = 4_096;

/** The name under which the model calls the Python sandbox. */
export const CODE_INTERPRETER = 'code_interpreter';

const CODE_TOOL: ChatCompletionTool = {
  type: 'function',
  function: {
    name: CODE_INTERPRETER,
    description:
      'Runs Python code in a sandbox and returns what it prints and the value of its last expression. The user sees the figures it draws.',
    parameters: {
      type: 'object',
      properties: { code: { type: 'string', description: 'The Python code to run.' } },
      required: ['code'],
    },
  },
};

/** The name under which the model searches files. */
export const FILE_SEARCH = 'file_search';

const SEARCH_TOOL: ChatCompletionTool = {
  type: 'function',
  function: {
    name: FILE_SEARCH,
    description:
      "Searches the user's files and returns the passages that fit best. Several queries in one call are searched together.",
    parameters: {
      type: 'object',
      properties: {
        queries: {
          type: 'array',
          items: { type: 'string' },
          minItems: 1,
          maxItems: MAX_QUERIES,
          description: 'What to look for, each in words of its own.',
        },
      },
      required: ['queries'],
    },
  },
};

/** Models write a list, one text, or arguments that are not JSON. */
export function readQueries(input: string): string[] {
  let queried: unknown = input;
  try {
    const parsed = JSON.parse(input) as { queries?: unknown; query?: unknown } | null;
    queried = typeof parsed === 'object' ? (parsed?.queries ?? parsed?.query ?? []) : input;
  } catch {
    // The text itself is the query.
  }
  const texts = (Array.isArray(queried) ? queried : [queried]).filter(
    (text) => typeof text === 'string',
  );
  const queries = texts.map((text) => text.slice(0, LONGEST_QUERY).toWellFormed().trim());
  return [...new Set(queries.filter((text) => text !== ''))].slice(0, MAX_QUERIES);
}

/** Without a store there is nothing to search. */
export function usesFileSearch(run: RunRow): boolean {
  return run.vector_store_ids.length > 0 && run.tools.some(({ type }) => type === FILE_SEARCH);
}

/** `waiting`: files that cannot be found yet. */
export function fileSearchPrompt(waiting: number): string {
  return [
    `The user has given you files: the ${FILE_SEARCH} tool searches them.`,
    'Each passage it finds begins with a mark such as 【4:0†notes.txt】.',
    'After every statement that a passage supports, write its mark exactly as it is.',
    ...(waiting === 0
      ? []
      : [
          `${waiting} of the files ${waiting === 1 ? 'is' : 'are'} still being indexed and cannot be found yet:`,
          'tell the user so if an answer may be missing because of it.',
        ]),
  ].join(' ');
}

export function usesCodeInterpreter(run: RunRow): boolean {
  return run.tools.some((tool) => tool.type === 'code_interpreter');
}

export function buildTools(run: RunRow): ChatCompletionTool[] {
  return run.tools.flatMap((tool): ChatCompletionTool[] => {
    if (tool.type === 'code_interpreter') return [CODE_TOOL];
    if (tool.type === 'file_search') return usesFileSearch(run) ? [SEARCH_TOOL] : [];
    return [{ type: 'function', function: tool.function }];
  });
}

/** What the model can call. */
export function toolNames(tools: ChatCompletionTool[]): Set<string> {
  return new Set(tools.flatMap((tool) => (tool.type === 'function' ? [tool.function.name] : [])));
}

/** A demand to call tools holds for the first turn only: applied to every turn, the run could never answer. */
export function buildToolChoice(run: RunRow, turn: number): ChatCompletionToolChoiceOption {
  const choice = run.tool_choice;
  if (choice === 'none') return 'none';
  if (turn > 0 || choice === 'auto') return 'auto';
  if (choice === 'required') return 'required';
  if (choice.type === 'function') {
    return { type: 'function', function: { name: choice.function?.name ?? '' } };
  }
  if (choice.type === 'file_search' && !usesFileSearch(run)) return 'auto';
  return { type: 'function', function: { name: choice.type } };
}

/** An upload as the code finds it: below /mnt/data under its id and, while it exists, under its name. */
export type PromptFile = { id: string; name: string | null };

/** What the model must know about the sandbox that is really there. */
export function codeInterpreterPrompt(
  status: SandboxStatus,
  limitSeconds: number,
  files: PromptFile[],
): string {
  const packages =
    status.packages.length === 0 ? 'the standard library only' : status.packages.join(', ');
  return [
    `When you send code to the ${CODE_INTERPRETER} tool it runs in a stateful Python ${status.python ?? '3'} session:`,
    'variables and the files in /mnt/data stay for the next call. Print what you want to see.',
    `Each call may take ${limitSeconds} seconds. There is no network.`,
    `Installed packages: ${packages}.`,
    'To show a chart, draw it with matplotlib, one chart per figure: the user sees every figure.',
    'To give the user a file, save it in /mnt/data and link it in your answer, as in',
    '[report.csv](sandbox:/mnt/data/report.csv).',
    ...describeFiles(files),
  ].join(' ');
}

function describeFiles(files: PromptFile[]): string[] {
  const there = files.filter(({ name }) => name !== null);
  const gone = files.filter(({ name }) => name === null);
  const lines: string[] = [];
  if (there.length > 0) {
    const names = there.map(({ id, name }) => `\n- /mnt/data/${name} (also as /mnt/data/${id})`);
    lines.push(`\nThe user's files:${names.join('')}`);
  }
  if (gone.length > 0) {
    lines.push(`\nDeleted since they were given: ${gone.map(({ id }) => id).join(', ')}.`);
  }
  return lines;
}
