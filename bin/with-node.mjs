/**
 * Runs a TypeScript program with a Node that supports it: `node bin/with-node.mjs <entry.ts> [arguments]`. It forwards
 * signals and returns the exit code, so that npm and a service manager see one program. Neither process outlives the other.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import './end-with-parent.mjs';
import { ROOT, nodeForTypeScript, nodeProblem, noNodeForTypeScript } from './node-version.mjs';

/** The cache of compiled sources saves more than half a second of each start. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/threadmill/node');
const END_WITH_PARENT = new URL('end-with-parent.mjs', import.meta.url).href;
/** glibc gives each thread its own memory arena, which keeps the memory that it once needed. */
const ARENAS = '2';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Starts `node ...args` and resolves to its exit code. A signal may arrive twice, from the terminal and from this process;
 * the programs treat a repetition within a second as the same signal.
 * @param {string[]} args @param {NodeJS.ProcessEnv} [env] variables that override those of this process
 * @returns {Promise<number>}
 */
export function runWithNode(args, env = {}) {
  const node = nodeProblem() === undefined ? nodeForTypeScript() : undefined;
  if (node === undefined) {
    console.error(nodeProblem() ?? noNodeForTypeScript());
    return Promise.resolve(1);
  }
  const child = spawn(node, ['--import', END_WITH_PARENT, ...args], {
    stdio: 'inherit',
    env: {
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      MALLOC_ARENA_MAX: ARENAS,
      ...process.env,
      ...env,
      THREADMILL_PARENT: String(process.pid),
    },
  });
  // Never removed: a signal between the two exits would hide the exit code.
  for (const name of SIGNALS) process.on(name, () => child.kill(name));
  return new Promise((done) => {
    child.on('error', (error) => {
      console.error(`Node could not be started from ${node}: ${error.message}.`);
      done(1);
    });
    child.on('exit', (code, signal) => done(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [entry, ...args] = process.argv.slice(2);
  if (entry === undefined) {
    console.error('Name the program to run: node bin/with-node.mjs <entry.ts> [arguments].');
    process.exitCode = 1;
  } else {
    process.exitCode = await runWithNode([resolve(ROOT, entry), ...args]);
  }
}
