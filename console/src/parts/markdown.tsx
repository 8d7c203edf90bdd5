/** Text of models and users. The renderer is half of the console's code, so it loads after the first paint. */
import { lazy, Suspense } from 'react';
import type { Components } from 'react-markdown';

const Late = lazy(async () => ({ default: (await import('./rendered.tsx')).Rendered }));

export function Rendered(props: { text: string; components?: Components }) {
  return (
    <Suspense fallback={<div className="plain">{props.text}</div>}>
      <Late {...props} />
    </Suspense>
  );
}

export function Source({ language, text }: { language: string; text: string }) {
  // Longer than any row of backticks in the text.
  const fence = '`'.repeat(
    Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)),
  );
  return <Rendered text={`${fence}${language}\n${text}\n${fence}`} />;
}
