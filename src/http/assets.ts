import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Middleware } from 'koa';

const folder = fileURLToPath(new URL('../../views/assets/', import.meta.url));

type Asset = { readonly body: Buffer; readonly version: string; readonly type: string };

/** Of the operator, by absolute path. */
export type BrandFiles = {
  /** In the place of `logo.svg`. */
  readonly logo?: string | undefined;
  /** Comes after our own sheet. */
  readonly stylesheet?: string | undefined;
};

export type Assets = {
  /** `sandgate.css` → an address that changes when its content does. @throws when there is no such file. */
  url(name: string): string;
  /** The addresses of the style sheets of every page, in their order. */
  sheets(): string[];
  readonly middleware: Middleware;
};

const brandSheet = 'brand.css';

/**
 * Serves views/assets under /assets/ from memory: what is not in the table is not found, so no
 * path can climb out of the folder. With `watch` the folder is read again each time.
 */
export function createAssets({
  watch = false,
  brandFiles = {},
}: {
  watch?: boolean;
  brandFiles?: BrandFiles | undefined;
} = {}): Assets {
  const kept = readAssets(brandFiles);
  const assets = (): ReadonlyMap<string, Asset> => (watch ? readAssets(brandFiles) : kept);
  const url = (name: string): string => {
    const asset = assets().get(name);
    if (!asset) throw new Error(`views/assets has no ${name}`);
    return `/assets/${name}?v=${asset.version}`;
  };

  return {
    url,
    sheets: () => ['sandgate.css', ...(brandFiles.stylesheet ? [brandSheet] : [])].map(url),
    middleware: async (ctx, next) => {
      const reading = ctx.method === 'GET' || ctx.method === 'HEAD';
      const asset = reading && assets().get(ctx.path.replace(/^\/assets\//, ''));
      if (!asset || !ctx.path.startsWith('/assets/')) return next();

      // without the version (a style sheet's own url(…), a module's import) it is asked for again each time
      const known = ctx.query.v === asset.version;
      ctx.set('Cache-Control', known ? 'public, max-age=31536000, immutable' : 'no-cache');
      ctx.etag = asset.version;
      ctx.status = 200;
      ctx.type = asset.type;
      if (ctx.fresh) ctx.status = 304;
      else ctx.body = asset.body;
    },
  };
}

function readAssets({ logo, stylesheet }: BrandFiles): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  const read = (name: string, path: string): void => {
    const body = readFileSync(path);
    const version = createHash('sha256').update(body).digest('base64url').slice(0, 12);
    assets.set(name, { body, version, type: extname(path) });
  };
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const name = path
      .slice(folder.length)
      .replace(/^[\\/]+/, '')
      .replaceAll('\\', '/');
    read(name, path);
  }
  if (logo) read('logo.svg', logo);
  if (stylesheet) read(brandSheet, stylesheet);
  return assets;
}
