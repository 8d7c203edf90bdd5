/** Installs missing packages of package-lock.json. The check takes milliseconds, so every start makes it. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './node-version.mjs';

const REPORT_EVERY_MS = 10_000;

/**
 * Completes node_modules. Resolves to a sentence about a failure, or undefined.
 * @param {{ dev: boolean }} options whether the packages that only tests need are wanted too
 * @returns {Promise<string | undefined>}
 */
export async function installPackages({ dev }) {
  const missing = missingPackages({ dev });
  if (missing.length === 0) return undefined;
  console.log(`Installing packages, ${missing.length} are missing (once, about a minute)`);
  const code = await npmInstall();
  if (code !== 0) {
    return 'Installing the packages failed: check the network and free disk space, then run npm install --ignore-scripts to see why.';
  }
  const left = missingPackages({ dev });
  return left.length === 0
    ? undefined
    : `npm did not install ${left.slice(0, 3).join(', ')}: run npm install --ignore-scripts.`;
}

/** Paths of locked packages that are absent or have another version, except optional ones, which depend on the platform. */
export function missingPackages({ dev }) {
  const { packages } = readJson(join(ROOT, 'package-lock.json'));
  // npm writes this file last, so an installation without it is incomplete.
  if (!existsSync(join(ROOT, 'node_modules/.package-lock.json'))) {
    return Object.keys(packages).slice(1);
  }
  return Object.entries(packages)
    .filter(
      ([path, entry]) =>
        path !== '' && !entry.optional && !entry.devOptional && (dev || !entry.dev),
    )
    .filter(([path, entry]) => installedVersion(path) !== entry.version)
    .map(([path]) => path);
}

function installedVersion(path) {
  try {
    return readJson(join(ROOT, path, 'package.json')).version;
  } catch {
    return undefined;
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * Runs the npm that started this process, else the npm on PATH. It installs the versions of the lock file and does not
 * change it. `npm ci` would refuse a lock file without the optional binaries of other platforms. No install script is needed.
 */
function npmInstall() {
  const args = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const npm = process.env.npm_execpath;
  const started = Date.now();
  const child =
    npm?.endsWith('npm-cli.js') === true
      ? spawn(process.execPath, [npm, ...args], { cwd: ROOT, stdio: 'inherit' })
      : spawn('npm', args, { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' });
  const report = setInterval(() => {
    console.log(`  still installing, ${Math.round((Date.now() - started) / 1_000)} s`);
  }, REPORT_EVERY_MS);
  return new Promise((done) => {
    child.on('error', () => done(1)).on('exit', (code) => done(code ?? 1));
  }).finally(() => clearInterval(report));
}
