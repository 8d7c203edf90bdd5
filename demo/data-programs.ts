/** Python programs for files and charts, standard library only: nothing else is certain to be installed. */
import { parseExpression, variablesOf } from './expression.ts';
import { mathRuns } from './math-tokens.ts';
import { toPython } from './python.ts';

/** A program when the question is about an uploaded file or wants a chart; undefined otherwise. */
export function dataProgram(question: string): string | undefined {
  if (/\b(?:plot|draw|graph|chart|visuali[sz]\w*|diagram)\b/i.test(question)) {
    const picture = functionPlot(question) ?? barChart(question);
    if (picture) return picture;
  }
  return FILE_WORDS.test(question) ? INSPECT_FILES : undefined;
}

const FILE_WORDS =
  /\b(?:files?|csv|data ?set|spreadsheet|upload(?:ed)?|attach(?:ed|ment)|(?:this|the|my|these) data|visuali[sz]ations?)\b/i;

/** The files a program said it wrote. */
export function writtenFiles(output: string): string[] {
  return [...output.matchAll(/^File: ([\w.-]+)$/gm)].map(([, name]) => name!);
}

function functionPlot(question: string): string | undefined {
  for (const run of mathRuns(question)) {
    const equals = run.findIndex(({ value }) => value === '=');
    const expression = parseExpression(run.slice(equals + 1));
    const names = expression ? variablesOf(expression) : [];
    if (!expression || names.length !== 1 || run.length < equals + 2) continue;
    const code = toPython(expression, 'float');
    const source = question.slice(run[equals + 1]!.start, run.at(-1)!.end);
    const range = /from (-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)/i.exec(question);
    return plotProgram(source, code, names[0]!, Number(range?.[1] ?? -5), Number(range?.[2] ?? 5));
  }
  return undefined;
}

function plotProgram(
  source: string,
  code: string,
  name: string,
  low: number,
  high: number,
): string {
  return `# Plot ${source} for ${name} from ${low} to ${high} as an SVG picture
import math
import os

def value(${name}):
    return ${code}

points = []
for step in range(201):
    position = ${low} + (${high - low}) * step / 200
    try:
        points.append((position, float(value(position))))
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        continue  # not defined here

lowest, highest = min(y for _, y in points), max(y for _, y in points)
print(f"Values between {lowest:.4g} and {highest:.4g}")

# Scale to 600 by 400 pixels; y grows downwards in a picture
height = (highest - lowest) or 1
path = " ".join(
    f"{(x - ${low}) / ${high - low} * 560 + 20:.1f},{380 - (y - lowest) / height * 360:.1f}" for x, y in points
)
picture = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400">'
    '<rect width="600" height="400" fill="white"/>'
    f'<polyline points="{path}" fill="none" stroke="steelblue" stroke-width="2"/></svg>'
)
${WRITE_FILE}`;
}

const WRITE_FILE = `folder = "/mnt/data" if os.path.isdir("/mnt/data") else "."
with open(os.path.join(folder, "chart.svg"), "w") as file:
    file.write(picture)
print("File: chart.svg")
`;

function barChart(question: string): string | undefined {
  const numbers = question.match(/(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)/g)?.map(Number) ?? [];
  if (numbers.length < 2) return undefined;
  return `# Draw ${numbers.join(', ')} as bars in an SVG picture
import os

numbers = [${numbers.join(', ')}]
width = 560 / len(numbers)
bars = ""
for position, number in enumerate(numbers):
    height = 340 * number / (max(numbers) or 1)
    left = 20 + position * width
    bars += f'<rect x="{left:.1f}" y="{370 - height:.1f}" width="{width * 0.8:.1f}" height="{height:.1f}" fill="steelblue"/>'
    bars += f'<text x="{left:.1f}" y="390" font-size="14">{number}</text>'

print("Bars:", len(numbers))
picture = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400">'
    f'<rect width="600" height="400" fill="white"/>{bars}</svg>'
)
${WRITE_FILE}`;
}

const INSPECT_FILES = `# Look at the files of this thread
import csv
import os
import statistics

folder = "/mnt/data" if os.path.isdir("/mnt/data") else "."
paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
# One file may be there under two names: its id and its own name
files = {os.path.realpath(path): path for path in paths if os.path.isfile(path)}.values()
print("Number of files:", len(files))

for path in files:
    print(f"\\n{os.path.basename(path)}: {os.path.getsize(path)} bytes")
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        lines = file.read(200_000).splitlines()
    print("First lines:", *lines[:3], sep="\\n  ")

    # Columns of numbers in a table
    rows = [row for row in csv.reader(lines) if row]
    for index, title in enumerate(rows[0] if rows else []):
        try:
            values = [float(row[index]) for row in rows[1:]]
        except (ValueError, IndexError):
            continue
        if values:
            mean = statistics.mean(values)
            print(f"Column {title}: {len(values)} values, mean {mean:.6g}, from {min(values):g} to {max(values):g}")
`;
