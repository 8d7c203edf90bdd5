/** The id under which the built-in demo model is listed. Any other id is answered just the same. */
export const DEMO_MODEL_ID = 'threadmill-demo';
