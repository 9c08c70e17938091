import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { createLogger, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const here = import.meta.dirname;
const dist = resolve(here, '../dist');
const pages = ['studio', 'player', 'console', 'analytics', 'admin', 'captioner', 'test'];

/** Reads the font files that shared/fonts.css names, from the npm packages that carry them. */
function fontFiles(): Map<string, string> {
  const css = readFileSync(resolve(here, 'shared/fonts.css'), 'utf8');
  const files = new Map<string, string>();
  for (const [, name] of css.matchAll(/\/assets\/fonts\/([a-z0-9-]+\.woff2)/g)) {
    const family = /^ibm-plex-(?:mono|sans(?:-arabic|-devanagari)?)/.exec(name!)![0];
    files.set(name!, resolve(here, 'node_modules/@fontsource', family, 'files', name!));
  }
  return files;
}

/** Serves the typeface under a path without a hash, which templates written by Go can link too. */
function fonts(): Plugin {
  return {
    name: 'lectern-fonts',
    generateBundle() {
      for (const [name, path] of fontFiles()) {
        this.emitFile({ type: 'asset', fileName: `assets/fonts/${name}`, source: readFileSync(path) });
      }
    },
    configureServer(server) {
      const files = fontFiles();
      server.middlewares.use('/assets/fonts/', (request, response, next) => {
        const path = files.get((request.url ?? '').replace(/^\//, '').split('?')[0]!);
        if (!path) return next();
        response.setHeader('Content-Type', 'font/woff2');
        response.end(readFileSync(path));
      });
    },
  };
}

/** Empties dist before a build, but keeps its .gitignore: the folder must exist for go:embed in a fresh clone. */
function clean(): Plugin {
  return {
    name: 'lectern-clean-dist',
    apply: 'build',
    buildStart() {
      for (const entry of readdirSync(dist)) {
        if (entry !== '.gitignore') rmSync(resolve(dist, entry), { recursive: true });
      }
    },
  };
}

/** In development the API comes from a running `lectern serve`; pages are found by the paths they have there. */
function pagePaths(): Plugin {
  const page: Record<string, string> = {
    watch: 'player',
    studio: 'studio',
    captioner: 'captioner',
    console: 'console',
    analytics: 'analytics',
    admin: 'admin',
    test: 'test',
  };
  return {
    name: 'lectern-page-paths',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const first = /^\/(watch|studio|captioner|console|analytics|admin|test)(?:\/[^/.]*){0,2}(?:\?.*)?$/.exec(
          request.url ?? '',
        );
        if (first) request.url = `/${page[first[1]!]}.html`;
        next();
      });
    },
  };
}

const backend = process.env['LECTERN_DEV_BACKEND'] ?? 'http://127.0.0.1:8080';

// The typeface's stable paths are known to exist: fonts() puts them there.
const logger = createLogger();
const { warnOnce } = logger;
logger.warnOnce = (message, options) => {
  if (!message.includes('/assets/fonts/')) warnOnce(message, options);
};

export default defineConfig({
  root: here,
  customLogger: logger,
  plugins: [svelte(), fonts(), clean(), pagePaths()],
  build: {
    outDir: dist,
    emptyOutDir: false,
    // The oldest browsers attendees come with (design: web.md): a clinic's Chrome 73, an iPhone with iOS 13, Firefox ESR 78.
    target: ['chrome73', 'safari13', 'firefox78'],
    cssTarget: ['chrome73', 'safari13', 'firefox78'],
    // The content security policy forbids inline code and data: fonts or scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: Object.fromEntries(pages.map((page) => [page, resolve(here, `${page}.html`)])),
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/whip', '/whep', '/hls', '/sign-in', '/courses', '/join']
        .map((path) => [path, backend])
        .concat([['/socket', backend.replace(/^http/, 'ws')]]),
    ),
  },
  test: {
    environment: 'node',
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**'],
  },
});
