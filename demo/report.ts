/** What the demo model says about the result of a tool call. */
export type ToolResult = { name: string; arguments: string; output: string };

/** One or more sentences that hold the output: "The temperature in Paris (Celsius) is 14." */
export function reportResult({ name, arguments: json, output }: ToolResult): string {
  if (name === 'code_interpreter') return reportCode(output);
  if (name === 'file_search') return reportPassages(json, output);
  const [, noun] = /^get_?(.+)$/.exec(name) ?? [];
  if (noun === undefined) return `${name} returned: ${output}`;
  const given = JSON.parse(json) as Record<string, string | object>;
  const entries = Object.entries(given).map(([key, value]) => [key, textOf(value)] as const);
  const [[key, value] = ['', ''], ...others] = entries;
  const where = value && ` ${/location|city|place/i.test(key) ? 'in' : 'for'} ${value}`;
  const rest = others.map(([, other]) => ` (${other})`).join('');
  const words = noun.replace(/_|(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
  return `The ${words}${where}${rest} is ${output}.`;
}

const textOf = (value: string | object) =>
  typeof value === 'object' ? JSON.stringify(value) : value;

/** The results that a program printed, as sentences. */
export function readResults(output: string): string[] {
  const results = output.matchAll(/^(Solutions?|Result|Answer): (.+?)\.?$/gm);
  const sentences = [...results].map(([, label, value]) =>
    label === 'Answer'
      ? `${value![0]!.toUpperCase()}${value!.slice(1)}.`
      : `The ${label!.toLowerCase()} ${label === 'Solutions' ? 'are' : 'is'} ${value}.`,
  );
  return [...new Set(sentences)];
}

function reportCode(output: string): string {
  const [, failure] = /^Traceback [^]*\n(\w+(?:: .*)?)/m.exec(output) ?? [];
  if (failure) return `The code failed: ${failure}`;
  const files = output.matchAll(/^File: (.+)$/gm);
  const links = [...files].map(([, file]) => `[Download ${file}](sandbox:/mnt/data/${file})`);
  const lines = [...readResults(output), ...links];
  return lines.length > 0 ? lines.join('\n') : `The code printed:\n\n${output.slice(0, 2000)}`;
}

const PASSAGE = /(【\d+:\d+†[^【】\n]*】)\n([\s\S]*?)(?=\n\n【\d+:\d+†|$)/g;

/** The sentences nearest to the question, cited. `input` holds the arguments of the call, whose words are the question's. */
function reportPassages(input: string, output: string): string {
  const wanted = wordsOf(input);
  const sentences = [...output.matchAll(PASSAGE)].flatMap(([, mark = '', text = '']) =>
    text.split(/(?<=[.!?])\s+|\n+/).map((sentence) => {
      const score = [...wordsOf(sentence)].filter((word) => wanted.has(word)).length;
      return { score, cited: sentence.trim().replace(/[.!?]?$/, (end) => `${mark}${end || '.'}`) };
    }),
  );
  const best = Math.max(1, ...sentences.map(({ score }) => score));
  const cited = sentences.filter(({ score }) => score === best).slice(0, 2);
  if (cited.length === 0) return 'I found nothing about that in your files.';
  return `Your files say: ${cited.map((sentence) => sentence.cited).join(' ')}`;
}

/** Each once. Short words say little, and an ending even less. */
function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? [];
  return new Set(words.map((word) => word.replace(/(?:es|s)$/, '')));
}
