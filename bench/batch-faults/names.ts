/** Shared by the bench and its model, which is a process of its own. */
export const MODEL = 'faulty';
