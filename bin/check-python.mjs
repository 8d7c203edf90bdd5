/**
 * Lints every Python file and checks its format with ruff's own WebAssembly build, which comes with `npm install`; ruff's
 * program would need pip. `--write` formats the files.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PositionEncoding, Workspace } from '@astral-sh/ruff-wasm-nodejs';

/** `vendor` holds unchanged files of other projects. */
const SKIPPED = new Set(['node_modules', 'dist', 'vendor']);
const OPTIONS = {
  'line-length': 120,
  'target-version': 'py39',
  lint: { select: ['E4', 'E7', 'E9', 'W', 'F', 'I', 'B', 'UP'] },
};
/** `demo/python.ts` joins these files to programs: names of one come from another, and the order of imports is kept. */
const PARTS = join('demo', 'python');
const RULES_OF_WHOLE_FILES = ['F401', 'F403', 'F821', 'I001'];

function* pythonFiles(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const skipped = entry.name.startsWith('.') || SKIPPED.has(entry.name);
    if (entry.isDirectory() && !skipped) yield* pythonFiles(path);
    if (entry.isFile() && path.endsWith('.py')) yield path;
  }
}

const workspace = (ignore) =>
  new Workspace({ ...OPTIONS, lint: { ...OPTIONS.lint, ignore } }, PositionEncoding.Utf16);
const whole = workspace([]);
const parts = workspace(RULES_OF_WHOLE_FILES);
const write = process.argv.includes('--write');

for (const path of pythonFiles('.')) {
  const ruff = path.startsWith(PARTS) ? parts : whole;
  const source = readFileSync(path, 'utf8');
  const formatted = ruff.format(source);
  if (write && formatted !== source) writeFileSync(path, formatted);
  const problems = ruff
    .check(write ? formatted : source)
    .map(({ code, message, start_location: at }) => `${at.row}:${at.column} ${code} ${message}`);
  if (!write && formatted !== source) problems.push('1:1 is not formatted (npm run format)');
  for (const problem of problems) console.error(`${path}:${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}
