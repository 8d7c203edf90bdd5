/** The OpenAPI description of this server, made from its operations and their schemas. */
import { z } from 'zod';

import { errorAnswer } from '../wire/answers.ts';
import { EXTENSION } from '../wire/request-fields.ts';
import type { Operation } from './operation.ts';
import { SECTIONS } from './operations/index.ts';

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

export type Parameter = {
  name: string;
  in: string;
  required?: boolean;
  schema: Schema;
  'x-threadmill'?: true;
};
type Content = Record<string, { schema: Schema }>;

export type DescribedOperation = {
  operationId: string;
  summary: string;
  tags: string[];
  parameters: Parameter[];
  requestBody?: { required: boolean | undefined; content: Content };
  responses: Record<string, { description: string; content: Content }>;
  'x-threadmill'?: true;
};

export type Description = {
  openapi: string;
  info: { title: string; version: string; description: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, DescribedOperation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: object };
  servers: object[];
  security: object[];
};

const ABOUT =
  'A self-hosted server of the Assistants API v2. Extensions of the published description are marked x-threadmill. ' +
  'Chat completions, completions, embeddings, responses, moderations, images and audio pass through to the model servers.';

/** One published id has a spelling mistake. */
const summaryOf = (id: string) =>
  id
    .replace('Ouputs', 'Outputs')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();

type DescribeSchema = (schema: z.ZodType) => Schema;

export function describeApi(version: string): Description {
  const schemas: Record<string, Schema> = {};
  const schemaOf: DescribeSchema = (schema) => {
    // A schema that has a name is described by name only where it is inside another.
    const { $defs, properties } = z.toJSONSchema(z.object({ schema }), { io: 'input' });
    Object.assign(schemas, $defs);
    return properties!.schema as Schema;
  };
  const paths: Description['paths'] = {};
  for (const [tag, operations] of Object.entries(SECTIONS))
    for (const [id, operation] of Object.entries(operations))
      (paths[operation.path] ??= {})[operation.method] = {
        operationId: id,
        summary: summaryOf(id),
        tags: [tag],
        ...describeOperation(operation, schemaOf),
      };
  const description: Description = {
    openapi: '3.1.0',
    info: { title: 'Threadmill', version, description: ABOUT },
    servers: [{ url: '/v1' }],
    security: [{ key: [] }],
    tags: Object.keys(SECTIONS).map((name) => ({ name })),
    paths,
    components: { schemas, securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  };
  const text = JSON.stringify(description).replaceAll('"#/$defs/', '"#/components/schemas/');
  return JSON.parse(text) as Description;
}

function describeOperation(operation: Operation, schemaOf: DescribeSchema) {
  const { body, form, extension } = operation;
  const schema = body && schemaOf(body.schema);
  if (form !== undefined) schema!.properties![form.field] = BYTES;
  const required = body && !body.schema.safeParse({}).success;
  const type = form === undefined ? 'application/json' : 'multipart/form-data';
  return {
    ...(extension && EXTENSION),
    parameters: parametersOf(operation, schemaOf),
    ...(schema && {
      requestBody: { required, content: { [type]: { schema } } },
    }),
    responses: {
      200: { description: 'OK', content: answersOf(operation, schemaOf) },
      default: {
        description: 'Refused',
        content: { 'application/json': { schema: schemaOf(errorAnswer) } },
      },
    },
  };
}

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
  const ids = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const text = { type: 'string' };
  const header = (name: string) => ({ name, in: 'header', schema: text, ...EXTENSION });
  const asked = query ? schemaOf(query.schema).properties! : {};
  return [
    ...ids.map((name) => ({ name, in: 'path', required: true, schema: text })),
    ...Object.entries(asked).map(([name, { 'x-threadmill': extension, ...schema }]) => ({
      name: schema.type === 'array' ? `${name}[]` : name,
      in: 'query',
      schema,
      ...(extension && EXTENSION),
    })),
    ...(idempotent ? [header('Idempotency-Key')] : []),
    ...(operation.stream ? [header('Last-Event-ID')] : []),
  ];
}
