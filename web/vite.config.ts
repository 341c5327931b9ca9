import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Names carry a hash of the content, so that the server may let browsers keep them for ever. Nothing is inlined: the
// console runs under `default-src 'self'`, which admits neither data: URLs nor inline scripts.
export default defineConfig({
  plugins: [svelte()],
  build: {
    target: ['es2021', 'chrome94', 'firefox93', 'safari15.4'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        // The parts that nearly every page uses come as one file, not as thirty; charts and the palette when needed.
        manualChunks: (id) => (/\/src\/(ui|words|api)\//.test(id) && !/\/ui\/(Chart|Palette|scale)/.test(id) ? 'ui' : undefined),
      },
    },
  },
});
