import { expect, test } from 'vitest';

import { reportResult } from '../../demo/report.ts';

function report(name: string, args: object | string, output: string): string {
  const json = typeof args === 'string' ? args : JSON.stringify(args);
  return reportResult({ name, arguments: json, output });
}

test.each([
  [
    'get_weather',
    { city: 'Rome' },
    '14 °C, light wind',
    'The weather in Rome is 14 °C, light wind.',
  ],
  ['getStockPrice', { symbol: 'A' }, '$189', 'The stock price for A is $189.'],
  ['get_current_time', {}, '12:00', 'The current time is 12:00.'],
  ['get_open_orders', { user: 7 }, '3', 'The open orders for 7 are 3.'],
  ['get_status', { id: 'x' }, 'Shipped.', 'The status for x is Shipped.'],
  ['get_weather', { city: 'Rome', unit: 'C' }, '14', 'The weather in Rome (C) is 14.'],
])('an output that continues a sentence ends it: %s', (name, args, output, sentence) => {
  expect(report(name, args, output)).toBe(sentence);
});

test.each([
  ['get_weather', { city: 'Rome' }, '{"degrees":14}', 'The weather in Rome: {"degrees":14}'],
  ['get_weather', { city: 'Rome' }, 'It is fine there', 'The weather in Rome: It is fine there'],
  ['get_weather', {}, '', 'The weather: (nothing)'],
  ['send_mail', { to: 'ann' }, 'done', 'send_mail (to: ann) returned: done'],
  ['send_mail', 'not JSON', 'done', 'send_mail returned: done'],
])('any other output is quoted: %s', (name, args, output, sentence) => {
  expect(report(name, args, output)).toBe(sentence);
});

test('a program’s result is a sentence, and whatever else it printed is quoted', () => {
  expect(report('code_interpreter', {}, 'a = 3\nSolution: x = 1\n')).toBe('The solution is x = 1.');
  expect(report('code_interpreter', {}, 'hello\n')).toBe('The code printed:\n\nhello');
  expect(report('code_interpreter', {}, '[image file-abc]')).toBe(
    'The code drew what you see in this message.',
  );
  expect(report('code_interpreter', {}, 'hello\n(2 images)')).toBe(
    'The code printed:\n\nhello\n\nThe code drew what you see in this message.',
  );
  expect(report('code_interpreter', {}, '')).toBe('The code ran and printed nothing.');
});
