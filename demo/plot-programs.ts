/** Python programs that draw functions and bars: with matplotlib where the sandbox has it, else as an SVG file. */
import { parseExpression, variablesOf } from './expression.ts';
import { mathRuns } from './math-tokens.ts';
import { toPython } from './python.ts';

export const PLOT_WORDS = /\b(?:plot|draw|graph|chart|visuali[sz]\w*|diagram)\b/i;

type Curve = { source: string; code: string };
type Bound = { source: string; code: string };

/** "plot a sine" names no expression. Their natural range is one turn. */
const NAMED_CURVES: [RegExp, string, string][] = [
  [/\bsine\b/i, 'sin(x)', 'math.sin(x)'],
  [/\bcosine\b/i, 'cos(x)', 'math.cos(x)'],
  [/\bparabola\b/i, 'x^2', 'x ** 2'],
  [/\bexponential\b/i, 'exp(x)', 'math.exp(x)'],
  [/\blogarithm\b/i, 'ln(x)', 'math.log(x)'],
  [/\bsquare root\b/i, 'sqrt(x)', 'math.sqrt(x)'],
];

/** A program that draws the functions in the question; undefined when there are none. */
export function functionPlot(question: string, matplotlib: boolean): string | undefined {
  const written = writtenCurves(question);
  const named = NAMED_CURVES.filter(([pattern]) => pattern.test(question));
  const curves = written?.curves ?? named.map(([, source, code]) => ({ source, code }));
  if (curves.length === 0) return undefined;
  const isTurn = written === undefined && /\b(?:co)?sine\b/i.test(question);
  const [low, high] = readRange(question) ?? (isTurn ? ONE_TURN : FROM_MINUS_FIVE);
  const variable = written?.variable ?? 'x';
  const titles = curves.map(({ source }) => source).join(' and ');
  const range = `for ${variable} from ${low.source} to ${high.source}`;
  return [
    `# Plot ${titles} ${range}${matplotlib ? '' : ' as an SVG picture'}`,
    'import math',
    ...(matplotlib ? ['import matplotlib.pyplot as plt', ''] : ['import os', '']),
    ...curves.map(({ code }, index) => defineCurve(index, variable, code)),
    `titles = {${curves.map(({ source }, i) => `curve_${i + 1}: "${source}"`).join(', ')}}`,
    `low, high = ${low.code}, ${high.code}`,
    matplotlib ? figure(question, titles, range, variable) : picture(titles, range),
  ].join('\n');
}

/** Expressions of one variable, the same in all of them. */
function writtenCurves(question: string): { curves: Curve[]; variable: string } | undefined {
  const found = mathRuns(question).flatMap((run) => {
    const equals = run.findIndex(({ value }) => value === '=');
    const expression = parseExpression(run.slice(equals + 1));
    const names = expression ? variablesOf(expression) : [];
    if (!expression || names.length !== 1 || run.length < equals + 2) return [];
    const source = question.slice(run[equals + 1]!.start, run.at(-1)!.end);
    return [{ source, code: toPython(expression, 'float'), variable: names[0]! }];
  });
  const variable = found[0]?.variable;
  if (variable === undefined) return undefined;
  return { curves: found.filter((one) => one.variable === variable), variable };
}

function defineCurve(index: number, variable: string, code: string): string {
  return `def curve_${index + 1}(${variable}):\n    return ${code}\n`;
}

const ONE_TURN: [Bound, Bound] = [
  { source: '0', code: '0' },
  { source: '2 pi', code: '2 * math.pi' },
];
const FROM_MINUS_FIVE: [Bound, Bound] = [
  { source: '-5', code: '-5' },
  { source: '5', code: '5' },
];
const BOUND = String.raw`(-?\d*\.?\d*\s*\*?\s*(?:pi\b|π)|-?\d+(?:\.\d+)?)`;
const RANGE = new RegExp(String.raw`\b(?:from|between)\s+${BOUND}\s*(?:to|and)\s+${BOUND}`, 'i');

function readRange(question: string): [Bound, Bound] | undefined {
  const [, low, high] = RANGE.exec(question) ?? [];
  return low === undefined || high === undefined ? undefined : [bound(low), bound(high)];
}

function bound(text: string): Bound {
  const [, sign = '', factor = ''] = /^(-?)(\d*\.?\d*)/.exec(text)!;
  if (!/pi|π/i.test(text)) return { source: text, code: text };
  const digits = /\d/.test(factor) ? factor : '';
  return {
    source: `${sign}${digits}${digits && ' '}pi`,
    code: `${sign}${digits}${digits && ' * '}math.pi`,
  };
}

const POINTS = `
ranges = []
for curve, title in titles.items():
    points = []
    for step in range(401):
        position = low + (high - low) * step / 400
        try:
            points.append((position, float(curve(position))))
        except (ValueError, ZeroDivisionError, OverflowError, TypeError):
            continue  # not defined here
    heights = [height for _, height in points]
    ranges.append(f"{title} lies between {min(heights):.4g} and {max(heights):.4g}")`;

function figure(question: string, titles: string, range: string, variable: string): string {
  return `${POINTS}
    plt.plot(*zip(*points), label=title)

plt.title("${titles}")
plt.xlabel("${variable}")
plt.grid(True)
plt.legend()
${show(question)}
print("Answer: the figure shows ${titles} ${range}; " + ", ".join(ranges) + ".")
`;
}

/** Every figure that is shown becomes an image of the answer; a file only when one was asked for. */
export function show(question: string): string {
  if (!/\b(?:save|download|png|file)\b/i.test(question)) return 'plt.show()';
  return 'plt.savefig("/mnt/data/chart.png")\nprint("File: chart.png")\nplt.show()';
}

function picture(titles: string, range: string): string {
  return `lines = ""
${POINTS}
    lowest = min(heights)
    tallest = (max(heights) - lowest) or 1
    # Scale to 600 by 400 pixels; y grows downwards in a picture
    path = " ".join(
        f"{(place - low) / (high - low) * 560 + 20:.1f},{380 - (height - lowest) / tallest * 360:.1f}"
        for place, height in points
    )
    lines += f'<polyline points="{path}" fill="none" stroke="steelblue" stroke-width="2"/>'

picture = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400">'
    f'<rect width="600" height="400" fill="white"/>{lines}</svg>'
)
${WRITE_SVG}print("Answer: the picture shows ${titles} ${range}; " + ", ".join(ranges) + ".")
`;
}

const WRITE_SVG = `folder = "/mnt/data" if os.path.isdir("/mnt/data") else "."
with open(os.path.join(folder, "chart.svg"), "w") as file:
    file.write(picture)
print("File: chart.svg")
`;

/** A program that draws the numbers in the question as bars; undefined when there are fewer than two. */
export function barChart(question: string, matplotlib: boolean): string | undefined {
  const numbers = question.match(/(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)/g)?.map(Number) ?? [];
  if (numbers.length < 2) return undefined;
  return matplotlib ? barFigure(numbers, question) : barPicture(numbers);
}

function barFigure(numbers: number[], question: string): string {
  return `# Draw ${numbers.join(', ')} as bars
import matplotlib.pyplot as plt

numbers = [${numbers.join(', ')}]
plt.bar(range(1, len(numbers) + 1), numbers)
plt.title("Bar chart")
${show(question)}
print("Answer: the figure shows", len(numbers), "bars, up to", max(numbers))
`;
}

function barPicture(numbers: number[]): string {
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

picture = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400">'
    f'<rect width="600" height="400" fill="white"/>{bars}</svg>'
)
${WRITE_SVG}print("Answer: the picture shows", len(numbers), "bars, up to", max(numbers))
`;
}
