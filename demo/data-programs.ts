/** Chooses the Python program for a question about files or charts, and describes files. */
import { PLOT_WORDS, barChart, functionPlot } from './plot-programs.ts';
import { chartsProgram, summaryProgram, wantsSummary } from './table-programs.ts';
import { EMPTY_WORKSPACE, fileInQuestion, type Workspace } from './workspace.ts';

/** A program when the question is about a file or wants a chart; undefined otherwise. */
export function dataProgram(
  question: string,
  workspace: Workspace = EMPTY_WORKSPACE,
): string | undefined {
  const matplotlib = workspace.packages.has('matplotlib');
  const file = fileInQuestion(workspace, question);
  const isAboutFile = FILE_WORDS.test(question);
  if (PLOT_WORDS.test(question)) {
    const plot = functionPlot(question, matplotlib);
    if (plot) return plot;
    if (file && isAboutFile && matplotlib) return chartsProgram(question, file);
    const bars = barChart(question, matplotlib);
    if (bars) return bars;
  }
  if (file && wantsSummary(question))
    return summaryProgram(question, file, workspace.packages.has('pandas'));
  return isAboutFile ? INSPECT_FILES : undefined;
}

const FILE_WORDS =
  /\b(?:files?|csv|data ?set|spreadsheet|upload(?:ed)?|attach(?:ed|ment)|(?:this|the|my|these) data|visuali[sz]ations?)\b/i;

/** The files a program said it wrote. */
export function writtenFiles(output: string): string[] {
  return [...output.matchAll(/^File: ([\w.-]+)$/gm)].map(([, name]) => name!);
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
