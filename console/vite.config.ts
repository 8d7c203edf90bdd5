import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `npm start` and the image build into dist; the API serves it from there. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  // The API puts a new nonce in its place with each answer.
  html: { cspNonce: '{{nonce}}' },
  build: { target: 'es2024', outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 1_500 },
  // During development: `npm start` runs the API beside it.
  server: { proxy: { '/v1': 'http://127.0.0.1:8080', '/openapi.json': 'http://127.0.0.1:8080' } },
});
