/** Words are found in every script, with nothing configured: through the API, by words alone. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { storeWith, upload } from '../support/stores.ts';

/** A text, and queries that find it and nothing else. */
const TEXTS: Readonly<Record<string, [text: string, ...queries: string[]]>> = {
  chinese: ['公司概况\n深度学习模型需要大量训练数据，才能获得良好的效果。', '训练数据', '模型需要什么数据？'],
  japanese: ['本製品の保証期間は購入日から二年間です。', '保証期間', '保証は何年間ですか'],
  korean: ['계약서의 번역을 전문가에게 맡겼습니다.', '번역', '번역은 누구에게'],
  thai: ['การรับประกันสินค้ามีระยะเวลาสองปี', 'รับประกัน', 'ระยะเวลา'],
  lao: ['ການຮັບປະກັນສິນຄ້າແມ່ນສອງປີ', 'ຮັບປະກັນ'],
  khmer: ['ការធានាផលិតផលមានរយៈពេលពីរឆ្នាំ', 'ធានា', 'រយៈពេល'],
  burmese: ['ကုန်ပစ္စည်းအာမခံကာလသည်နှစ်နှစ်ဖြစ်သည်', 'အာမခံ'],
  arabic: ['فُتِحَتِ المكتبةُ الجديدةُ في وسط المدينة', 'مكتبة', 'المدينه'],
  persian: ['این کتابخانه روزهای جمعه بسته می‌شود', 'كتابخانه', 'جمعه'],
  hebrew: ['הסִפְרִיָּה סגורה ביום שישי', 'ספריה'],
  hindi: ['पुस्तकालय शुक्रवार को बंद रहता है', 'शुक्रवार', 'पुस्तकालय कब बंद है?'],
  tamil: ['நூலகம் வெள்ளிக்கிழமை மூடப்பட்டிருக்கும்', 'நூலகம்'],
  bengali: ['গ্রন্থাগার শুক্রবার বন্ধ থাকে', 'গ্রন্থাগার'],
  greek: ['Η βιβλιοθήκη είναι κλειστή την Παρασκευή', 'βιβλιοθηκη', 'ΒΙΒΛΙΟΘΗΚΗ'],
  russian: ['Гарантия на самолёт действует пять лет', 'гарантии', 'самолет'],
  georgian: ['ბიბლიოთეკა პარასკევს დაკეტილია', 'ბიბლიოთეკა'],
  armenian: ['Գրադարանը փակ է ուրբաթ օրը', 'գրադարանը'],
  amharic: ['ቤተ መጻሕፍቱ ዓርብ ዝግ ነው', 'መጻሕፍቱ'],
  turkish: ['İstanbul kütüphanesi bugün kapalı', 'istanbul', 'ISTANBUL', 'kutuphanesi'],
  vietnamese: ['Thư viện đóng cửa vào thứ sáu', 'thu vien', 'Thư viện'.normalize('NFD')],
  german: ['Die Straße am Hafen ist für Fußgänger gesperrt.', 'STRASSE', 'Strassen', 'fussganger'],
  french: ['Le café Zoé est fermé.'.normalize('NFD'), 'café', 'cafe', 'fermée'],
}; // prettier-ignore

let env: Environment;
let store: string;
beforeAll(async () => {
  env = await Environment.start();
  const ids = await Promise.all(
    Object.entries(TEXTS).map(([name, [text]]) => upload(env.client, text, `${name}.txt`)),
  );
  store = await storeWith(env.client, ids);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

async function search(query: string, of = store) {
  const { data } = await env.client.vectorStores.search(of, { query });
  return data as ((typeof data)[number] & { 'x-threadmill': { highlights: [number, number][] } })[];
}

test.each(Object.entries(TEXTS))('%s', async (name, [text, ...queries]) => {
  for (const query of queries) {
    const [first] = await search(query);
    expect(first, query).toMatchObject({ filename: `${name}.txt`, content: [{ text }] });
    const { highlights } = first!['x-threadmill'];
    expect(highlights.length, query).toBeGreaterThan(0);
  }
});

test('an exact match comes before one with other accents', async () => {
  const spellings = ['Jägermeister', 'Jagermeister'];
  const own = await storeWith(
    env.client,
    await Promise.all(
      spellings.map((name) => upload(env.client, `${name} is a drink. ${name}!`, `${name}.txt`)),
    ),
  );
  for (const query of spellings) {
    const found = (await search(query, own)).map(({ filename }) => filename);
    expect(found).toEqual(
      [query, ...spellings.filter((name) => name !== query)].map((name) => `${name}.txt`),
    );
  }
});

test('highlights are places in the text of the file, in code points', async () => {
  const text = `🦀 ${'x '.repeat(2_000)}\n\n大量训练数据，才能`;
  const own = await storeWith(env.client, [await upload(env.client, text, 'crab.md')]);
  const [first] = await search('训练数据', own);
  const characters = Array.from(text);
  const shown = first!['x-threadmill'].highlights.map(([from, to]) =>
    characters.slice(from, to).join(''),
  );
  expect(shown).toEqual(['训练数据']);
});
