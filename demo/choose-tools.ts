/** Which of the offered functions a question asks for, by the words they share. */
import type { FunctionTool, JsonSchema } from './request.ts';

// Words that mean much the same to a user. The first of a row stands for all.
const CONCEPTS = [
  'weather temperature forecast climate hot hotter cold warm sunny snow degrees',
  'rain rainy raining umbrella precipitation shower',
  'probability likelihood likely chance odds',
  'price cost quote worth expensive trading',
  'stock share ticker equity',
  'mail email e-mail',
  'message text sms notify notification',
  'time clock hour',
  'status state progress where track tracking',
  'order purchase package parcel delivery shipment',
  'buy purchase',
  'search find lookup look',
  'restaurant eat dinner lunch food',
  'flight fly plane airline',
  'hotel stay room accommodation',
  'event meeting appointment calendar',
  'convert conversion exchange',
  'currency money dollar euro usd eur',
  'user customer profile account',
  'joke funny',
  'reservation book booking reserve',
  'schedule plan',
  'delete remove',
  'create add make new',
  'set turn switch change adjust',
  'add plus sum addition',
  'subtract minus difference subtraction',
  'multiply times product multiplication',
  'divide divided division quotient',
  'calculate calculator compute evaluate expression math arithmetic',
].map((row) => row.split(' '));

const IGNORED = new Set(
  (
    'get fetch retrieve show tell give return current the a an of for in on at to and or is are be it its this that ' +
    'what which who how when please me my you your i we can could would will with from by as do does did specific ' +
    'given function tool call value name data info information list today now there any about use using s t ll re'
  ).split(' '),
);

/** Functions that change something are called only when the question says so. */
const ACTIONS = new Set(
  'cancel delete remove send create add update book buy refund transfer pay schedule set submit post'.split(
    ' ',
  ),
);

type Scored = { tool: FunctionTool; score: number; words: Set<string> };

/** The functions to call, as the question mentions them; several when each answers another part of it. */
export function matchingTools(question: string, tools: FunctionTool[]): FunctionTool[] {
  const asked = wordsOf(spellOperators(question));
  const scored = tools
    .map((tool) => score(tool, asked))
    .filter((one) => one.score >= 2)
    .sort((a, b) => b.score - a.score);
  const covered = new Set<string>();
  const firstMention = ({ words }: Scored) => asked.findIndex((word) => words.has(word));
  return scored
    .filter(({ words }) => {
      const isNew = [...words].some((word) => !covered.has(word));
      for (const word of words) covered.add(word);
      return isNew;
    })
    .sort((a, b) => firstMention(a) - firstMention(b))
    .map(({ tool }) => tool);
}

/** "3 + 4" asks for a function called add, or for a calculator. */
function spellOperators(question: string): string {
  const names: Record<string, string> = {
    '+': 'add',
    '-': 'subtract',
    '*': 'multiply',
    '/': 'divide',
  };
  return question.replace(/(?<=\d\s*)[-+*/](?=\s*\d)/g, (sign) => ` ${names[sign]} calculate `);
}

/** A word of the name counts double; description and parameters together have to bring two. */
function score(tool: FunctionTool, asked: string[]): Scored {
  const nameWords = wordsOf(tool.name);
  const words = new Set<string>();
  let total = 0;
  for (const word of nameWords) {
    const match = asked.find((one) => isSame(one, word));
    if (match) {
      total += isSameWord(match, word) ? 2.5 : 2;
      words.add(match);
    } else if (ACTIONS.has(word)) return { tool, score: 0, words };
  }
  const others = [...wordsOf(tool.description ?? ''), ...parameterWords(tool.parameters)];
  const fromOthers = new Set(asked.filter((one) => others.some((word) => isSame(one, word))));
  // Words already matched by the name, and what only the description knows, tell less.
  total += [...fromOthers].filter((one) => !words.has(one)).length;
  if (words.size === 0) for (const word of fromOthers) words.add(word);
  return { tool, score: total, words };
}

function parameterWords(parameters: JsonSchema | undefined): string[] {
  if (typeof parameters !== 'object') return [];
  return Object.keys((parameters.properties as object | undefined) ?? {}).flatMap(wordsOf);
}

function isSame(first: string, second: string): boolean {
  return (
    isSameWord(first, second) ||
    CONCEPTS.some(
      (row) =>
        row.some((one) => isSameWord(one, first)) && row.some((one) => isSameWord(one, second)),
    )
  );
}

function isSameWord(first: string, second: string): boolean {
  return stem(first) === stem(second);
}

function stem(word: string): string {
  return word.length > 4
    ? word.replace(/(?:ies|y)$/, 'i').replace(/(?:ing|est|es|er|ed|s|e)$/, '')
    : word.replace(/s$/, '');
}

function wordsOf(text: string): string[] {
  const spaced = text.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return [...new Set(spaced.match(/[a-z]+/g) ?? [])].filter(
    (word) => word.length > 1 && !IGNORED.has(word),
  );
}
