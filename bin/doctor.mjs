/**
 * npm run doctor: lists installed and missing parts, with the command that installs each. This file is plain JavaScript and
 * checks the packages first, because the other programs need them.
 */
import { fileURLToPath } from 'node:url';
import { missingPackages } from './install.mjs';
import { nodeProblem } from './node-version.mjs';
import { runWithNode } from './with-node.mjs';

const problem = nodeProblem() ?? packagesProblem();
if (problem === undefined) {
  const doctor = fileURLToPath(new URL('doctor.ts', import.meta.url));
  process.exitCode = await runWithNode([doctor, ...process.argv.slice(2)]);
} else {
  console.error(problem);
  process.exitCode = 1;
}

function packagesProblem() {
  const { length } = missingPackages({ dev: false });
  if (length === 0) return undefined;
  return `${length} packages are missing: npm start installs them by itself, or run npm install --ignore-scripts. Then ask again.`;
}
