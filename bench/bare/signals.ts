/** The baseline's signal, apart from the workflow so that a client can import it. */
import { defineSignal } from '@temporalio/workflow';

export const submitted = defineSignal('submitted');
