import { defineConfig } from 'vite';

// The backend serves what is built. The strict policy of its pages allows no `data:` images, so none is inlined.
export default defineConfig({ build: { assetsInlineLimit: 0 } });
