/** Stems of prose. The language is that of a chunk's commonest small words; a query's words are looked for in every one. */
import { stemmer as arabic } from '@orama/stemmers/arabic';
import { stemmer as armenian } from '@orama/stemmers/armenian';
import { stemmer as danish } from '@orama/stemmers/danish';
import { stemmer as dutch } from '@orama/stemmers/dutch';
import { stemmer as english } from '@orama/stemmers/english';
import { stemmer as finnish } from '@orama/stemmers/finnish';
import { stemmer as french } from '@orama/stemmers/french';
import { stemmer as german } from '@orama/stemmers/german';
import { stemmer as greek } from '@orama/stemmers/greek';
import { stemmer as hungarian } from '@orama/stemmers/hungarian';
import { stemmer as hindi } from '@orama/stemmers/indian';
import { stemmer as indonesian } from '@orama/stemmers/indonesian';
import { stemmer as italian } from '@orama/stemmers/italian';
import { stemmer as norwegian } from '@orama/stemmers/norwegian';
import { stemmer as portuguese } from '@orama/stemmers/portuguese';
import { stemmer as romanian } from '@orama/stemmers/romanian';
import { stemmer as russian } from '@orama/stemmers/russian';
import { stemmer as spanish } from '@orama/stemmers/spanish';
import { stemmer as swedish } from '@orama/stemmers/swedish';
import { stemmer as tamil } from '@orama/stemmers/tamil';
import { stemmer as turkish } from '@orama/stemmers/turkish';
import { stemmer as ukrainian } from '@orama/stemmers/ukrainian';

import { withoutAccents } from './normalise.ts';

type Stemmer = (word: string) => string;

/**
 * `stem` leaves no accents. `small`: words that say nothing of a text but its language, normalised: they are not indexed. `letters`: those that
 * no other Latin language here has: a word with one tells as much.
 */
export type Language = { stem: Stemmer; small: ReadonlySet<string>; letters: RegExp | null };

const MAX_CACHED = 20_000;

function language(stem: Stemmer, small: string, letters: RegExp | null = null): Language {
  const cache = new Map<string, string>();
  const cached = (word: string) => {
    let known = cache.get(word);
    if (known !== undefined) return known;
    known = withoutAccents(stem(word));
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(word, known);
    return known;
  };
  return { stem: cached, small: new Set(small.split(' ')), letters };
}

export const ENGLISH = language(
  english,
  'i me my myself we our ours ourselves you your yours yourself he him his himself she her hers herself it its itself they ' +
    'them their theirs themselves what which who whom this that these those am is are was were be been being have has had ' +
    'having do does did doing a an the and but if or because as until while of at by for with about against between into ' +
    'through during before after above below to from up down in out on off over under again further then once here there ' +
    'when where why how all any both each few more most other some such no nor not only own same so than too very s t can ' +
    'will just should now',
);

/** Those that are written in Latin letters. */
const LATIN: readonly Language[] = [
  ENGLISH,
  language(german, 'der die das den dem des ein eine einen einem einer eines und oder nicht ist sind war wird werden wurde mit von zu zum zur für auf im in am an bei als auch sich dass nach aus wie es er sie wir ich wenn nur noch so durch über kann was wer wo welche'),
  language(french, 'le la les l un une des du de d et ou ne pas est sont était être été à au aux en dans par pour sur avec ce cette ces qui que qu quel quelle son sa ses leur il elle ils elles on nous vous se s n plus si comme où'),
  language(spanish, 'el la los las un una unos unas y o no es son era ser fue a al de del en con por para que qué se su sus lo le les como más pero si sin sobre este esta estos estas cuál cómo cuándo dónde quién', /ñ/),
  language(italian, 'il lo la i gli le l un una uno e o non è sono era essere di del della dei delle dello degli a al alla ai alle da dal dalla in nel nella con su sul sulla per che chi si come più ma se questo questa quale quando dove'),
  language(portuguese, 'o a os as um uma uns umas e ou não é são era ser foi de do da dos das em no na nos nas com por para que se ao à aos às pelo pela seu sua como mais mas este esta qual quando onde quem', /[ãõ]/),
  language(dutch, 'de het een en of niet is zijn was wordt worden van voor met op in te aan bij als ook dat die dit door naar uit om er hij zij wij ik je u kan hoe wat waar wie welke'),
  language(swedish, 'och att det som en ett är var den de av för på med inte till om har från vid hur eller men kan ska när sig du jag vi han hon vad vilken'),
  language(danish, 'og at det som en et er var den de af for på med ikke til om har fra ved hvordan eller men kan skal når sig du jeg vi han hun hvad hvilken blev efter'),
  language(norwegian, 'og at det som en et er var den de av for på med ikke til om har fra ved hvordan eller men kan skal når seg du jeg vi han hun hva hvilken ble etter'),
  language(finnish, 'ja on ei ole että se ovat oli tai kun kuin mutta myös joka jotka sen hän he me minä sinä mikä missä miten jos ovat voi tämä tässä'),
  language(hungarian, 'a az és egy nem is hogy van volt ez azt vagy de ha csak meg már mint még aki ami mi ki hol hogyan mikor lehet kell', /[őű]/),
  language(romanian, 'și în la de cu pe un o nu este sunt era a al ale ai care ce din pentru că se sau dar mai cum unde când după prin', /[ășț]/),
  language(turkish, 've bir bu da de için ile olarak olan mi mı ne nasıl nerede kim daha çok en gibi kadar sonra ama veya değil var yok her hangi', /[ğş]/),
  language(indonesian, 'dan yang di ke dari untuk dengan pada adalah ini itu tidak atau dalam akan oleh sebagai juga apa bagaimana kapan siapa mana'),
]; // prettier-ignore

/** Those that have an alphabet for themselves, nearly: a word is enough to know them. */
const SCRIPTS: readonly { letters: RegExp; language: Language }[] = [
  { letters: /[іїєґ]/, language: language(ukrainian, 'і та й в у на з до що не це є як за від або для') },
  { letters: /\p{sc=Cyrl}/u, language: language(russian, 'и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от о из ему ли если или быть был до для мы их чем была при это этот где когда какой какая какие') },
  { letters: /\p{sc=Grek}/u, language: language(greek, 'ο η το οι τα του τησ των τον την και να θα δεν με σε για από που στο στη στον στην είναι ή πωσ τι') },
  { letters: /\p{sc=Arab}/u, language: language(arabic, 'في من على الي عن ان هذا هذه التي الذي و او ما لا لم كان كانت هو هي مع كل بعد قبل هل متي اين كم كيف') },
  { letters: /\p{sc=Deva}/u, language: language(hindi, 'का की के को में से है हैं और पर यह वह था थी थे एक कि जो तो भी ने या नहीं क्या कब कहाँ कितने कितनी कैसे') },
  { letters: /\p{sc=Hebr}/u, language: language(withoutPrefix, 'של את על הוא היא לא זה זו או גם כל עם אם כי אל מה מי איך מתי היכן') },
  { letters: /\p{sc=Taml}/u, language: language(tamil, 'ஒரு மற்றும் என்று இந்த அந்த என') },
  { letters: /\p{sc=Armn}/u, language: language(armenian, 'և է են որ մի այս') },
]; // prettier-ignore
const OTHERS = language((word) => word, '');

/** Hebrew joins its article and short prepositions to a word. */
function withoutPrefix(word: string): string {
  return word.replace(/^ו?[הבלמשכ](?=\p{L}{3})|^ו(?=\p{L}{3})/u, '');
}

/** Which of the Latin languages have a small word. */
const SMALL_IN = new Map<string, number[]>();
for (const [at, { small }] of LATIN.entries()) {
  for (const word of small) SMALL_IN.set(word, [...(SMALL_IN.get(word) ?? []), at]);
}

/** The Latin language of which the words have most small words; English when they say too little. */
export function detectLanguage(words: Iterable<string>): { language: Language; isSure: boolean } {
  const counts = LATIN.map(() => 0);
  for (const word of words) {
    for (const at of SMALL_IN.get(word) ?? []) counts[at]! += 1;
    if (/^[\0-\x7f]*$/.test(word)) continue;
    for (const [at, { letters }] of LATIN.entries()) if (letters?.test(word)) counts[at]! += 1;
  }
  const most = Math.max(...counts);
  const isSure = most >= 2 && counts.filter((count) => count === most).length === 1;
  return { language: isSure ? LATIN[counts.indexOf(most)]! : ENGLISH, isSure };
}

/** The language to treat a word in. */
export function languageOf(word: string, latin: Language): Language {
  if (!/[^\0-\x7f]/.test(word) || /\p{sc=Latn}/u.test(word)) return latin;
  return SCRIPTS.find(({ letters }) => letters.test(word))?.language ?? OTHERS;
}

/** Every form that the index may have of a word, without accents. The first is the word itself, as code has it. */
export function formsOf(word: string): string[] {
  const own = languageOf(word, ENGLISH);
  const stems = own === ENGLISH ? LATIN.map(({ stem }) => stem(word)) : [own.stem(word)];
  return [...new Set([withoutAccents(word), ...stems])];
}
