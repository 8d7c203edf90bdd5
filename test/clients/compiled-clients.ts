/** The official clients of Go and Java. They have no helpers beside the stream itself. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { run } from '../../embedded/processes.ts';
import type { RunOptions } from '../../embedded/processes.ts';
import { installed } from '../support/installed.ts';
import { HERE } from './scenario.ts';
import type { Client, Command } from './scenario.ts';

/** The last of each major version, and the path its module has from then on. */
const GO = {
  1: { path: 'github.com/openai/openai-go', version: 'v1.12.0' },
  2: { path: 'github.com/openai/openai-go/v2', version: 'v2.7.1' },
  3: { path: 'github.com/openai/openai-go/v3', version: 'v3.99.0' },
};
const GO_FILES = ['scenario.go', 'checks.go'];
const JAVA = '4.101.0';

const COMMON = [
  'assistants',
  'threads',
  'messages',
  'paging',
  'files',
  'vector_stores',
  'create_and_wait',
  'outputs_and_wait',
  'cancel_waiting',
  'cancel_streaming',
  'raw_events',
  'new_thread_stream',
  'function_stream',
  'code_stream',
  'failed_run',
  'errors',
  'raw_response',
  'long_silent_stream',
  'long_busy_stream',
  'long_silent_outputs',
];

const go: Client[] = Object.entries(GO).map(([major, module]) => ({
  id: `go-${major}`,
  checks: [...COMMON, 'typed_events'],
  prepare: () => prepareGo(module),
  missing: () => missing('go', ['version']),
}));

const java: Client = {
  id: 'java-4',
  checks: [...COMMON, 'async_events'],
  prepare: prepareJava,
  missing: async () => (await missing('javac', ['-version'])) ?? missing('mvn', ['--version']),
};

export const COMPILED_CLIENTS = [...go, java];

async function missing(program: string, args: string[]): Promise<string | undefined> {
  const { code } = await run(program, args);
  return code === 0 ? undefined : `there is no ${program} on the PATH`;
}

async function prepareGo(module: { path: string; version: string }): Promise<Command> {
  const sources = await Promise.all(
    GO_FILES.map(async (name) => {
      const source = await readFile(join(HERE, 'go', name), 'utf8');
      return { name, source: source.replaceAll(GO[3].path, module.path) };
    }),
  );
  const name = `go-openai-${module.version}-${digest(sources)}`;
  const folder = await installed(name, async (cwd) => {
    for (const file of sources) await writeFile(join(cwd, file.name), file.source);
    await ran('go', ['mod', 'init', 'scenario'], { cwd });
    await ran('go', ['get', `${module.path}@${module.version}`], { cwd });
    await ran('go', ['build', '-o', 'scenario', '.'], { cwd });
  });
  return { program: join(folder, 'scenario'), args: [] };
}

async function prepareJava(): Promise<Command> {
  const source = join(HERE, 'java', 'Scenario.java');
  const name = `java-openai-${JAVA}-${digest(await readFile(source, 'utf8'))}`;
  const folder = await installed(name, async (cwd) => {
    await writeFile(join(cwd, 'pom.xml'), pom());
    const output = ['-Dmdep.outputFile=classpath', '--quiet', '--batch-mode'];
    await ran('mvn', ['dependency:build-classpath', ...output], { cwd });
    const classPath = await readFile(join(cwd, 'classpath'), 'utf8');
    await ran('javac', ['-nowarn', '-cp', classPath, '-d', 'classes', source], { cwd });
  });
  const classPath = await readFile(join(folder, 'classpath'), 'utf8');
  const classes = join(folder, 'classes');
  return { program: 'java', args: ['-cp', `${classes}${delimiter}${classPath}`, 'Scenario'] };
}

function pom(): string {
  const dependency = `<groupId>com.openai</groupId><artifactId>openai-java</artifactId><version>${JAVA}</version>`;
  const project =
    '<groupId>scenario</groupId><artifactId>scenario</artifactId><version>1</version>';
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>${project}<dependencies><dependency>${dependency}</dependency></dependencies></project>`;
}

async function ran(program: string, args: string[], options: RunOptions): Promise<void> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr || stdout}`);
}

function digest(sources: unknown): string {
  return createHash('sha256').update(JSON.stringify(sources)).digest('hex').slice(0, 12);
}
