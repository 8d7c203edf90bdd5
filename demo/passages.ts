/** What the demo model says about passages that file_search found: the sentences nearest to the question, cited. */

const PASSAGE = /(【\d+:\d+†[^【】\n]*】)\n([\s\S]*?)(?=\n\n【\d+:\d+†|$)/g;
const MOST_CITED = 2;

/** @param input the arguments of the call, whose words are those of the question */
export function reportPassages(input: string, output: string): string {
  const wanted = new Set(wordsOf(input));
  const sentences = [...output.matchAll(PASSAGE)].flatMap(([, mark = '', text = '']) =>
    text
      .split(/(?<=[.!?])\s+|\n+/)
      .map((said) => ({ said: said.trim(), mark, score: scoreOf(said, wanted) })),
  );
  const best = sentences
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .filter(({ score }, _, [first]) => score === first!.score)
    .slice(0, MOST_CITED);
  if (best.length === 0) return 'I found nothing about that in your files.';
  return `Your files say: ${best.map(({ said, mark }) => said.replace(/[.!?]?$/, (end) => `${mark}${end || '.'}`)).join(' ')}`;
}

function scoreOf(sentence: string, wanted: ReadonlySet<string>): number {
  return new Set(wordsOf(sentence).filter((word) => wanted.has(word))).size;
}

/** Short words say little, and an ending even less. */
function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? [];
  return words.map((word) => word.replace(/(?:es|s)$/, ''));
}
