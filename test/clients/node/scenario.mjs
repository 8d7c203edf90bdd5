/** Runs every check of checks.mjs through one openai client. SCENARIO_PACKAGE is the folder of the client's package. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { checksOf } from './checks.mjs';
import { runChecks } from './report.mjs';

const folder = process.env.SCENARIO_PACKAGE;
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const load = (file) => import(pathToFileURL(join(folder, file)).href);
const openai = await load('index.mjs');
const { AssistantStream } = await load('lib/AssistantStream.mjs');

await runChecks(checksOf(openai, { AssistantStream, major: Number(version.split('.')[0]) }));
