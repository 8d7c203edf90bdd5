/** npm run settings: writes docs/settings.md from the table in config/settings.ts. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { format } from 'prettier';

import { describeSetting } from '../config/read-settings.ts';
import type { Setting } from '../config/settings.ts';
import { SETTINGS } from '../config/settings.ts';

const PAGE = fileURLToPath(new URL('../docs/settings.md', import.meta.url));

export async function settingsPage(): Promise<string> {
  const rows = Object.values<Setting>(SETTINGS).map(row);
  return format([INTRODUCTION, ...rows].join('\n'), { parser: 'markdown' });
}

const INTRODUCTION = `# Settings

<!-- Made from config/settings.ts by npm run settings. Change that file, not this page. -->

A setting is an environment variable or, for \`npm start\`, an option, which goes before the variable: \`npm start -- --port 9000\`.
With the compose file, write the variables into \`.env\` beside it, such as \`LOG_LEVEL=warn\`; each process gets the variables that
it reads. An empty value counts as unset. A wrong value ends the process with a message that names the variable. No message
shows the value of a secret. The value of a secret can be in a file that \`<name>_FILE\` names, such as \`MODEL_API_KEY_FILE\`;
the compose file has passwords and keys of servers there. Of the limits of cells a worker asks for its own, and sandboxd gives at most its own.

\`npm start\` and \`npm run doctor\` read what \`api\` and \`worker\` read, but keep the workflow bundle in their data directory.
\`npm run keys\` reads the same as \`migrate\`. Both find the database of a running \`npm start\` by \`--data-dir\` or
\`THREADMILL_DATA_DIR\` if \`DATABASE_URL\` is not set. The compose file itself reads \`THREADMILL_DOMAIN\`,
 \`API_MEMORY\`, \`WORKER_MEMORY\` and \`SANDBOXD_MEMORY\`, and \`MODELS_FILE\` can name further variables that hold keys.

| Setting | Default | Values | Read by | Meaning |
| --- | --- | --- | --- | --- |`;

function row(setting: Setting): string {
  const { name, option, readers, sentence } = setting;
  const { fallback, range = '', isSecret } = describeSetting(setting);
  const names = [name, option?.split(' ')[0] ?? name].map((each) => `\`${each}\``);
  const values = range
    .replace(/^(one of|a whole number from) /, '')
    .replace(` to ${Number.MAX_SAFE_INTEGER}`, ' or more');
  const cells = [
    [...new Set(names)].join(', '),
    fallback,
    isSecret ? 'a secret' : values,
    readers.join(', '),
    sentence,
  ];
  return `| ${cells.join(' | ')} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(PAGE, await settingsPage());
