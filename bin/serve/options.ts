/** The command line of npm start. */
import { parseArgs } from 'node:util';
import { loadConfig } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import { describeSetting, optionOf } from '../../config/read-settings.ts';
import type { Setting } from '../../config/settings.ts';
import { SETTINGS } from '../../config/settings.ts';
import { understood } from './start-error.ts';

const OPTIONS = Object.values<Setting>(SETTINGS).filter(({ option }) => option !== undefined);

export const HELP = `Usage: npm start -- [options]

Starts everything on this computer: a database, a Temporal server, the worker and the API.

${OPTIONS.map(helpLine).join('\n')}
  --help                       This text

docs/settings.md lists every setting.`;

function helpLine(setting: Setting): string {
  const { name, option = '', sentence } = setting;
  const variable = name.startsWith('--') ? '' : `${name}, `;
  const line = `${option.padEnd(28)} ${sentence} (${variable}${describeSetting(setting).fallback})`;
  return `  ${line.replaceAll('`', '')}`;
}

export type Options = {
  config: Config;
  /** An option names the port of the Temporal UI, so no other port is taken when it is busy. */
  uiPortGiven: boolean;
};

/**
 * Reads options and environment; undefined with `--help`.
 * @throws StartError and ConfigError
 */
export function readOptions(args: string[]): Options | undefined {
  if (args.includes('--help')) return undefined;
  const options = parse(args);
  const uiPortGiven = options['temporal-ui-port'] !== undefined;
  return { config: loadConfig(process.env, options), uiPortGiven };
}

function parse(args: string[]): Record<string, string | undefined> {
  const text = { type: 'string' } as const;
  const options = Object.fromEntries(OPTIONS.map((setting) => [optionOf(setting), text]));
  const help = 'npm start -- --help lists the options.';
  return understood(() => parseArgs({ args, options }).values, help);
}
