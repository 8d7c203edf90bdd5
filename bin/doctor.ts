/** Checks all parts concurrently and prints its findings. The exit code is 0 when npm start and runs will work. */
import type { Config } from '../config/config.ts';
import { embeddings } from './doctor/embeddings.ts';
import { models } from './doctor/model.ts';
import { report } from './doctor/report.ts';
import type { Finding } from './doctor/report.ts';
import { sandbox } from './doctor/sandbox.ts';
import * as servers from './doctor/servers.ts';
import { readOptions } from './serve/options.ts';
import { describe } from './serve/start-error.ts';

const HELP = `Usage: npm run doctor -- [options of npm start]

Lists installed and missing parts, with the command that installs each. The exit code is 0 when npm start and runs would work.`;

async function look(): Promise<Finding[] | undefined> {
  try {
    const options = readOptions(process.argv.slice(2));
    return options && (await examine(options.config));
  } catch (error) {
    return [{ part: 'Settings', state: 'stop', says: describe(error) }];
  }
}

async function examine(config: Config): Promise<Finding[]> {
  const found = await Promise.all([
    caught('Temporal', servers.temporal(config)),
    caught('Database', servers.database(config)),
    servers.dataDirectory(config),
    servers.port(config),
    sandbox(config),
    models(config),
    embeddings(config),
  ]);
  return [servers.node(), ...found.flat()];
}

/** Turns the sentence that would end npm start into a finding. */
async function caught(part: string, finding: Promise<Finding>): Promise<Finding> {
  return finding.catch((error: unknown) => ({ part, state: 'stop', says: describe(error) }));
}

const findings = await look();
if (findings === undefined) console.log(HELP);
else {
  console.log(report(findings));
  process.exitCode = findings.some(({ state }) => state === 'stop' || state === 'fail') ? 1 : 0;
}
