/** npm start: checks Node, installs the packages when some are missing, then runs everything (bin/serve.ts). */
import { installPackages } from './install.mjs';
import { nodeProblem } from './node-version.mjs';
import { runWithNode } from './with-node.mjs';
import { fileURLToPath } from 'node:url';

const problem = nodeProblem() ?? (await installPackages({ dev: false }));
if (problem === undefined) {
  const serve = fileURLToPath(new URL('serve.ts', import.meta.url));
  process.exitCode = await runWithNode([serve, ...process.argv.slice(2)]);
} else {
  console.error(problem);
  process.exitCode = 1;
}
