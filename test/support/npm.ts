/** npm packages outside the checkout, installed once. */
import { join } from 'node:path';

import { run } from '../../embedded/processes.ts';
import { installed } from './installed.ts';

/** Path of a `node_modules` with packages, named exactly: `name@version`. `name` stands for all of them. */
export async function nodeModulesWith(name: string, packages: string[]): Promise<string> {
  const directory = await installed(`node-${name}`, (into) => install(into, packages));
  return join(directory, 'node_modules');
}

async function install(directory: string, packages: string[]): Promise<void> {
  const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { code, stderr } = await run('npm', [
    'install',
    '--prefix',
    directory,
    ...flags,
    ...packages,
  ]);
  if (code !== 0) throw new Error(`npm could not install ${packages.join(', ')}: ${stderr}`);
}
