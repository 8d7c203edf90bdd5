import '@mantine/core/styles.css';
import '@mantine/charts/styles.css';
import '@mantine/dropzone/styles.css';
import '@mantine/notifications/styles.css';
import './console.css';

import { MantineProvider } from '@mantine/core';
import type { CSSVariablesResolver } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';

import { App } from './app.tsx';
import { startLanguage } from './language/index.ts';
import { SessionProvider } from './session.tsx';

// The client retries by itself.
const queries = new QueryClient({
  defaultOptions: { queries: { retry: false, staleTime: 2_000 } },
});

const nonce = () =>
  document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

// The component library's scroll lock reads the nonce by this name.
Object.assign(globalThis, { __webpack_nonce__: nonce() });

/** Dimmed text has a contrast of at least 4.5 to 1 on every background. */
const colours: CSSVariablesResolver = () => ({
  variables: {},
  light: { '--mantine-color-dimmed': '#5a6067', '--mantine-color-placeholder': '#5a6067' },
  dark: { '--mantine-color-dimmed': '#a9adb3', '--mantine-color-placeholder': '#a9adb3' },
});

startLanguage();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider
      defaultColorScheme="auto"
      getStyleNonce={nonce}
      cssVariablesResolver={colours}
      theme={{ primaryShade: { light: 8, dark: 8 }, autoContrast: true }}
    >
      <Notifications position="top-right" />
      <QueryClientProvider client={queries}>
        <BrowserRouter>
          <SessionProvider>
            <App />
          </SessionProvider>
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
