/** The reference page: the OpenAPI description as HTML, without scripts and without anything from another host. */
import { createHash } from 'node:crypto';

import type { DescribedOperation, Description, Parameter, Schema } from '../openapi.ts';

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --mark: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: 17rem minmax(0, 60rem); gap: 2.5rem; }
nav { position: sticky; top: 0; max-height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); font-size: .875rem; }
nav a { display: block; padding: .1rem 0; text-decoration: none; }
main { padding: 1rem 1rem 4rem 0; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
h3::first-letter { text-transform: uppercase; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
td { border-top: 1px solid var(--line); padding: .3rem .8rem .3rem 0; vertical-align: top; }
td:first-child { width: 14rem; }
summary { cursor: pointer; }
mark { background: var(--mark); color: inherit; border-radius: .25rem; padding: 0 .35rem; font-size: .8em; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; border: 0; max-height: none; } main { padding: 1rem; } }
`;

export const DOCS_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function docsPage({ info, tags, paths, components }: Description): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({
      ...one,
      route: `${method.toUpperCase()} /v1${path}`,
    })),
  );
  const sections = tags.map(({ name }) => ({
    name,
    operations: operations.filter((one) => one.tags.includes(name)),
  }));
  const links = sections.map(
    (one) =>
      `<h4>${escape(one.name)}</h4>${one.operations.map(({ operationId, summary }) => link(operationId, summary)).join('')}`,
  );
  const objects = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<section id="${escape(name)}"><h3>${escape(name)}</h3>${fields(schema)}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(info.title)}: API reference</title><style>${STYLE}</style></head>
<body><nav><strong>${escape(info.title)} ${escape(info.version)}</strong>${links.join('')}<h4>Objects</h4>${Object.keys(
    components.schemas,
  )
    .map((name) => link(name, name))
    .join('')}</nav>
<main><h1>API reference</h1><p>${escape(info.description)}</p><p><a href="/openapi.json">openapi.json</a></p>
${sections.map((one) => `<h2>${escape(one.name)}</h2>${one.operations.map(operation).join('')}`).join('')}
<h2>Objects</h2>${objects.join('')}</main></body></html>`;
}

const escape = (text: string) =>
  text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const link = (id: string, text: string) => `<a href="#${escape(id)}">${escape(text)}</a>`;
const code = (value: unknown) =>
  `<code>${escape(typeof value === 'string' ? value : JSON.stringify(value))}</code>`;
const badge = (extension: unknown) => (extension ? ' <mark>extension</mark>' : '');

function operation(one: DescribedOperation & { route: string }): string {
  const { operationId, summary, route, parameters, requestBody, responses, security } = one;
  const errors = Object.keys(responses).filter((status) => Number(status) >= 400);
  const content = Object.entries(responses[200]!.content);
  return `<section id="${escape(operationId)}"><h3>${escape(summary)}${badge(one['x-threadmill'])}</h3><p>${code(route)}</p>
${parameters.length > 0 ? `<table>${parameters.map(parameter).join('')}</table>` : ''}
${Object.entries(requestBody?.content ?? {})
  .map(([type, body]) => `<h4>Body ${code(type)}</h4>${fields(body.schema)}`)
  .join('')}
<h4>Answer</h4>${content.map(([type, { schema }]) => `<p>${code(type)} ${typeOf(schema)}</p>${nested(schema)}`).join('')}
<p>Scope: ${code(security[0]!.key[0])}. Errors: ${errors.join(', ')}</p></section>`;
}

const parameter = ({ name, in: place, required, schema, ...rest }: Parameter) =>
  row(
    name,
    `${typeOf(schema)}, in ${place}${required ? ', required' : ''}${badge(rest['x-threadmill'])}`,
  );

const row = (name: string, text: string) => `<tr><td>${code(name)}</td><td>${text}</td></tr>`;

/** The fields of an object as a table; of a union or a list, those of each member. */
function fields(schema: Schema): string {
  const { properties, required = [], items } = schema;
  if (properties === undefined) {
    const members = (items ? [items] : (schema.anyOf ?? schema.oneOf ?? [])).filter(hasFields);
    return members.length === 0 ? `<p>${typeOf(schema)}</p>` : members.map(fields).join('');
  }
  const rows = Object.entries(properties).map(([name, field]) => {
    const need = required.includes(name) ? ', required' : '';
    return row(name, `${typeOf(field)}${need}${badge(field['x-threadmill'])}${nested(field)}`);
  });
  return `<table>${rows.join('')}</table>`;
}

const nested = (field: Schema) =>
  hasFields(field) ? `<details><summary>fields</summary>${fields(field)}</details>` : '';

const hasFields = ({ properties, items, anyOf, oneOf }: Schema): boolean =>
  properties !== undefined ||
  (items !== undefined && hasFields(items)) ||
  (anyOf ?? oneOf ?? []).some(hasFields);

/** In words: `string, at most 512 characters`. */
function typeOf(schema: Schema): string {
  const { $ref, anyOf, oneOf, items, type, enum: words } = schema;
  if ($ref !== undefined) return link($ref.split('/').at(-1)!, $ref.split('/').at(-1)!);
  const members = anyOf ?? oneOf;
  if (members !== undefined) return [...new Set(members.map(typeOf))].join(' or ');
  if (words !== undefined) return words.map(code).join(' or ') + boundsOf(schema);
  if (schema.const !== undefined) return code(schema.const);
  const text = items
    ? `list of ${typeOf(items)}`
    : escape([type ?? 'anything'].flat().join(' or '));
  return text + boundsOf(schema);
}

/** `1 to 100, default 20`. */
function boundsOf(schema: Schema): string {
  const { default: standard, minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  const between = (least: number | undefined, most: number | undefined, noun: string) =>
    most === undefined ? [] : [`${least ?? 0} to ${most}${noun}`];
  const bounds = [
    ...between(minimum, maximum, ''),
    ...between(minLength, maxLength, ' characters'),
    ...between(minItems, maxItems, ' items'),
    ...(typeof standard === 'string' || typeof standard === 'number'
      ? [`default ${standard}`]
      : []),
  ];
  return bounds.length === 0 ? '' : ` (${escape(bounds.join(', '))})`;
}
