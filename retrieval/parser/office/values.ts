/** Numbers as a sheet shows them, and dates in ISO 8601. */
import { dateFromSerial, format, isDateFormat } from 'numfmt';

/** Formats that files name by number, except those of plain digits. */
const BUILT_IN: Record<number, string> = {
  9: '0%',
  10: '0.00%',
  11: '0.00E+00',
  12: '# ?/?',
  13: '# ??/??',
  14: 'yyyy-mm-dd',
  15: 'd-mmm-yy',
  16: 'd-mmm',
  17: 'mmm-yy',
  18: 'h:mm AM/PM',
  19: 'h:mm:ss AM/PM',
  20: 'h:mm',
  21: 'h:mm:ss',
  22: 'yyyy-mm-dd hh:mm',
  45: 'mm:ss',
  46: '[h]:mm:ss',
  47: 'mm:ss.0',
};
/** East Asian and Thai dates. */
const isOtherDate = (id: number) => (id >= 27 && id <= 36) || (id >= 50 && id <= 58) || id === 81;
const SECONDS_OF_DAY = 86_400;
const LONGEST_FORMAT = 255;

export function builtInFormat(id: number): string {
  return BUILT_IN[id] ?? (isOtherDate(id) ? 'yyyy-mm-dd' : '');
}

/**
 * `value` is a number as files write it. A date whose month is a number becomes `2026-01-31`, because readers could not
 * tell month from day. A number without a format keeps its digits, without the noise of binary fractions.
 */
export function showNumber(value: string, code: string, from1904 = false): string {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) return value;
  const plain = String(Number(number.toPrecision(15)));
  if (code === '' || /^general$/i.test(code) || code.length > LONGEST_FORMAT) return plain;
  try {
    const serial = from1904 && isDateFormat(code) ? number + 1_462 : number;
    if (isDateFormat(code) && !/mmm|\[/i.test(code.replace(/\[\$[^\]]*\]/g, ''))) {
      return isoDate(serial, code);
    }
    return format(code, serial).trim() || plain;
  } catch {
    return plain;
  }
}

function isoDate(serial: number, code: string): string {
  const letters = code.replace(/"[^"]*"|\\.|\[[^\]]*\]/g, '').toLowerCase();
  const rounded = Math.round(serial * SECONDS_OF_DAY) / SECONDS_OF_DAY;
  const date = dateFromSerial(Math.floor(rounded));
  const [year = 0, month = 0, day = 0] = date ?? [];
  const two = (number: number) => String(number).padStart(2, '0');
  const seconds = Math.round((rounded - Math.floor(rounded)) * SECONDS_OF_DAY);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const time = `${two(h)}:${two(m)}${/s/.test(letters) ? `:${two(s)}` : ''}`;
  const days = `${year}-${two(month)}-${two(day)}`;
  if (!/[yd]/.test(letters)) return time;
  return /h/.test(letters) ? `${days} ${time}` : days;
}
