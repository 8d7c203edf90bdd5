/** What the description that the server serves lacks, or says otherwise, of a published operation. */
import type { Description } from '../../api/openapi.ts';
import type { Operation } from './description.ts';
import { schemaDifferences } from './schema-differences.ts';

/** `CreateRunRequest.tools: required → optional`. */
export function descriptionDifferences(
  { paths, components }: Description,
  operation: Operation,
): string[] {
  const { id, method, path, request, answer } = operation;
  const served = paths[path]?.[method.toLowerCase()];
  if (served?.operationId !== id) return [`${id}: described → absent`];
  const found = new Set<string>();
  const say = (at: string, published: string, ours: string) =>
    found.add(`${at}: ${published} → ${ours}`);
  const compare = schemaDifferences({ schemas: components.schemas, id, say });

  const known = new Map(served.parameters.map((one) => [`${one.in} ${one.name}`, one]));
  for (const { name, in: place, required = false, schema } of operation.parameters) {
    const at = `${id}.${name}`;
    const ours = known.get(`${place} ${name}`);
    known.delete(`${place} ${name}`);
    if (ours === undefined) say(at, 'described', 'absent');
    else compare(schema, ours.schema, { at });
    if (required !== (ours?.required ?? false)) say(at, `required: ${required}`, 'not so');
  }
  for (const { name, 'x-threadmill': extension } of known.values()) {
    if (!extension) say(`${id}.${name}`, 'absent', 'described');
  }

  const body = request && served.requestBody?.content[request.contentType]?.schema;
  if (body) compare(request.schema, body, { at: id, isRequest: true });
  else if (request || served.requestBody) say(id, request?.contentType ?? 'no body', 'not so');
  const content = served.responses[200].content;
  const ours = content[answer.contentType]?.schema;
  if (ours) compare(answer.schema, ours, { at: id });
  else say(id, answer.contentType, Object.keys(content).join());
  return [...found];
}
