/** Every described field, probed through the parsers: absent, null, of another type, and just inside and outside its bounds. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import * as requests from '../../wire/requests.ts';
import {
  DESCRIBED_BODIES,
  DESCRIBED_NESTED,
  type Described,
  type DescribedBody,
  OUR_DIFFERENCES,
} from '../fixtures/described-fields.ts';
import { refused } from './refused.ts';

type Name = keyof typeof DESCRIBED_BODIES;
type Body = Record<string, unknown>;

const parsers: Record<Name, (body: unknown) => unknown> = {
  createAssistant: requests.parseCreateAssistant,
  modifyAssistant: requests.parseModifyAssistant,
  createThread: requests.parseCreateThread,
  modifyThread: requests.parseModifyThread,
  createMessage: requests.parseCreateMessage,
  modifyMessage: requests.parseModifyMessage,
  createRun: requests.parseCreateRun,
  createThreadAndRun: requests.parseCreateThreadAndRun,
  modifyRun: requests.parseModifyRun,
  submitToolOutputs: requests.parseSubmitToolOutputs,
  createUpload: requests.parseCreateUpload,
  completeUpload: requests.parseCompleteUpload,
};

const UPLOAD = { filename: 'a.txt', purpose: 'assistants', bytes: 1, mime_type: 'text/plain' };

const smallest: Record<Name, Body> = {
  createAssistant: { model: 'm' },
  modifyAssistant: {},
  createThread: {},
  modifyThread: {},
  createMessage: { role: 'user', content: 'x' },
  modifyMessage: {},
  createRun: { assistant_id: 'asst_1' },
  createThreadAndRun: { assistant_id: 'asst_1' },
  modifyRun: {},
  submitToolOutputs: { tool_outputs: [] },
  createUpload: UPLOAD,
  completeUpload: { part_ids: ['part_1'] },
};

/** Bodies in which every nested field of the fixture exists. */
const complete: Partial<Record<Name, Body>> = {
  createAssistant: {
    model: 'm',
    tools: [
      {
        type: 'file_search',
        file_search: {
          max_num_results: 1,
          ranking_options: { score_threshold: 0.5, ranker: 'auto' },
        },
      },
      {
        type: 'function',
        function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
      },
    ],
    tool_resources: {
      code_interpreter: { file_ids: ['file-1'] },
      file_search: { vector_store_ids: ['vs_1'] },
    },
    response_format: {
      type: 'json_schema',
      json_schema: { name: 's', description: 'd', schema: {}, strict: null },
    },
  },
  modifyAssistant: { tool_resources: { file_search: { vector_store_ids: [] } } },
  createThread: {
    tool_resources: {
      file_search: {
        vector_stores: [
          {
            chunking_strategy: {
              type: 'static',
              static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 50 },
            },
          },
        ],
      },
    },
  },
  createUpload: { ...UPLOAD, expires_after: { anchor: 'created_at', seconds: 3600 } },
  modifyThread: { tool_resources: { code_interpreter: { file_ids: [] } } },
  createThreadAndRun: {
    assistant_id: 'asst_1',
    tool_resources: { code_interpreter: { file_ids: [] } },
  },
  createRun: {
    assistant_id: 'asst_1',
    truncation_strategy: { type: 'last_messages', last_messages: 3 },
    tool_choice: { type: 'function', function: { name: 'f' } },
  },
  createMessage: {
    role: 'user',
    content: [
      { type: 'image_file', image_file: { file_id: 'file-1', detail: 'low' } },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
    ],
  },
};

describe.each(Object.keys(DESCRIBED_BODIES) as Name[])('%s', (name) => {
  const fields: DescribedBody = DESCRIBED_BODIES[name];

  test('takes the described fields, ours, and no others', () => {
    const schema = z.toJSONSchema(requests.requestSchemas[name], { io: 'input' });
    const extra = OUR_DIFFERENCES.extraFields[name] ?? [];
    expect(Object.keys(schema.properties ?? {}).sort()).toEqual(
      [...Object.keys(fields), ...extra].sort(),
    );
    expect(schema.additionalProperties).toBe(false);
    expect(refused(() => parsers[name]({ ...smallest[name], bogus: 1 })).code).toBe(
      'unknown_parameter',
    );
  });

  test('accepts its smallest body', () => {
    expect(() => parsers[name](smallest[name])).not.toThrow();
  });

  for (const [path, field] of Object.entries(fields)) {
    describe(path, () => {
      probe(name, smallest[name], path, field);
    });
  }
});

describe.each(DESCRIBED_NESTED)('$body: $path', ({ body, path, field }) => {
  test('is part of a body that is accepted', () => {
    expect(() => parsers[body](complete[body])).not.toThrow();
    expect(get(complete[body] ?? {}, path)).toBeDefined();
  });
  probe(body, complete[body] ?? {}, path, field);
});

function probe(name: Name, base: Body, path: string, field: Described): void {
  const param = path.replace(/\.(\d+)/g, '[$1]');
  const parse = (value: unknown): unknown => parsers[name](put(base, path, value));
  const codeOf = (value: unknown): string | null => {
    const error = refused(() => parse(value));
    expect(error).toMatchObject({ status: 400, param });
    return error.code;
  };

  test(field.required ? 'is required' : 'is optional', () => {
    if (field.required) {
      expect(codeOf(undefined)).toBe('missing_required_parameter');
    } else {
      expect(() => parse(undefined)).not.toThrow();
    }
  });

  if (field.nullable) {
    test('may be null', () => {
      expect(() => parse(null)).not.toThrow();
    });
  }
  if (field.required) {
    test('may not be null', () => {
      expect(codeOf(null)).toBe('invalid_type');
    });
  }

  test('is of its type only', () => {
    const wrong = field.type === 'boolean' ? 'true' : true;
    expect(codeOf(wrong)).toBe('invalid_type');
  });

  const max = OUR_DIFFERENCES.longerLists[`${name}.${path}`] ?? field.max;
  if (max !== undefined) {
    test(`is at most ${max}`, () => {
      expect(() => parse(sized(field, path, max))).not.toThrow();
      const over = field.type === 'number' ? max + 0.001 : max + 1;
      expect(codeOf(sized(field, path, over))).toBe(
        `${codeNoun(field)}_above_max_${measure(field)}`,
      );
    });
  }
  const min = OUR_DIFFERENCES.lowerMinimums[`${name}.${path}`] ?? field.min;
  if (min !== undefined) {
    test(`is at least ${min}`, () => {
      expect(() => parse(min)).not.toThrow();
      const under = field.type === 'number' ? min - 0.001 : min - 1;
      expect(codeOf(under)).toBe(`${codeNoun(field)}_below_min_value`);
    });
  }
  const { values } = field;
  if (values !== undefined) {
    test(`is one of ${values.join(', ')}`, () => {
      for (const value of values) {
        expect(() => parse(value)).not.toThrow();
      }
      expect(codeOf('bogus')).toBe('invalid_value');
    });
  }
}

function sized({ type }: Described, path: string, size: number): unknown {
  switch (type) {
    case 'string':
      return 'x'.repeat(size);
    case 'array':
      return Array.from({ length: size }, () => element(path));
    default:
      return size;
  }
}

function element(path: string): unknown {
  if (path.endsWith('_ids')) {
    return 'file-1';
  }
  return path === 'tools' ? { type: 'code_interpreter' } : {};
}

function codeNoun({ type }: Described): string {
  return type === 'number' ? 'decimal' : type;
}

function measure({ type }: Described): string {
  return type === 'string' || type === 'array' ? 'length' : 'value';
}

function get(base: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], base);
}

/** A copy of `base` in which the field at `path` has this value; undefined as after JSON: absent. */
function put(base: Body, path: string, value: unknown): unknown {
  const copy = structuredClone(base);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const owner = keys.reduce<Record<string, unknown>>(
    (inner, key) => inner[key] as Record<string, unknown>,
    copy,
  );
  owner[last] = value;
  return JSON.parse(JSON.stringify(copy));
}
