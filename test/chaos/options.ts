/** What `npm run chaos -- …` takes. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export type ChaosOptions = {
  seed: number;
  minutes: number;
  /** Clients at the same time. */
  clients: number;
  /** No faults: shows that the load alone breaks no rule, and makes the recording that the oracle is tested with. */
  calm: boolean;
  /** A rolling update from this checkout, in place of the faults. */
  from: string | undefined;
  /** Where the evidence is written, compressed. */
  record: string | undefined;
  /** Judges this evidence again, instead of a run. */
  judge: string | undefined;
  /** Where everything is kept; a temporary directory, removed at the end, if not given. */
  directory: string | undefined;
};

export const USAGE =
  'npm run chaos -- [--seed 1] [--minutes 15] [--clients 10] [--calm | --from CHECKOUT] [--record FILE] [--keep DIRECTORY], or --judge FILE';

/** @throws Error that says what is wrong */
export function readOptions(args: string[]): ChaosOptions {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '15' },
      clients: { type: 'string', default: '10' },
      calm: { type: 'boolean', default: false },
      from: { type: 'string' },
      record: { type: 'string' },
      judge: { type: 'string' },
      keep: { type: 'string' },
    },
  });
  return {
    seed: values.seed === undefined ? Date.now() % 1_000_000 : numberOf('seed', values.seed),
    minutes: numberOf('minutes', values.minutes),
    clients: numberOf('clients', values.clients),
    calm: values.calm,
    from: values.from === undefined ? undefined : resolve(values.from),
    record: values.record,
    judge: values.judge,
    directory: values.keep,
  };
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0)) throw new Error(`--${name} needs a number, not '${text}'.`);
  return value;
}
