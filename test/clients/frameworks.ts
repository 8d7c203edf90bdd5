/** Frameworks that make something of assistants, each with the client that it brings along. */
import { nodeModulesWith } from '../support/npm.ts';
import { pythonWith } from '../support/python.ts';
import type { Client, Command } from './scenario.ts';

/** The packages that are asked for; `name` stands for their versions. */
type Python = { name: string; program: string; packages: string[] };

const LANGCHAIN: Python = {
  name: 'langchain-1.0.8',
  program: 'langchain_checks.py',
  packages: ['langchain-classic==1.0.8', 'langchain-community==0.4.2', 'langchain-openai==1.7.4'],
};
const AUTOGEN: Python = {
  name: 'autogen-0.7.5',
  program: 'autogen_checks.py',
  packages: ['autogen-agentchat==0.7.5', 'autogen-ext[openai]==0.7.5'],
};
const AUTOGEN_02: Python = {
  name: 'autogen-0.2.40',
  program: 'autogen_02_checks.py',
  packages: ['autogen-agentchat==0.2.40'],
};
const SEMANTIC_KERNEL: Python = {
  name: 'semantic-kernel-1.45.0',
  program: 'semantic_kernel_checks.py',
  packages: ['semantic-kernel==1.45.0'],
};
const LANGCHAIN_JS = ['@langchain/classic@1.0.50', '@langchain/core@1.4.0'];

export const FRAMEWORKS: Client[] = [
  {
    id: 'langchain-python',
    prepare: () => prepare(LANGCHAIN),
    checks: [
      'invoke',
      'ainvoke',
      'outputs',
      'agent_executor',
      'version_2',
      'failed_run',
      'missing_assistant',
    ],
  },
  {
    id: 'langchain-js',
    prepare: prepareLangchainJs,
    checks: ['invoke', 'outputs', 'agent_executor', 'code', 'changes', 'failed_run'],
  },
  {
    id: 'autogen',
    prepare: () => prepare(AUTOGEN),
    checks: [
      'text',
      'functions',
      'code_with_file',
      'search_with_file',
      'reset',
      'state',
      'failed_run',
    ],
  },
  {
    id: 'autogen-0.2',
    prepare: () => prepare(AUTOGEN_02),
    checks: ['text', 'functions', 'code', 'found_by_name', 'deleted'],
  },
  {
    id: 'semantic-kernel',
    prepare: () => prepare(SEMANTIC_KERNEL),
    checks: [
      'get_response',
      'invoke_stream',
      'long_silent_stream',
      'functions',
      'functions_streamed',
      'code',
      'code_streamed',
      'failed_run',
    ],
  },
];

async function prepare({ name, program, packages }: Python): Promise<Command> {
  return { program: await pythonWith(name, packages), args: [`python/${program}`] };
}

async function prepareLangchainJs(): Promise<Command> {
  const modules = await nodeModulesWith('langchain-1.0.50', LANGCHAIN_JS);
  return {
    program: process.execPath,
    args: ['node/langchain.mjs'],
    env: { SCENARIO_PACKAGE: modules },
  };
}
