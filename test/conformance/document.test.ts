/** The list of deviations as the protocol page shows it. */
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { DEVIATIONS, type Deviation } from './deviations.ts';

const PAGE = new URL('../../docs/protocol.md', import.meta.url);
const HEADING = '## Where we differ from the published description';

const code = (text: string) => `\`${text}\``;

function what({ published, sent }: Deviation): string {
  if (published === 'absent') return 'sent, not published';
  if (sent === 'absent') return 'published, not sent';
  if (published === 'served') return 'published, but every answer is an error';
  return `published ${code(published)}, sent ${code(sent)}`;
}

function entry(deviation: Deviation): string {
  const places = deviation.at.map(code).join(', ');
  return `${places}: ${what(deviation)}. ${deviation.reason} (${deviation.evidence})`;
}

/** The section's list, each entry without its line breaks. */
function documented(): string[] {
  const page = readFileSync(PAGE, 'utf8');
  const [, section = ''] = page.split(`${HEADING}\n`);
  const [list = ''] = section.split('\n## ');
  return list
    .split(/^- /m)
    .slice(1)
    .map((item) => item.trim().replaceAll(/\s+/g, ' '));
}

test('the protocol page lists every deviation, in order and in these words', () => {
  expect(documented()).toEqual(DEVIATIONS.map(entry));
});
