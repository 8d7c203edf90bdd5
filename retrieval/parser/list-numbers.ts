/** The number formats of lists in Word and PowerPoint. */

const ROMAN: [number, string][] = [
  [1000, 'm'],
  [900, 'cm'],
  [500, 'd'],
  [400, 'cd'],
  [100, 'c'],
  [90, 'xc'],
  [50, 'l'],
  [40, 'xl'],
  [10, 'x'],
  [9, 'ix'],
  [5, 'v'],
  [4, 'iv'],
  [1, 'i'],
];

/** Alphabets that lists count in: after the last letter, letters are doubled. */
const LETTERS: Record<string, string> = {
  lowerletter: 'abcdefghijklmnopqrstuvwxyz',
  upperletter: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  russianlower: 'абвгдежзиклмнопрстуфхцчшщыэюя',
  russianupper: 'АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ',
  hebrew1: 'אבגדהוזחטיכלמנסעפצקרשת',
  arabicalpha: 'أبتثجحخدذرزسشصضطظعغفقكلمنهوي',
  arabicabjad: 'أبجدهوزحطيكلمنسعفصقرشتثخذضظغ',
  thailetters: 'กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ',
  ganada: '가나다라마바사아자차카타파하',
  chosung: 'ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ',
  aiueofullwidth:
    'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン',
  irohafullwidth:
    'イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス',
  ideographtraditional: '甲乙丙丁戊己庚辛壬癸',
  ideographzodiac: '子丑寅卯辰巳午未申酉戌亥',
  decimalenclosedcircle: '①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳',
  chicago: '*†‡§',
};

const CHINESE =
  /^(chinese|taiwanese|japanese)\w*counting|^(chinese|japanese)\w*legal|^ideographdigital/;
/** Digits of other scripts, by their zero. */
const DIGITS: Record<string, number> = {
  decimalfullwidth: 0xff10,
  decimalfullwidth2: 0xff10,
  hindinumbers: 0x966,
  thainumbers: 0xe50,
};

/** Unknown formats count in decimal digits. */
export function formatNumber(number: number, format: string): string {
  const name = format.toLowerCase();
  const letters = LETTERS[name];
  if (letters !== undefined && number > 0) {
    const letter = letters[(number - 1) % letters.length] ?? '';
    return letter.repeat(Math.min(Math.ceil(number / letters.length), 20));
  }
  if (name === 'lowerroman') return roman(number);
  if (name === 'upperroman') return roman(number).toUpperCase();
  if (name === 'decimalzero') return String(number).padStart(2, '0');
  if (name === 'ordinal') return `${number}${ordinalEnd(number)}`;
  if (CHINESE.test(name)) return chinese(number);
  const zero = DIGITS[name];
  if (zero === undefined) return String(number);
  return String(number).replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
}

function roman(number: number): string {
  if (number <= 0 || number >= 5_000) return String(number);
  let left = number;
  let out = '';
  for (const [value, letters] of ROMAN) {
    for (; left >= value; left -= value) out += letters;
  }
  return out;
}

function ordinalEnd(number: number): string {
  if (number % 100 >= 11 && number % 100 <= 13) return 'th';
  return ['th', 'st', 'nd', 'rd'][number % 10] ?? 'th';
}

/** 十二, 二十, 一百零五. */
function chinese(number: number): string {
  if (number < 0 || number > 9_999) return String(number);
  const digits = '零一二三四五六七八九';
  if (number < 10) return digits[number] ?? '';
  const written = String(number)
    .split('')
    .map((digit, index, { length }) =>
      digit === '0'
        ? '零'
        : `${digits[Number(digit)]}${['', '十', '百', '千'][length - 1 - index]}`,
    )
    .join('')
    .replace(/零+/g, '零')
    .replace(/零$/, '');
  return number < 20 ? written.replace('一十', '十') : written;
}
