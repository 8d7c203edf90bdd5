/** What search takes for the same word, and where it finds words in texts of every script. */
import { describe, expect, test } from 'vitest';

import { highlighter, queryWords, toTsvector } from '../../retrieval/index.ts';

/** The lexemes of a text, in the order of their first places. */
function lexemes(text: string, isProse = true): string[] {
  return [...toTsvector(text, { scope: '', isProse }).matchAll(/'([^']+)'/g)].map(
    ([, one]) => one!,
  );
}

/** Whether the text has every word of the query in one of its forms. */
function has(text: string, query: string, isProse = true): boolean {
  const found = lexemes(text, isProse);
  const words = queryWords(query, '').filter(({ isSmall }) => !isSmall);
  return (
    words.length > 0 &&
    words.every((word) =>
      word.lexemes.some((form) =>
        found.some((lexeme) => (word.isPrefix ? lexeme.startsWith(form) : lexeme === form)),
      ),
    )
  );
}

const highlighted = (text: string, query: string): string[] => {
  const characters = Array.from(text);
  return highlighter([query])(text).map(([from, to]) => characters.slice(from, to).join(''));
};

describe('the same word in other code points', () => {
  test.each([
    ['composed and decomposed', 'Zoe\u0308 est ferme\u0301', 'Zoë fermé'],
    ['decomposed Hangul', '번역을'.normalize('NFD'), '번역'],
    ['decomposed kana', 'ガラス'.normalize('NFD'), 'ガラス'],
    ['full-width letters and digits', 'ＡＢＣ　１２３', 'abc 123'],
    ['half-width kana', 'ｶﾞﾗｽの', 'ガラス'],
    ['ligatures', 'the ﬁrst eﬃcient oﬀer', 'first efficient offer'],
    ['Arabic presentation forms', 'ﺍﻟﺴﻼﻡ', 'السلام'],
    ['Arabic vowels and tatweel', 'كِتَـــابٌ جديد', 'كتاب'],
    ['forms of alef', 'إدارة أحمد آسيا', 'ادارة احمد اسيا'],
    ['Arabic and Persian yeh and kaf', 'علی کتابخانه', 'علي كتابخانه'],
    ['digits of other scripts', 'عام ٢٠٢٤ سال ۱۴۰۳ वर्ष २०२५', '2024 1403 2025'],
    ['Hebrew points', 'שָׁלוֹם לָכֶם', 'שלום'],
    ['soft hyphens', 'Donau\u00addampf\u00adschiff', 'Donaudampfschiff'],
    ['zero-width characters', 'over\u200bhead\u2060ing\ufeff', 'overheading'],
    ['Persian with and without joiners', 'می\u200cشود', 'میشود'],
    ['Devanagari with nukta', '\u0958लम', 'क\u093cलम'],
    ['sharp s', 'Straße', 'STRASSE'],
    ['Turkish dotted and dotless i', 'İSTANBUL ve Isparta, ısı', 'istanbul ısparta ISI'],
    ['final sigma', 'ΣΟΦΟΣ', 'σοφος'],
    ['Russian without dots', 'Полёт', 'полет'],
    ['superscripts and mathematical letters', 'x² 𝐀𝐁', 'x2 ab'],
  ])('%s', (_name, text, query) => {
    expect(has(text, query)).toBe(true);
    expect(has(text, query, false)).toBe(true);
  });

  test('marks that make another letter are not left out', () => {
    expect(has('かき', 'がぎ')).toBe(false);
    expect(has('कि', 'की')).toBe(false);
    expect(has('мой', 'мои', false)).toBe(false);
  });

  test('accents are left out and marked', () => {
    expect(toTsvector('Jägermeister, Jagermeister', { scope: '', isProse: false })).toBe(
      "'jagermeister':1C,2",
    );
    expect(queryWords('Jägermeister cafe', '').map(({ isAccented }) => isAccented)).toEqual([
      true,
      false,
    ]);
    expect(has('Ærøskøbing in Łódź, Đà Nẵng', 'aeroskobing lodz da nang')).toBe(true);
  });
});

describe('words that nothing stands between', () => {
  test.each([
    ['Chinese', '深度学习模型需要大量训练数据，才能获得良好的效果。', '训练数据'],
    ['Chinese, one character', '他养了一只猫。', '猫'],
    ['Chinese over a line end', '模型需要大量训练\n数据', '训练数据'],
    ['Latin within Chinese', '使用GPT-4模型处理PDF文件', 'gpt 4 pdf'],
    ['Japanese', '本製品の保証期間は購入日から二年間です。', '保証期間'],
    ['Japanese kana', 'データベースをバックアップする', 'バックアップ'],
    ['Thai', 'การรับประกันสินค้ามีระยะเวลาสองปี', 'รับประกัน'],
    ['Lao', 'ການຮັບປະກັນສິນຄ້າແມ່ນສອງປີ', 'ຮັບປະກັນ'],
    ['Khmer', 'ការធានាផលិតផលមានរយៈពេលពីរឆ្នាំ', 'ធានា'],
    ['Khmer with invisible spaces', 'ការ\u200bធានា\u200bផលិតផល', 'ការធានា'],
    ['Burmese', 'ကုန်ပစ္စည်းအာမခံကာလသည်နှစ်နှစ်ဖြစ်သည်', 'အာမခံ'],
    ['Korean with a particle', '문서의 번역을 맡겼다', '번역'],
    ['Korean within a word', '기계번역이란 무엇인가', '번역'],
    ['Korean, one syllable', '책을 읽었다', '책'],
  ])('%s', (_name, text, query) => {
    expect(has(text, query)).toBe(true);
    expect(has(text, query, false)).toBe(true);
  });

  test('what is not there is not found', () => {
    expect(has('大量训练数据', '数据库')).toBe(false);
    expect(has('การรับประกัน', 'ประเทศ')).toBe(false);
  });
});

describe('forms of a word', () => {
  test.each([
    ['English', 'The harbour is closing, and the ships were boarded.', 'close ship boards'],
    ['German', 'Die Kündigung der Verträge ist nicht möglich.', 'Vertrag kundigen'],
    ['French', "Les chevaux nationaux et l'école sont dans la ville.", 'cheval national ecole'],
    ['Spanish', 'Las garantías de los productos no son para siempre.', 'garantia producto'],
    ['Portuguese', 'As garantias dos produtos não são para sempre.', 'garantia produto'],
    ['Italian', 'Le garanzie dei prodotti sono valide per due anni.', 'garanzia prodotto'],
    ['Russian', 'Гарантии на все товары действуют два года.', 'гарантия товар'],
    ['Arabic', 'الكتاب على الطاولة', 'كتاب'],
    ['Hebrew', 'הספר נמצא על השולחן', 'ספר שולחן'],
    ['Hindi', 'लड़कियों की किताबें', 'लड़कियाँ किताब'],
  ])('%s', (_name, text, query) => {
    expect(has(text, query)).toBe(true);
  });

  test('code is as it stands', () => {
    expect(has('parser.running = true', 'run', false)).toBe(false);
    expect(has('parser.running = true', 'running', false)).toBe(true);
    expect(lexemes('the_end of this', false)).toEqual(['the', 'end', 'of', 'this']);
  });

  test('small words of a query count as such in its language', () => {
    const small = (query: string) => queryWords(query, '').filter(({ isSmall }) => isSmall).length;
    expect(small('When does the harbour close?')).toBe(3);
    expect(small('Wann ist die Kündigung der Verträge möglich?')).toBe(3);
    expect(small('die casting')).toBe(0);
  });
});

describe('highlights', () => {
  test.each([
    ['🦀 Le cafe\u0301 est ouvert', 'café', ['cafe\u0301']],
    ['Donau\u00addampf\u00adschiff', 'donaudampfschiff', ['Donau\u00addampf\u00adschiff']],
    ['大量训练数据，才能', '训练数据', ['训练数据']],
    ['黒猫は', '猫', ['猫']],
    ['the ﬁrst harbours', 'first harbour', ['ﬁrst', 'harbours']],
    ['the end of the harbour', 'the harbour', ['harbour']],
    ['번역을 했다', '번역', ['번역']],
    ['nothing', 'harbour', []],
  ])('of %s', (text, query, expected) => {
    expect(highlighted(text, query)).toEqual(expected);
  });
});

test('a scope keeps the lexemes of one project from those of another', () => {
  const of = (scope: string) => toTsvector('harbour', { scope, isProse: true });
  expect(of('proj_a')).not.toBe(of('proj_b'));
  expect(of('proj_a')).toBe(`'${queryWords('harbour', 'proj_a')[0]!.lexemes[0]}':1`);
});
