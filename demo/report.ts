/** What the demo model says about the result of a tool call. */
import type { ToolResult } from './conversation.ts';
import { writtenFiles } from './data-programs.ts';
import { readResults } from './math.ts';
import { reportPassages } from './passages.ts';

/** One or more sentences that hold the output. */
export function reportResult(result: ToolResult): string {
  if (result.name === 'code_interpreter') return reportCode(result);
  const isSearch =
    result.name === 'file_search' && /^【|^\(nothing was found\)$/.test(result.output);
  return isSearch ? reportPassages(result.arguments, result.output) : reportFunction(result);
}

function reportCode({ output }: ToolResult): string {
  const results = readResults(output);
  const files = writtenFiles(output).map((file) => `[Download ${file}](sandbox:/mnt/data/${file})`);
  if (results.length + files.length > 0) return [...results, ...files].join('\n');
  const printed = output.replace(IMAGE_NOTE, '').trim();
  const drew = printed === output.trim() ? '' : 'The code drew what you see in this message.';
  if (printed !== '') return `The code printed:\n\n${quote(printed)}${drew && `\n\n${drew}`}`;
  return drew || 'The code ran and printed nothing.';
}

/** A line in place of an image, which a result of a tool cannot hold: "[image file-abc]", "(2 images)". */
const IMAGE_NOTE = /^\W*(?:\d+ |an? |the )?(?:image|figure)s?\b[^\n]*$/gim;

/** "The temperature in Paris (Celsius) is 14." where the function's name reads like that, else a plain report. */
function reportFunction({ name, arguments: json, output }: ToolResult): string {
  const text = quote(output) || '(nothing)';
  const given = entriesOf(json);
  const subject = subjectOf(name, given);
  if (subject === undefined) return `${name}${listed(given)} returned: ${text}`;
  // "14 °C" and "sunny" continue a sentence; "It is sunny." and JSON do not.
  const continues = /^[-+$€£]?\d[^\n]*$|^\p{Ll}[^\n]{0,80}$|^[\p{L}-]+\.?$/u.test(text);
  const verb = /[^aisu]s$/.test(nounOf(name) ?? '') ? 'are' : 'is';
  return continues ? `${subject} ${verb} ${text.replace(/\.$/, '')}.` : `${subject}: ${text}`;
}

/** "get_current_temperature" is about the current temperature; "send_mail" does something. */
function nounOf(name: string): string | undefined {
  const words = name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  return /^(?:get|fetch|retrieve|read|calculate|compute)_(.+)$/
    .exec(words)?.[1]
    ?.replace(/_/g, ' ');
}

function subjectOf(name: string, given: [string, string][]): string | undefined {
  const noun = nounOf(name);
  if (noun === undefined) return undefined;
  const [first, ...others] = given;
  if (first === undefined) return `The ${noun}`;
  const preposition = /^(?:location|city|place|town|country)$/i.test(first[0]) ? 'in' : 'for';
  const rest = others.map(([, value]) => value).join(', ');
  return `The ${noun} ${preposition} ${first[1]}${rest && ` (${rest})`}`;
}

function listed(given: [string, string][]): string {
  return given.length > 0 ? ` (${given.map(([key, value]) => `${key}: ${value}`).join(', ')})` : '';
}

/** The arguments with their values as text; none when they are not an object. */
function entriesOf(json: string): [string, string][] {
  try {
    return Object.entries(JSON.parse(json) as object).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
  } catch {
    return [];
  }
}

function quote(output: string): string {
  const text = output.trim();
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}
