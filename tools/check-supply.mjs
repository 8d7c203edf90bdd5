/** Part of npm run check: licenses of the packages of production, and that no install runs scripts of packages. No network. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of SPDX. MPL-2.0 is Pyodide's, whose files are not changed here; CC-BY-4.0 that of data which only a build reads. */
const ALLOWED = [
  'MIT',
  'MIT-0',
  'Apache-2.0',
  'Apache-2.0 AND MIT',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'ISC',
  'Unlicense',
  'BlueOak-1.0.0',
  'MPL-2.0',
  'CC-BY-4.0',
];
/** Their manifests name no license; that of unionfs's repository is the Unlicense. */
const READ_BY_HAND = ['node_modules/unionfs'];
/** Files that install packages, and pages that say how to. */
const INSTALLING = [
  'Dockerfile',
  '.ci/run',
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** @returns {string[]} */
function unknownLicenses() {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev && !READ_BY_HAND.includes(path))
    .filter(([, { license = 'none' }]) => !ALLOWED.includes(license))
    .map(([path, { license = 'none' }]) => `${path}: license ${license} was not looked at`);
}

/** @returns {string[]} */
function installsWithScripts() {
  return INSTALLING.flatMap((name) =>
    readFileSync(name, 'utf8')
      .split('\n')
      .filter((line) => /\bnpm ci\b|^(RUN )?npm install\b/.test(line))
      .filter((line) => !/refuse|--ignore-scripts/.test(line))
      .map((line) => `${name}: without --ignore-scripts: ${line.trim()}`),
  );
}

const problems = [...unknownLicenses(), ...installsWithScripts()];
if (!readFileSync('bin/install.mjs', 'utf8').includes(`'--ignore-scripts'`)) {
  problems.push('bin/install.mjs: without --ignore-scripts');
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
