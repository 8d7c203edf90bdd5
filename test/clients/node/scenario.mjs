/**
 * Runs every check of checks.mjs through one openai client and prints a line for each: `ok NAME` or
 * `not ok NAME: REASON`. SCENARIO_PACKAGE is the folder of the client's package.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { checksOf } from './checks.mjs';

const folder = process.env.SCENARIO_PACKAGE;
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const load = (file) => import(pathToFileURL(join(folder, file)).href);
const openai = await load('index.mjs');
const { AssistantStream } = await load('lib/AssistantStream.mjs');

const checks = checksOf(openai, { AssistantStream, major: Number(version.split('.')[0]) });
await Promise.all(
  Object.entries(checks).map(async ([name, check]) => {
    try {
      await check();
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`not ok ${name}: ${JSON.stringify(String(error.stack ?? error))}`);
    }
  }),
);
