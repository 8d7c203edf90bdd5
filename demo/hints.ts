/** What a question offers as argument values: places, names, numbers, dates, quotations. Each is used once. */

import { mathRuns } from './math-tokens.ts';

export type Hints = {
  question: string;
  /** A whole answer in words, for a property that asks for one. */
  answer?: string;
  quoted: string[];
  places: string[];
  origins: string[];
  destinations: string[];
  names: string[];
  numbers: number[];
  dates: string[];
  emails: string[];
  urls: string[];
  uuids: string[];
  codes: string[];
  /** Mathematics, as it is written in the question. */
  expressions: string[];
  /** What a sentence wants to be searched for. */
  searches: string[];
};

const NOT_NAMES = new Set(
  (
    'what which who whom whose how when where why is are am was were do does did can could will would shall should ' +
    'may might must please tell give show get find send look search check list make create add book order call use ' +
    'set convert translate write compute calculate explain describe compare and or but if then the a an this that ' +
    'these those my your his her its our their i me you he she it we they hello hi hey thanks thank yes no ok today ' +
    'tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday january february march april june ' +
    'july august september october november december celsius fahrenheit in at on for from to near let turn switch open ' +
    'close start stop cancel refund extract generate count solve plot draw run weather price'
  ).split(' '),
);
const COUNTRIES =
  'USA|US|UK|United States|United Kingdom|France|Germany|Italy|Spain|Portugal|Japan|China|India|Canada|Australia|' +
  'Brazil|Mexico|Ireland|Netherlands|Belgium|Switzerland|Austria|Poland|Sweden|Norway|Denmark|Finland|Greece|Turkey';
// Capitalised words in a row, with a state or country after a comma: "San Francisco, CA", "Paris, France".
const CAPITALISED = new RegExp(
  String.raw`\p{Lu}[\p{L}'’.-]*\p{L}(?:[ ]\p{Lu}[\p{L}'’.-]*\p{L})*(?:, (?:[A-Z]{2}|${COUNTRIES})\b)?`,
  'gu',
);
const PLACES = new RegExp(
  String.raw`\b(?:in|at|near|for|of|between|around) (${CAPITALISED.source}(?:(?:, and|, or|,| and| or| vs\.?) ${CAPITALISED.source})*)`,
  'gu',
);
const LOWER_PLACE =
  /\b(?:in|at|near|for|from|to|of) ((?!the\b|a\b|an\b|my\b|me\b|it\b)[a-z]{3,}(?: (?!today|tomorrow|now|right|and|or|this|is|to|in|at|on|will|please|for|next)[a-z]{3,})?)/g;

/** Reads the hints off a question. `today` is a date of the form 2026-01-31. */
export function readHints(question: string, today: string): Hints {
  const capitalised = properNames(question);
  const after = (words: string) =>
    captures(question, new RegExp(`\\b(?:${words}) (${CAPITALISED.source})`, 'gu'));
  return {
    question,
    quoted: captures(question, /["“”]([^"“”]+)["“”]|(?<!\w)['‘]([^'’]+)['’](?!\w)|`([^`]+)`/g),
    places: readPlaces(question, capitalised),
    origins: after('from'),
    destinations: after('to'),
    names: capitalised,
    numbers: (question.match(/(?<![\w.-])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w-])/g) ?? []).map((text) =>
      Number(text.replaceAll(',', '')),
    ),
    expressions: mathRuns(question)
      .filter((run) => run.length > 2)
      .map((run) => question.slice(run[0]!.start, run.at(-1)!.end)),
    searches: captures(question, /\b(?:search|look|find)\b[^.?!]*? for (.+?)[.?!]*$/gi),
    dates: readDates(question, today),
    emails: question.match(/[^\s@<>"',]+@[^\s@<>"',]+\.[a-z]{2,}/gi) ?? [],
    urls: question.match(/https?:\/\/[^\s"'<>)]+[^\s"'<>).,?!]/g) ?? [],
    uuids: question.match(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi) ?? [],
    codes:
      question.match(/(?<=#)[\w-]+|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{3,}\b|\b[A-Z]{3,5}\b/g) ??
      [],
  };
}

function properNames(question: string): string[] {
  const found = [...question.matchAll(CAPITALISED)].flatMap((match) => {
    const words = match[0].split(' ');
    while (isCommon(words[0])) words.shift();
    while (isCommon(words.at(-1))) words.pop();
    const name = words.join(' ').replace(/['’]s$/, '');
    const after = question.slice(match.index + match[0].length);
    const opens = /(?:^|[.!?\n])\s*$/.test(question.slice(0, match.index));
    // A sentence starts with a capital whatever the word; "Paris and …" is likely a name all the same.
    return [{ name, isDoubtful: opens && words.length === 1 && !/^(?:,| and\b)/.test(after) }];
  });
  const named = found.filter(({ name }) => name !== '');
  const sure = named.filter(({ isDoubtful }) => !isDoubtful);
  return (sure.length > 0 ? sure : named).map(({ name }) => name);
}

function isCommon(word: string | undefined): boolean {
  return word !== undefined && NOT_NAMES.has(word.toLowerCase().replace(/['’].*$/, ''));
}

/** What follows "in" and its like, with what is joined to it; else every name that is no ticker symbol. */
function readPlaces(question: string, names: string[]): string[] {
  const after = captures(question, PLACES).flatMap((joined) => properNames(`in ${joined}`));
  const places = after.length > 0 ? after : names.filter((name) => !/^[A-Z]{3,5}$/.test(name));
  if (places.length > 0) return places;
  return captures(question, LOWER_PLACE).map(capitalise);
}

function readDates(question: string, today: string): string[] {
  const written = question.match(/\b\d{4}-\d{2}-\d{2}\b/g) ?? [];
  const shift = (days: number) =>
    new Date(Date.parse(today) + days * 86_400_000).toISOString().slice(0, 10);
  const spoken = Object.entries({ today: 0, now: 0, tonight: 0, tomorrow: 1, yesterday: -1 })
    .filter(([word]) => new RegExp(`\\b${word}\\b`, 'i').test(question))
    .map(([, days]) => shift(days));
  return [...written, ...spoken];
}

function captures(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)]
    .map((match) => match.slice(1).find(Boolean) ?? '')
    .filter(Boolean);
}

function capitalise(text: string): string {
  return text.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
}
