import { openSandbox } from './support/index.ts';
import { describeNotebook } from './support/notebook.ts';

describeNotebook(await openSandbox({ backend: 'pyodide' }), 'pyodide');
