/**
 * What a conversation tells about the sandbox: the packages in it and the files put there. No wording is relied upon:
 * a list that follows the word "packages", paths in /mnt/data, file ids, and names that end like a file's.
 */
import type { Message } from './request.ts';

export type DataFile = {
  /** Where Python finds it. */
  path: string;
  /** Its own name when that is known, else the id. */
  name: string;
};

export type Workspace = { packages: Set<string>; files: DataFile[] };

/** Nothing but the standard library, and no files. */
export const EMPTY_WORKSPACE: Workspace = { packages: new Set(), files: [] };

/** The tool prompt stands at the end of the instructions, which may be long. */
const READ_CHARACTERS = 20_000;
const READ_MESSAGES = 100;
const FOLDER = '/mnt/data/';
const TABLE = /\.(?:csv|tsv|xlsx|json)$/i;
const NAME = String.raw`[\w-][\w.-]*\.(?:csv|tsv|xlsx|json|txt|md|pdf|png|jpe?g|py|xml|html|zip)\b`;
// Not sandbox:/mnt/data/…, which is how files are linked.
const MENTION = new RegExp(
  String.raw`(?<!sandbox:)/mnt/data/(?<path>[\w-][\w.-]*\w)|\b(?<id>file-[\w-]+)|(?<![\w/.-])(?<name>${NAME})`,
  'gi',
);

/** Links to files, which are examples or answers, and lines about files that are gone. */
const NOT_THERE = /\[[^\]\n]*\]\(sandbox:[^)\n]*\)|^.*\bdeleted\b.*$/gim;

/** Reads the messages that can speak of the sandbox: the instructions, and what users said. */
export function readWorkspace(messages: Message[]): Workspace {
  const texts = messages
    .filter(({ role }) => role === 'system' || role === 'developer' || role === 'user')
    .slice(-READ_MESSAGES)
    .map((message) => ({ role: message.role, text: textOf(message).slice(-READ_CHARACTERS) }));
  const instructions = texts.filter(({ role }) => role !== 'user').map(({ text }) => text);
  return {
    packages: new Set(instructions.flatMap(packagesIn)),
    files: texts.flatMap(({ text }) => filesIn(text)),
  };
}

function textOf({ content }: Message): string {
  if (!Array.isArray(content)) return content ?? '';
  return content.map((part) => part.text ?? '').join('\n');
}

/** "Installed packages: numpy 1.24.2, pandas 1.5.3." as one sentence or as a list with bullets. */
function packagesIn(text: string): string[] {
  return [...text.matchAll(/\bpackages\b[^:.\n]{0,80}:\s*([^\n]*(?:\n\s*[-*•][^\n]*)*)/gi)].flatMap(
    ([, list]) =>
      list!
        .split(/\.(?:\s|$)/)[0]!
        .toLowerCase()
        .split(/[,;\n]/)
        .map((entry) => /[a-z][\w-]*/.exec(entry)?.[0] ?? ''),
  );
}

/** An id and a name that stand side by side are one file; repetitions of either add nothing. */
function filesIn(text: string): DataFile[] {
  const found: { id?: string; name?: string; isPath?: boolean }[] = [];
  for (const { groups = {} } of text.replace(NOT_THERE, '').matchAll(MENTION)) {
    const word = groups['path'] ?? groups['id'] ?? groups['name']!;
    const kind = /^file-/i.test(word) ? 'id' : 'name';
    const last = found.at(-1);
    if (last?.[kind] === word) last.isPath ||= kind === 'name' && groups['path'] !== undefined;
    else if (last !== undefined && last[kind] === undefined) last[kind] = word;
    else found.push({ [kind]: word });
    const current = found.at(-1)!;
    if (kind === 'name' && groups['path'] !== undefined) current.isPath = true;
  }
  return found.map(({ id, name, isPath }) => ({
    path: FOLDER + (isPath || id === undefined ? name : id),
    name: name ?? id!,
  }));
}

/** The file a question is about: the one it names, else the last table, else the last file. */
export function fileInQuestion({ files }: Workspace, question: string): DataFile | undefined {
  return (
    files.findLast(({ name, path }) => question.includes(name) || question.includes(path)) ??
    files.findLast(({ name }) => TABLE.test(name)) ??
    files.at(-1)
  );
}

/** The question without ids and paths of files, which look like arithmetic. */
export function withoutFiles(question: string): string {
  return question.replace(/(?:sandbox:)?\/mnt\/data\/\S*|\bfile-[\w-]+/gi, ' ');
}
