import type { Context } from 'koa';
import { signInAt } from '../accounts/registration-return.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import type { Shell } from '../http/render.ts';
import { namedPlaceOf, placeOf } from '../http/return-to.ts';
import { announcementsOf } from './announcements.ts';

/** Pages that one comes to in order to get in, and one-time links: nobody comes back to them. */
const doors = /^\/(sign-in|sign-out|register|forgot|verify|reset|profile\/email\/[^/]{20,})?(\/|$)/;

const visitorLinks = [
  { href: '/apis', text: 'APIs' },
  { href: '/products', text: 'Products' },
  { href: '/test-users', text: 'Test users' },
  { href: '/guide', text: 'Guide' },
];
const memberLinks = [
  { href: '/', text: 'Home' },
  { href: '/apis', text: 'APIs' },
  { href: '/products', text: 'Products' },
  { href: '/applications', text: 'Applications' },
  { href: '/use', text: 'Use' },
  { href: '/test-users', text: 'Test users' },
  { href: '/guide', text: 'Guide' },
];
const deskLinks = [
  { href: '/admin/approvals', text: 'Approvals' },
  { href: '/admin/products', text: 'Products' },
  { href: '/admin/people', text: 'People' },
  { href: '/admin/clients', text: 'Clients' },
  { href: '/admin/gateways', text: 'Gateways' },
  { href: '/admin/use', text: 'Use' },
  { href: '/admin/trail', text: 'Trail' },
];
const atDesk = ({ path }: Context): boolean => path === '/admin' || path.startsWith('/admin/');

/** Ours, which an organisation with its own portal does without. */
const portalPaths = ['/apis', '/guide'];

/** The bar of hosted pages; `portal`: whether our own catalogue, console and guide are there. */
export const shellWith =
  ({ portal = true }: { portal?: boolean }) =>
  (ctx: Context): Partial<Shell> => {
    const shell = shellOf(ctx);
    const nav = shell.nav?.filter(({ href }) => portal || !portalPaths.includes(href)) ?? [];
    return { ...shell, portal, nav };
  };

function shellOf(ctx: Context): Partial<Shell> {
  const account = accountOf(ctx);
  const announcements = announcementsOf(ctx);
  if (account) {
    const links = [
      { href: '/profile', text: 'Profile' },
      { href: '/teams', text: 'Teams' },
      ...(account.roles.length > 0 ? [{ href: '/admin', text: 'Administration' }] : []),
    ];
    const nav = atDesk(ctx) ? deskLinks : memberLinks;
    return { nav, account: { name: account.name, links, signOut: '/sign-out' }, announcements };
  }
  const place = namedPlaceOf(ctx) ?? (doors.test(ctx.path) ? '/' : placeOf(ctx));
  const signIn = { href: signInAt(place), text: 'Sign in' };
  return { nav: visitorLinks, signIn, announcements };
}
