/** Starts the sandbox as a worker does, which tests it with real cells, and describes it. */
import { readdir } from 'node:fs/promises';
import type { Config } from '../../config/config.ts';
import type { SandboxStatus } from '../../sandbox/index.ts';
import { openSandbox } from '../../worker/sandbox.ts';
import type { Finding } from './report.ts';
import { ok } from './report.ts';

/** Libraries that cells often import, with their Debian packages. The sandbox contains cloudpickle. */
const WANTED: Record<string, string> = {
  numpy: 'python3-numpy',
  pandas: 'python3-pandas',
  matplotlib: 'python3-matplotlib',
  scipy: 'python3-scipy',
  sympy: 'python3-sympy',
  pillow: 'python3-pil',
  openpyxl: 'python3-openpyxl',
};

const FONTS = '/usr/share/fonts';
/** Files of the fonts that `sandbox/python/notebook/fonts.py` knows. */
const CJK = /CJK|wqy|DroidSansFallback|ipag|Nanum|unifont/i;

export async function sandbox(config: Config): Promise<Finding[]> {
  await using opened = await openSandbox(config);
  const { status } = opened;
  return status.ok
    ? [describe(status), ...packages(status, config.sandboxPython), ...(await fonts(status))]
    : [unavailable(config, status)];
}

/** Matplotlib draws boxes for characters that no font has. Bubblewrap shows the fonts of this computer to the code. */
async function fonts({ backend, packages: installed }: SandboxStatus): Promise<Finding[]> {
  const draws = installed.some((entry) => entry.startsWith('matplotlib'));
  if (backend !== 'bubblewrap' || !draws) return [];
  const files = await readdir(FONTS, { recursive: true }).catch(() => []);
  if (files.some((name) => CJK.test(name))) return [];
  const says = 'none for Chinese, Japanese and Korean: figures show boxes instead';
  return [{ part: 'Fonts', state: 'note', says, remedy: 'apt-get install fonts-noto-cjk' }];
}

/** Without a sandbox npm start works, except for code_interpreter. */
function unavailable({ sandbox: wanted }: Config, { reason = '' }: SandboxStatus): Finding {
  const says = `none (SANDBOX=${wanted}): runs that use code_interpreter will fail`;
  return { part: 'Sandbox', state: 'note', says, remedy: reason };
}

function describe(status: SandboxStatus): Finding {
  const { backend, behind, python, guarantees, limitations = [], reason } = status;
  const name = behind === undefined ? backend : `${backend}, which runs ${behind}`;
  return {
    part: 'Sandbox',
    state: reason === undefined ? 'ok' : 'note',
    says: `${name}, Python ${python ?? 'of unknown version'}`,
    details: [
      `Tested: the code ${guarantees.join('; ')}.`,
      ...(limitations.length === 0 ? [] : [`But: ${limitations.join('; ')}.`]),
    ],
    // The reason why the better backend is not used, and how to get it.
    remedy: reason,
  };
}

function packages({ backend, packages: installed }: SandboxStatus, python: string): Finding[] {
  const names = new Set(installed.map((entry) => entry.split(' ')[0]));
  const missing = Object.keys(WANTED).filter((name) => !names.has(name));
  const says = installed.length === 0 ? 'the standard library only' : installed.join(', ');
  const part = 'Packages';
  if (missing.length === 0) return [ok(part, says)];
  const remedy = remedyFor(backend, missing, python);
  const details = [`Missing: ${missing.join(', ')}.`];
  return [{ part, state: remedy === undefined ? 'ok' : 'note', says, details, remedy }];
}

/** Only in bubblewrap can code import the packages of this computer. */
function remedyFor(backend: string, missing: string[], python: string): string | undefined {
  if (backend !== 'bubblewrap') return undefined;
  if (!python.startsWith('/usr/bin/')) return `${python} -m pip install ${missing.join(' ')}`;
  return `apt-get install ${missing.map((name) => WANTED[name]).join(' ')}`;
}
