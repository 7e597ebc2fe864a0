import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import type { Context, Middleware } from 'koa';
import type { Assets } from './assets.ts';
import { csrfToken } from './csrf.ts';

export type Link = { readonly href: string; readonly text: string };

/** What frames a page: the links of the bar and the foot, and the menu of whoever is signed in. */
export type Shell = {
  readonly nav: readonly Link[];
  readonly account: {
    readonly name: string;
    readonly links: readonly Link[];
    /** Where the form that signs out goes; with `page.csrf`. */
    readonly signOut: string;
  } | null;
  /** Where a person signs in; null where there is no such page. */
  readonly signIn: Link | null;
  readonly foot: readonly Link[];
  /** Whether there are a catalogue, a console and a guide of ours to link to. */
  readonly portal: boolean;
  /** Sentences that stand above every page. */
  readonly announcements: readonly string[];
};

type Layout = 'layout' | 'popup-layout' | 'tool-layout';

declare module 'koa' {
  interface DefaultContext {
    /**
     * Renders views/<view>.ejs inside a layout and makes it the body. The title is `data.title`,
     * or what the view sets as `page.head.title`.
     */
    render(view: string, data: object, options?: { layout?: Layout }): Promise<void>;
  }
}

const folder = fileURLToPath(new URL('../../views/', import.meta.url));
const bare: Shell = {
  nav: [],
  account: null,
  signIn: null,
  foot: [],
  portal: true,
  announcements: [],
};

/** EJS prints nothing for what is undefined; a word missing on a consent page must be an error instead. */
const escaped = (value: unknown): string => {
  if (value === undefined) throw new Error('the view prints a value that it was not given');
  return ejs.escapeXML(String(value ?? ''));
};

/**
 * Gives `ctx.render`. Every page gets `page.brand`, `page.asset(name)`, `page.sheets`, `page.path`,
 * `page.requestId`, `page.csrf` and `page.shell` beside its data. `cache` keeps compiled views: off
 * while they are edited.
 */
export function renderer({
  brand,
  assets,
  cache,
  shell = () => ({}),
}: {
  brand: () => string;
  assets: Pick<Assets, 'url' | 'sheets'>;
  cache: boolean;
  shell?: (ctx: Context) => Partial<Shell>;
}): Middleware {
  const options = {
    cache,
    escape: escaped,
    strict: true,
    localsName: 'page',
    _with: false,
  } as ejs.Options;
  const file = (view: string): string => `${folder}${view}.ejs`;

  return async (ctx, next) => {
    const { path } = ctx; // as it came: koa-mount cuts it on the way
    ctx.render = async (view, data, { layout = 'layout' } = {}) => {
      const head = { title: '' }; // a thing of its own: EJS gives each view a copy of the page
      const page = {
        head,
        brand: brand(),
        asset: assets.url,
        sheets: assets.sheets(),
        path,
        requestId: ctx.state.requestId ?? null,
        csrf: { toString: () => csrfToken(ctx) }, // made, with its cookie, only where a form prints it
        shell: { ...bare, ...shell(ctx) },
        ...data,
      };
      const content = await ejs.renderFile(file(view), page, options);
      const body = await ejs.renderFile(
        file(layout),
        { title: head.title || brand(), ...page, content },
        options,
      );
      ctx.type = 'html';
      ctx.body = body;
    };
    await next();
  };
}
