/** The texts of the console, in the language of the browser unless another is chosen. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

import { en } from './en.ts';
import { zh } from './zh.ts';

const STORED = 'threadmill.language';

export const LANGUAGES = [
  { value: 'en', label: 'English' },
  { value: 'zh', label: '简体中文' },
];

export function startLanguage(): void {
  const wanted = localStorage.getItem(STORED) ?? navigator.language;
  const mark = (language: string) => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language;
  };
  i18next.on('languageChanged', (language) => {
    localStorage.setItem(STORED, language);
    mark(language);
  });
  const lng = wanted.startsWith('zh') ? 'zh' : 'en';
  mark(lng);
  void i18next.use(initReactI18next).init({
    lng,
    fallbackLng: 'en',
    // A key is one name, with its dot.
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false },
    resources: { en: { translation: en }, zh: { translation: zh } },
  });
}

/** Dates and numbers of the chosen language. */
export function time(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–';
  return new Date(seconds * 1_000).toLocaleString(i18next.language);
}

export function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return `${(count / 1_000 ** power).toLocaleString(i18next.language, { maximumFractionDigits: 1 })} ${units[power]}`;
}

export function duration(milliseconds: number): string {
  if (milliseconds > 0 && milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const whole = milliseconds / 1_000;
  return `${whole.toLocaleString(i18next.language, { maximumFractionDigits: whole < 10 ? 1 : 0 })} s`;
}

export const seconds = (count: number) => duration(count * 1_000);

export function dollars(amount: number): string {
  const format = { style: 'currency', currency: 'USD', maximumFractionDigits: 6 } as const;
  return amount.toLocaleString(i18next.language, format);
}
