import { describe, expect, test } from 'vitest';
import {
  parseEventsQuery,
  parseIncludeQuery,
  parseListFilesQuery,
  parseListMessagesQuery,
  parseListQuery,
} from './parsers.ts';
import { refused } from './refused.ts';

const DEFAULTS = { limit: 20, order: 'desc', after: undefined, before: undefined };

describe('lists', () => {
  test.each([
    ['nothing', {}, {}],
    ['undefined', undefined, {}],
    ['empty values', { limit: '', order: '', after: '', before: '' }, {}],
    [
      'everything',
      { limit: '1', order: 'asc', after: 'msg_1', before: 'msg_9' },
      { limit: 1, order: 'asc', after: 'msg_1', before: 'msg_9' },
    ],
    ['the largest limit', { limit: '100' }, { limit: 100 }],
    ['a number that is already one', { limit: 7 }, { limit: 7 }],
    ['a raw string', '?limit=5&order=asc&after=', { limit: 5, order: 'asc' }],
    ['URLSearchParams', new URLSearchParams('limit=6&before=run_1'), { limit: 6, before: 'run_1' }],
    ['a parameter of somebody else', { 'api-version': '2024-05-01', limit: '3' }, { limit: 3 }],
  ])('%s', (_name, query, expected) => {
    expect(parseListQuery(query)).toEqual({ ...DEFAULTS, ...expected });
  });

  test('other limits where the list has others', () => {
    expect(parseListFilesQuery({}).limit).toBe(10_000);
    expect(parseListFilesQuery({ limit: '10000' }).limit).toBe(10_000);
    expect(refused(() => parseListFilesQuery({ limit: '10001' })).code).toBe(
      'integer_above_max_value',
    );
  });

  test.each([
    [
      '101',
      "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
      'integer_above_max_value',
    ],
    [
      '0',
      "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
      'integer_below_min_value',
    ],
    [
      '-1',
      "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got -1 instead.",
      'integer_below_min_value',
    ],
    [
      'ten',
      "Invalid type for 'limit': expected an integer, but got a string instead.",
      'invalid_type',
    ],
    [
      '0x10',
      "Invalid type for 'limit': expected an integer, but got a string instead.",
      'invalid_type',
    ],
    [
      '1.5',
      "Invalid type for 'limit': expected an integer, but got a decimal number instead.",
      'invalid_type',
    ],
    [
      ['1', '2'],
      "Invalid type for 'limit': expected an integer, but got an array instead.",
      'invalid_type',
    ],
  ])('refuses the limit %j', (limit, message, code) => {
    expect(refused(() => parseListQuery({ limit }))).toEqual({
      status: 400,
      type: 'invalid_request_error',
      message,
      code,
      param: 'limit',
    });
  });

  test('refuses another order', () => {
    expect(refused(() => parseListQuery({ order: 'up' })).message).toBe(
      "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
    );
  });

  test.each(['after', 'before'])('refuses a %s that cannot be an id', (name) => {
    for (const value of ["x' or 1=1", 'a\0', 'é', 'x'.repeat(65)]) {
      expect(refused(() => parseListQuery({ [name]: value }))).toMatchObject({
        status: 400,
        param: name,
      });
    }
    expect(refused(() => parseListQuery({ [name]: ['a', 'b'] })).code).toBe('invalid_type');
  });
});

describe('messages of a run', () => {
  test('the run is optional', () => {
    expect(parseListMessagesQuery({ limit: '2' })).toEqual({
      ...DEFAULTS,
      limit: 2,
      run_id: undefined,
    });
    expect(parseListMessagesQuery({ run_id: 'run_1' }).run_id).toBe('run_1');
    expect(parseListMessagesQuery({ run_id: '' }).run_id).toBeUndefined();
  });

  test('and must be able to be one', () => {
    expect(refused(() => parseListMessagesQuery({ run_id: 'msg_1' })).message).toBe(
      "Invalid 'run_id': 'msg_1'. Expected an ID that begins with 'run'.",
    );
  });
});

describe('include', () => {
  const value = 'step_details.tool_calls[*].file_search.results[*].content';
  const encoded = encodeURIComponent(value);

  test.each([
    ['brackets', { 'include[]': value }],
    ['no brackets', { include: value }],
    ['an index', { 'include[0]': value }],
    ['an encoded name', { 'include%5B%5D': value }],
    ['an encoded name and value', { 'include%5b%5d': encoded }],
    ['repeated', { 'include[]': [value, value] }],
    ['a raw string as the official clients send it', `include%5B%5D=${encoded}`],
    ['a raw string with a raw name', `include[]=${encoded}`],
    ['a raw string with everything raw, twice', `include[]=${value}&include[]=${value}`],
    ['URLSearchParams', new URLSearchParams([['include', value]])],
    ['two spellings', { 'include[]': value, include: [value] }],
  ])('%s', (_name, query) => {
    expect(parseIncludeQuery(query)).toEqual({ include: [value] });
  });

  test('is empty when not asked for', () => {
    for (const query of [
      undefined,
      {},
      '',
      { limit: '5' },
      { included: value },
      { 'include[]': '' },
    ]) {
      expect(parseIncludeQuery(query)).toEqual({ include: [] });
    }
  });

  test('has one legal value', () => {
    expect(refused(() => parseIncludeQuery({ 'include[]': 'x' })).message).toBe(
      `Invalid value: 'x'. Supported values are: '${value}'.`,
    );
    expect(refused(() => parseIncludeQuery({ include: '%E0%A4%A' })).status).toBe(400);
    expect(refused(() => parseIncludeQuery({ include: { a: value } })).code).toBe('invalid_type');
  });
});

describe('events', () => {
  test('all, or those after a sequence number', () => {
    expect(parseEventsQuery({})).toMatchObject({ starting_after: undefined });
    expect(parseEventsQuery({ starting_after: '0' })).toMatchObject({ starting_after: 0 });
    expect(parseEventsQuery('starting_after=17')).toMatchObject({ starting_after: 17 });
  });

  test.each(['-1', '1.5', 'x', '99999999999', ['1', '2']])('refuses %j', (starting_after) => {
    expect(refused(() => parseEventsQuery({ starting_after }))).toMatchObject({
      status: 400,
      param: 'starting_after',
    });
  });
});
