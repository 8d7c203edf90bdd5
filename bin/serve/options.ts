/** The command line of npm start. */
import { parseArgs } from 'node:util';
import { loadConfig } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import { StartError } from './start-error.ts';

export const HELP = `Usage: npm start -- [options]

Starts everything on this computer: a database, a Temporal server, the worker and the API.

  --port <number>              port of the API (PORT, 8080; 0 picks a free one)
  --host <address>             address to listen on (HOST, 127.0.0.1)
  --data-dir <directory>       where all data is kept (THREADMILL_DATA_DIR, .threadmill)
  --temporal-ui-port <number>  port of the Temporal UI (8233, or a free one when that is busy)
  --help                       this text

The README lists every setting.`;

export type Options = {
  config: Config;
  /** The Temporal UI's port was asked for, so it may not be another one. */
  uiPortGiven: boolean;
};

/** Reads flags and environment; undefined when only help was asked for. Throws StartError and ConfigError. */
export function readOptions(args: string[]): Options | undefined {
  const flags = parse(args);
  if (flags.help === true) return undefined;
  return {
    config: loadConfig(process.env, flags),
    uiPortGiven: flags['temporal-ui-port'] !== undefined,
  };
}

function parse(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = { port: text, host: text, 'data-dir': text, 'temporal-ui-port': text } as const;
    return parseArgs({ args, options: { ...options, help: { type: 'boolean' } } }).values;
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new StartError(`${sentence.replace(/\.$/, '')}; npm start -- --help lists the options.`);
  }
}
