/** Runs where a parser runs and tells what it may do there. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

const attempts: Record<string, () => unknown> = {
  'read its code': () => readFileSync(`${REPOSITORY}retrieval/parser/main.ts`),
  'read our package.json': () => readFileSync(`${REPOSITORY}package.json`),
  'read configuration': () => readFileSync(`${REPOSITORY}config/config.ts`),
  'list the repository': () => readdirSync(REPOSITORY),
  'read /etc/passwd': () => readFileSync('/etc/passwd'),
  'read its parent’s environment': () => readFileSync(`/proc/${process.ppid}/environ`),
  'write to /tmp': () => writeFileSync('/tmp/threadmill-probe', ''),
  'write beside its code': () => writeFileSync(`${REPOSITORY}retrieval/probe`, ''),
  'start a program': () => execFileSync('/bin/true'),
  'start a thread': () => new Worker('', { eval: true }),
  'load native code': () => process.dlopen({ exports: {} }, '/x.node'),
  'make code of a string': () => (Reflect.construct(Function, ['return 1']) as () => unknown)(),
  'change prototypes by name': () => {
    const parsed = JSON.parse('{"__proto__": {"polluted": 1}}') as object;
    const copy: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(parsed)) copy[name] = value;
    if (Object.getPrototypeOf(copy) === Object.prototype) throw new Error('kept');
  },
};

const outcome: Record<string, boolean> = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    attempt();
    outcome[name] = true;
  } catch {
    outcome[name] = false;
  }
}
process.stdout.write(
  JSON.stringify({ outcome, environment: Object.keys(process.env), cwd: process.cwd() }),
);
