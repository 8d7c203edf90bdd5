/** Python programs that summarise a table into a new CSV: with pandas where the sandbox has it, else with csv. */
import { show } from './plot-programs.ts';
import type { DataFile } from './workspace.ts';

const STATISTICS: [RegExp, string][] = [
  [/\b(?:sum|total)s?\b/i, 'sum'],
  [/\b(?:mean|average)s?\b/i, 'mean'],
  [/\bmedian\b/i, 'median'],
  [/\b(?:min|minimum|smallest|lowest)\b/i, 'min'],
  [/\b(?:max|maximum|largest|highest)\b/i, 'max'],
];

/** Whether a question that is about a table wants it summarised. */
export function wantsSummary(question: string): boolean {
  if (/\bsummar(?:y|ies|i[sz]\w*)\b|\baggregat\w*|\bgroup(?:ed)? by\b/i.test(question)) return true;
  const isGrouped = groupIn(question) !== undefined;
  return isGrouped && statisticsIn(question).length > 0;
}

/** Writes `<name>_summary.csv`: one row for each value of the column the question groups by, else for each column. */
export function summaryProgram(question: string, file: DataFile, pandas: boolean): string {
  const asked = statisticsIn(question);
  const task: Task = {
    file,
    target: `${stem(file.name)}_summary.csv`,
    question: question.toLowerCase().replace(/\s+/g, ' ').trim(),
    group: groupIn(question),
    statistics: asked.length > 0 ? asked : ['sum'],
  };
  return pandas ? withPandas(task) : withCsv(task);
}

type Task = {
  file: DataFile;
  target: string;
  question: string;
  group: string | undefined;
  statistics: string[];
};

function statisticsIn(question: string): string[] {
  return STATISTICS.filter(([pattern]) => pattern.test(question)).map(([, name]) => name);
}

/** "total revenue per region" → region. */
function groupIn(question: string): string | undefined {
  const found = /\b(?:by|per|for (?:each|every)|of (?:each|every))\s+(?:the )?["'`]?([\w-]+)/i.exec(
    question,
  );
  return found?.[1]?.toLowerCase();
}

function stem(name: string): string {
  return name.replace(/\.\w+$/, '').replace(/[^\w-]+/g, '_');
}

function headline({ file, group }: Task, library: string): string {
  const how = group === undefined ? '' : `, one row for each ${group}`;
  return `# Summarise ${file.name} with ${library}${how}`;
}

const READERS: Record<string, string> = {
  tsv: 'pd.read_csv(PATH, sep="\\t")',
  xlsx: 'pd.read_excel(PATH)',
  json: 'pd.read_json(PATH)',
};

function withPandas(task: Task): string {
  const { file, target, group } = task;
  const extension = /\.(\w+)$/.exec(file.name)?.[1]?.toLowerCase() ?? '';
  const reader = (READERS[extension] ?? 'pd.read_csv(PATH)').replace('PATH', quoted(file.path));
  return `${headline(task, 'pandas')}
import pandas as pd

table = ${reader}
print(f"{len(table)} rows with the columns {', '.join(map(str, table.columns))}")

numbers = list(table.select_dtypes("number").columns)
${group === undefined ? COLUMNS_WITH_PANDAS : groupsWithPandas(task, group)}
summary.to_csv("/mnt/data/${target}", index=False)
print(summary.to_string(index=False))
print("File: ${target}")
${conclusion(task, 'len(table)', 'len(summary)')}`;
}

const COLUMNS_WITH_PANDAS = `summary = table[numbers].agg(["count", "sum", "mean", "min", "max"]).T.round(6)
summary["count"] = summary["count"].astype(int)
summary = summary.rename_axis("column").reset_index()`;

function groupsWithPandas({ question, statistics }: Task, group: string): string {
  const names = statistics.map((name) => `"${name}"`).join(', ');
  const [first] = statistics;
  return `by = ${groupColumn(group, 'table.columns')}
# The columns of numbers that the question names, else all of them
question = ${quoted(question)}
numbers = [column for column in numbers if column != by]
numbers = [column for column in numbers if column.lower() in question] or numbers
${
  statistics.length === 1
    ? `summary = table.groupby(by)[numbers].${first}().round(6).reset_index()`
    : `summary = table.groupby(by)[numbers].agg([${names}]).round(6)
summary.columns = ["_".join(pair) for pair in summary.columns]
summary = summary.reset_index()`
}`;
}

function withCsv(task: Task): string {
  const { file, target, group } = task;
  const delimiter = file.name.toLowerCase().endsWith('.tsv') ? ', delimiter="\\t"' : '';
  return `${headline(task, 'the csv module')}
import csv
import statistics

with open(${quoted(file.path)}, encoding="utf-8-sig", newline="") as file:
    table = list(csv.DictReader(file${delimiter}))
columns = list(table[0]) if table else []
print(f"{len(table)} rows with the columns {', '.join(columns)}")

def is_number(text):
    try:
        return float(text) is not None
    except ValueError:
        return False

def values_of(rows, column):
    return [float(row[column]) for row in rows if row[column]]

def shown(value):
    return int(value) if value == int(value) else round(value, 6)

functions = {"count": len, "sum": sum, "mean": statistics.mean, "median": statistics.median, "min": min, "max": max}
numbers = [name for name in columns if all(is_number(row[name]) for row in table if row[name])]
${group === undefined ? COLUMNS_WITH_CSV : groupsWithCsv(task, group)}

with open("/mnt/data/${target}", "w", newline="") as file:
    csv.writer(file, lineterminator="\\n").writerows(summary)
for row in summary:
    print(*row, sep="  ")
print("File: ${target}")
${conclusion(task, 'len(table)', 'len(summary) - 1')}`;
}

const COLUMNS_WITH_CSV = `wanted = ["count", "sum", "mean", "min", "max"]
summary = [["column", *wanted]]
for name in numbers:
    summary.append([name] + [shown(functions[one](values_of(table, name))) for one in wanted])`;

function groupsWithCsv({ question, statistics }: Task, group: string): string {
  const wanted = statistics.map((name) => `"${name}"`).join(', ');
  const title = statistics.length === 1 ? 'name' : 'f"{name}_{one}"';
  return `by = ${groupColumn(group, 'columns')}
# The columns of numbers that the question names, else all of them
question = ${quoted(question)}
numbers = [name for name in numbers if name != by]
numbers = [name for name in numbers if name.lower() in question] or numbers
wanted = [${wanted}]
summary = [[by] + [${title} for name in numbers for one in wanted]]
for value in sorted({row[by] for row in table if row[by]}):
    rows = [row for row in table if row[by] == value]
    summary.append([value] + [shown(functions[one](values_of(rows, name))) for name in numbers for one in wanted])`;
}

/** Columns are compared without case; when none has the name, the first one is taken. */
function groupColumn(group: string, columns: string): string {
  return `next((one for one in ${columns} if one.lower() in (${quoted(group)}, ${quoted(group.replace(/s$/, ''))})), ${columns}[0])`;
}

function conclusion({ file, group }: Task, before: string, after: string): string {
  const what = group === undefined ? 'columns of numbers' : 'rows, one for each {by}';
  return `print(f"Answer: {${before}} rows of ${file.name} became a summary of {${after}} ${what}.")\n`;
}

const MOST_CHARTS = 8;

/** Charts of the columns of numbers, with matplotlib. */
export function chartsProgram(question: string, file: DataFile): string {
  const asked =
    /\b(\d+)\s+(?:\w+ ){0,2}(?:visuali[sz]ations?|charts?|plots?|figures?|graphs?)/i.exec(
      question,
    )?.[1];
  const count = Math.min(Number(asked ?? 1), MOST_CHARTS);
  return `# Draw the columns of numbers in ${file.name}
import csv
import matplotlib.pyplot as plt

with open(${quoted(file.path)}, encoding="utf-8-sig", newline="") as file:
    table = list(csv.DictReader(file))
columns = list(table[0]) if table else []

def is_number(text):
    try:
        return float(text) is not None
    except (TypeError, ValueError):
        return False

numbers = [name for name in columns if all(is_number(row[name]) for row in table)]
labels = next((name for name in columns if name not in numbers), None)
places = [row[labels] for row in table] if labels else list(range(1, len(table) + 1))

# The same column may be drawn in different ways
charts = [(kind, name) for kind in ("bar", "line", "histogram") for name in numbers][:${count}]
for kind, name in charts:
    values = [float(row[name]) for row in table]
    plt.figure()
    if kind == "bar":
        plt.bar(places, values)
    elif kind == "line":
        plt.plot(places, values, marker="o")
    else:
        plt.hist(values)
    plt.title(f"{name} of {len(values)} rows, as a {kind} chart")
    ${show(question).replaceAll('\n', '\n    ')}
print(f"Answer: the figures show {', '.join(name + ' as ' + kind for kind, name in charts)}.")
`;
}

/** A Python string. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
