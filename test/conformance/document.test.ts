/** The list of deviations as the protocol page shows it. */
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { DESCRIPTION_DEVIATIONS, DEVIATIONS, REQUEST_DEVIATIONS } from './deviations.ts';
import type { Deviation, RequestDeviation } from './deviations.ts';

const PAGE = new URL('../../docs/protocol.md', import.meta.url);
const HEADING = '## Where we differ from the published description';

const code = (text: string) => `\`${text}\``;

function difference({ published, sent }: Deviation): string {
  if (published === 'absent') return 'sent, not published';
  if (sent === 'absent') return 'published, not sent';
  if (published === 'served') return 'published, but every answer is an error';
  return `published ${code(published)}, sent ${code(sent)}`;
}

const places = (at: readonly string[]) => at.map(code).join(', ');

const answerEntry = (one: Deviation) =>
  `${places(one.at)}: ${difference(one)}. ${one.reason} (${one.evidence})`;

const requestEntry = ({ at, what, found, reason, evidence }: RequestDeviation) =>
  `${places(at)}: ${what.join(', ')}: ${found}. ${reason} (${evidence})`;

const descriptionEntry = ({ at, reason, evidence }: (typeof DESCRIPTION_DEVIATIONS)[number]) =>
  `${places(at)}, in \`/openapi.json\`: ${reason} (${evidence})`;

/** The section's list, each entry without its line breaks. */
function documented(): string[] {
  const page = readFileSync(PAGE, 'utf8');
  const [, section = ''] = page.split(`${HEADING}\n`);
  const [list = ''] = section.split('\n## ');
  return list
    .split(/^- /m)
    .slice(1)
    .map((item) => item.split('\n\n')[0]!.trim().replaceAll(/\s+/g, ' '));
}

test('the protocol page lists every deviation, in order and in these words', () => {
  expect(documented()).toEqual([
    ...DEVIATIONS.map(answerEntry),
    ...REQUEST_DEVIATIONS.map(requestEntry),
    ...DESCRIPTION_DEVIATIONS.map(descriptionEntry),
  ]);
});
