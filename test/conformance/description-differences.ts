/** What the description that the server serves lacks, or says otherwise, of a published operation. */
import type { Description, Schema } from '../../api/openapi.ts';
import { nameOf, resolve } from './description.ts';
import type { Operation } from './description.ts';
import type { Published } from './published.ts';

/** `CreateRunRequest.tools: required → optional`. */
export function descriptionDifferences(
  { paths, components }: Description,
  operation: Operation,
): string[] {
  const found = new Set<string>();
  const { id, method, path, parameters, request, answer } = operation;
  const say = (at: string, published: string, served: string) =>
    found.add(`${at}: ${published} → ${served}`);
  const served = paths[path]?.[method.toLowerCase()];
  if (served?.operationId !== id) return [`${id}: described → absent`];

  for (const { name, in: place, required = false, schema } of parameters) {
    const ours = served.parameters.find((one) => one.name === name && one.in === place);
    if (ours === undefined) say(`${id}.${name}`, 'described', 'absent');
    else {
      if (required !== (ours.required ?? false)) {
        say(`${id}.${name}`, `required ${required}`, 'not');
      }
      compare(schema, ours.schema, `${id}.${name}`);
    }
  }
  const known = new Set(parameters.map(({ name }) => name));
  for (const { name, 'x-threadmill': extension } of served.parameters) {
    if (!known.has(name) && !extension) say(`${id}.${name}`, 'absent', 'described');
  }

  const body = request && served.requestBody?.content[request.contentType]?.schema;
  if (body) compare(request.schema, body, id, 'request');
  else if (request) say(id, `a body of ${request.contentType}`, 'absent');
  else if (served.requestBody) say(id, 'no body', 'a body');
  const content = served.responses[200]!.content[answer.contentType]?.schema;
  if (content) compare(answer.schema, content, id);
  else say(id, answer.contentType, Object.keys(served.responses[200]!.content).join());
  return [...found];

  function compare(
    schema: Published,
    ours: Schema,
    at: string,
    side: 'request' | 'answer' = 'answer',
  ) {
    const walked = new Set<string>();
    // Fields of a request that are not described have been listed under its operation.
    const top = side === 'request' ? resolve(schema) : undefined;
    walk(schema, ours, at);

    function walk(published: Published, our: Schema, place: string): void {
      const name = published.$ref === undefined ? place : nameOf(published.$ref);
      const key = `${name} ${JSON.stringify(our)}`;
      if (walked.has(key)) return;
      walked.add(key);
      const target = resolve(published);
      const members = membersOf(our);
      const { oneOf, anyOf, allOf, enum: words, items, properties } = target;
      if (properties === undefined) {
        for (const one of oneOf ?? anyOf ?? allOf ?? []) {
          if (!one.$recursiveRef) walk(one, our, name);
        }
      }
      if (words !== undefined) walkWords(words, members, name);
      if (items !== undefined) {
        const lists = members.flatMap((one) => one.items ?? []);
        if (lists.length === 0) say(name, 'a list', 'none');
        else walk(items, { anyOf: lists }, `${name}[]`);
      }
      if (properties !== undefined) walkFields(target, members, name);
    }

    function walkWords(words: readonly unknown[], members: Schema[], name: string): void {
      const ours = members.flatMap(
        (one) => one.enum ?? (one.const === undefined ? [] : [one.const]),
      );
      const missing = words.filter((word) => !ours.includes(word));
      const open = members.some(
        (one) => one.type === 'string' && !one.enum && one.const === undefined,
      );
      if (open && ours.length === 0) say(name, 'certain words', 'any text');
      else if (missing.length > 0 && !open) say(name, missing.join(' | '), 'absent');
    }

    function walkFields(target: Published, members: Schema[], name: string): void {
      const objects = members.filter((one) => one.properties && sameTag(target, one));
      if (objects.length === 0) return void say(name, 'an object', 'none');
      const needed = target.required ?? [];
      for (const [field, value] of Object.entries(target.properties!)) {
        const having = objects.filter((one) => one.properties![field]);
        if (having.length === 0) {
          say(`${name}.${field}`, 'described', 'absent');
          continue;
        }
        const required = objects.filter((one) => one.required?.includes(field)).length;
        if (needed.includes(field) && required < objects.length) {
          say(`${name}.${field}`, 'required', 'optional');
        }
        if (!needed.includes(field) && required > 0 && side === 'request') {
          say(`${name}.${field}`, 'optional', 'required');
        }
        walk(value, { anyOf: having.map((one) => one.properties![field]!) }, `${name}.${field}`);
      }
      for (const one of objects) {
        for (const [field, value] of Object.entries(one.properties!)) {
          if (!(field in target.properties!) && !value['x-threadmill']) {
            say(`${target === top ? id : name}.${field}`, 'absent', 'described');
          }
        }
      }
    }
  }

  /** References resolved, unions dissolved. */
  function membersOf(schema: Schema): Schema[] {
    if (schema.$ref !== undefined) return membersOf(components.schemas[nameOf(schema.$ref)]!);
    const members = schema.anyOf ?? schema.oneOf;
    return members === undefined ? [schema] : members.flatMap(membersOf);
  }
}

/** Whether both are the same kind of thing, as far as their `type` says. */
function sameTag({ properties }: Published, { properties: ours }: Schema): boolean {
  const words = properties!.type && resolve(properties!.type).enum;
  const tag =
    ours!.type?.enum ?? (ours!.type?.const === undefined ? undefined : [ours!.type.const]);
  return words === undefined || tag === undefined || tag.some((one) => words.includes(one));
}
