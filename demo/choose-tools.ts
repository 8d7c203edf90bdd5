/** Which of the offered functions a question asks for, by the words they share. */
import type { FunctionTool } from './request.ts';

/** Beginnings of words that mean much the same to a user. */
const SAME = [
  /^(?:weather|temp$|temperature|forecast|climate|warm|hot|cold)/,
  /^(?:rain|precipitation|umbrella)/,
  /^(?:probab|likel|chance)/,
  /^(?:price|cost|worth|quote)/,
  /^(?:status|where|track)/,
  /^(?:order|package|deliver)/,
  /^e?mail/,
];
const IGNORED =
  /^(?:an?|and|are|at|by|can|current|data|do|does|for|from|get|have|hello|how|id|in|info|is|it|me|my|now|of|on|or|please|show|tell|that|the|there|this|to|today|user|what|when|which|who|will|with|you|your)$/;
/** Functions that change something are called only when the question says so. */
const ACTION = /^(?:cancel|delete|remove|send|create|update|book|buy|refund|pay|submit)/;

/** In the order of the question. A function is left out when better ones share all words that it shares. */
export function matchingTools(question: string, tools: FunctionTool[]): FunctionTool[] {
  const asked = wordsOf(question);
  const covered = new Set<string>();
  return tools
    .map((tool) => ({ tool, ...score(tool, asked) }))
    .filter(({ points }) => points >= 2)
    .toSorted((a, b) => b.points - a.points)
    .filter(({ shared }) => {
      const before = covered.size;
      for (const word of shared) covered.add(word);
      return covered.size > before;
    })
    .toSorted((a, b) => asked.indexOf(a.shared[0]!) - asked.indexOf(b.shared[0]!))
    .map(({ tool }) => tool);
}

/** A word of the name counts double. */
function score({ name, description, parameters }: FunctionTool, asked: string[]) {
  const named = wordsOf(name);
  const described = wordsOf([description, ...Object.keys(parameters.properties)].join(' '));
  const inName = asked.filter((word) => named.includes(word));
  const inRest = asked.filter((word) => described.includes(word) && !named.includes(word));
  const isUnasked = named.some((word) => ACTION.test(word) && !asked.includes(word));
  const points = isUnasked ? 0 : 2 * inName.length + inRest.length;
  return { points, shared: inName.length > 0 ? inName : inRest };
}

/** In lower case and without plurals; words that mean the same become one. */
function wordsOf(text: string): string[] {
  const spaced = text.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  const words = (spaced.match(/[a-z]{2,}/g) ?? []).filter((word) => !IGNORED.test(word));
  const first = (word: string) => SAME.find((beginning) => beginning.test(word))?.source;
  return words.map((word) => first(word) ?? word.replace(/s$/, ''));
}
