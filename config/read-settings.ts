/** Makes typed values of variables and options by the table of settings, and says what the table knows of a setting. */
import { readFileSync } from 'node:fs';

import { z } from 'zod';

import type { Process, Setting } from './settings.ts';
import { SETTINGS } from './settings.ts';
import { ConfigError } from './values.ts';

type Table = typeof SETTINGS;

export type Settings = { readonly [K in keyof Table]: z.output<Table[K]['schema']> };

/** The settings that the table lets a process read. */
export type SettingsOf<P extends Process> = Pick<
  Settings,
  { [K in keyof Table]: P extends Table[K]['readers'][number] ? K : never }[keyof Table]
>;

export type Texts = Record<string, string | undefined>;

/** Variables of earlier versions, by the name that replaces them. They go on to work. */
export const FORMER_NAMES: Texts = { QUOTA_BYTES: 'FILE_QUOTA_BYTES' };

/** Options go before variables; a blank text counts as unset. Throws ConfigError. */
export function readSettings(env: Texts, options: Texts): Settings {
  const entries = Object.entries(SETTINGS).map(([key, setting]) => {
    const option = options[optionOf(setting)];
    return [key, readSetting(setting, option?.trim() || textOf(setting, env))];
  });
  return Object.fromEntries(entries) as Settings;
}

function textOf(setting: Setting, env: Texts): string | undefined {
  if (describeSetting(setting).isSecret) return readSecret(env, setting.name);
  return env[setting.name]?.trim() || env[FORMER_NAMES[setting.name] ?? '']?.trim() || undefined;
}

/**
 * The value of the variable, or of the file that `<name>_FILE` names: Docker's convention for secrets, which keeps them out
 * of the environment. Throws ConfigError.
 */
export function readSecret(env: Texts, name: string): string | undefined {
  const value = env[name]?.trim() || undefined;
  const file = env[`${name}_FILE`]?.trim() || undefined;
  if (file === undefined) return value;
  if (value !== undefined) throw new ConfigError(`Set ${name} or ${name}_FILE, not both.`);
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch (error) {
    throw new ConfigError(`${name}_FILE ${file} could not be read: ${(error as Error).message}`);
  }
}

/** `port` of `--port <number>`. */
export function optionOf({ option = '' }: Setting): string {
  return option.replace(/^--| .*$/g, '');
}

function readSetting(setting: Setting, given: string | undefined): unknown {
  const { success, data, error } = setting.schema.safeParse(given);
  if (success) return data;
  const { range, isSecret } = describeSetting(setting);
  const is = isSecret ? '' : `, but is '${given}'`;
  const rule = range === undefined ? error.issues[0]!.message : `must be ${range}${is}`;
  throw new ConfigError(`${setting.name} ${rule}.`);
}

/** What the schema says about a setting. The default is a value between backticks, or words. */
export function describeSetting({ schema }: Setting) {
  const shape = z.toJSONSchema(schema, { io: 'input' });
  const { minimum, maximum, enum: allowed, default: value, unset = `\`${String(value)}\`` } = shape;
  const number = `a whole number from ${minimum} to ${maximum}`;
  const range = minimum === undefined ? allowed && `one of ${allowed.join(', ')}` : number;
  return { fallback: String(unset), range, isSecret: 'secret' in shape };
}
