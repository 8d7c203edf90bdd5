/** The OpenAPI description of this server, made from its operations and their schemas. */
import { z } from 'zod';

import { errorAnswer } from '../wire/errors/errors.ts';
import { EXTENSION } from '../wire/requests/fields.ts';
import type { ErrorStatus, Operation } from './operation.ts';
import { errorsOf, idNames } from './operation.ts';
import { OPERATIONS } from './operations/index.ts';

/** The part of JSON Schema that zod writes. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  default?: unknown;
  'x-threadmill'?: true;
} & Partial<Record<Bound, number>>;

type Bound = 'minimum' | 'maximum' | 'minLength' | 'maxLength' | 'minItems' | 'maxItems';

export type Parameter = Pick<Schema, 'x-threadmill'> & {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: true;
  /** `name[key]=value` */
  style?: 'deepObject';
  schema: Schema;
};

type Content = Record<string, { schema: Schema }>;
type Described = { description: string; content: Content };
type DescribeSchema = (schema: z.ZodType) => Schema;
export type DescribedOperation = ReturnType<typeof describeOperation>;
export type Description = ReturnType<typeof describeApi>;

const ABOUT =
  'A self-hosted server of the Assistants API v2. Extensions of the published description are marked x-threadmill. ' +
  'Chat completions, completions, embeddings, responses, moderations, images and audio pass through to the model servers.';

export function describeApi(version: string) {
  const schemas: Record<string, Schema> = {};
  const schemaOf: DescribeSchema = (schema) => {
    // zod refers to a named schema by its name only from inside another schema.
    const { $defs, properties } = z.toJSONSchema(z.object({ schema }), { io: 'input' });
    Object.assign(schemas, $defs);
    return properties!.schema as Schema;
  };
  const paths: Record<string, Record<string, DescribedOperation>> = {};
  for (const operation of OPERATIONS) {
    (paths[operation.path] ??= {})[operation.method] = describeOperation(operation, schemaOf);
  }
  const description = {
    openapi: '3.1.0',
    info: { title: 'Threadmill', version, description: ABOUT },
    servers: [{ url: '/v1' }],
    security: [{ key: [] }],
    tags: [...new Set(OPERATIONS.map(({ section }) => section))].map((name) => ({ name })),
    paths,
    components: { schemas, securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  };
  const text = JSON.stringify(description).replaceAll('"#/$defs/', '"#/components/schemas/');
  return JSON.parse(text) as typeof description;
}

function describeOperation(operation: Operation, schemaOf: DescribeSchema) {
  const { id, section, scope, body, form, extension } = operation;
  const schema = body && schemaOf(body);
  if (form !== undefined) schema!.properties![form.field] = BYTES;
  const type = form === undefined ? 'application/json' : 'multipart/form-data';
  const content: Content = schema ? { [type]: { schema } } : {};
  const required = body && !body.safeParse({}).success;
  const refused: Content = { 'application/json': { schema: schemaOf(errorAnswer) } };
  const refusals = errorsOf(operation).map((status) => [
    status,
    { description: REFUSALS[status], content: refused },
  ]);
  return {
    tags: [section],
    operationId: id,
    summary: summaryOf(id),
    ...(extension && EXTENSION),
    security: [{ key: [scope] }],
    parameters: parametersOf(operation, schemaOf),
    ...(schema && { requestBody: { required, content } }),
    responses: {
      200: { description: 'OK', content: answersOf(operation, schemaOf) },
      ...(Object.fromEntries(refusals) as Record<ErrorStatus, Described>),
      default: { description: 'Any other error', content: refused },
    },
  };
}

const REFUSALS: Readonly<Record<ErrorStatus, string>> = {
  400: 'The request is not valid.',
  401: 'The API key is missing or unknown.',
  403: 'The API key lacks the scope of the operation, or the object cannot be deleted.',
  404: 'An object that the request names does not exist.',
  413: 'The body is too large.',
  415: 'The encoding or the charset of the body is not supported.',
  416: 'The range is not in the file.',
  429: 'A limit of the project or of the key is reached: repeat the request after `retry-after`.',
  503: 'The server cannot answer now: repeat the request after `retry-after`.',
};

/** The published id of one operation has a spelling mistake. */
const summaryOf = (id: string) =>
  id
    .replace('Ouputs', 'Outputs')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();

const BYTES = { type: 'string', format: 'binary' };

function answersOf(operation: Operation, schemaOf: DescribeSchema): Content {
  const { answer, method } = operation;
  if (answer === null) return { 'application/octet-stream': { schema: BYTES } };
  const json = { 'application/json': { schema: schemaOf(answer) } };
  if (operation.stream === undefined) return json;
  const events = { 'text/event-stream': { schema: { type: 'string' } } };
  return method === 'get' ? events : { ...json, ...events };
}

function parametersOf(operation: Operation, schemaOf: DescribeSchema): Parameter[] {
  const { path, query, idempotent } = operation;
  const text = { type: 'string' };
  const header = (name: string): Parameter => ({ name, in: 'header', schema: text, ...EXTENSION });
  const asked = query ? schemaOf(query).properties! : {};
  return [
    ...idNames(path).map((name): Parameter => ({ name, in: 'path', required: true, schema: text })),
    ...Object.entries(asked).map(([name, { 'x-threadmill': extension, ...schema }]): Parameter => ({
      name: schema.type === 'array' ? `${name}[]` : name,
      in: 'query',
      schema,
      ...(schema.type === 'object' && { style: 'deepObject' }),
      ...(extension && EXTENSION),
    })),
    ...(idempotent ? [header('Idempotency-Key')] : []),
    ...(operation.stream ? [header('Last-Event-ID')] : []),
  ];
}
