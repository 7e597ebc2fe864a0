import { phone, popup, type Shot, small, wide } from './camera.ts';
import { applications, callbackOf } from './stage.ts';
import { ask, authorize, getToken, letIn, openPopup } from './visits.ts';

const shell = [wide, phone, small];
const few = [popup, small, wide];

/** The start page, what a window says in the end, and what went wrong. */
export const pageShots: readonly Shot[] = [
  { name: 'start', sizes: shell, reach: (page, { demo }) => page.goto(demo.baseUrl) },
  {
    name: 'start-focus',
    sizes: [wide],
    reach: async (page, { demo }) => {
      await page.goto(demo.baseUrl);
      await page.keyboard.press('Tab'); // to the link that skips what stands on top
    },
  },
  {
    name: 'start-without-script',
    sizes: [wide, small],
    withoutScript: true,
    reach: (page, { demo }) => page.goto(demo.baseUrl),
  },
  { name: 'start-bare', sizes: shell, reach: (page, { bare }) => page.goto(bare.baseUrl) },
  {
    name: 'start-token',
    sizes: shell,
    reach: async (page, { demo }) => {
      await page.goto(demo.baseUrl);
      await getToken(page);
    },
  },
  {
    name: 'start-answer',
    sizes: shell,
    reach: async (page, { demo }) => {
      await page.goto(demo.baseUrl);
      await getToken(page);
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('200 OK').waitFor();
    },
  },
  {
    name: 'start-waiting',
    sizes: [wide],
    reach: async (page, { demo }) => {
      await page.goto(demo.baseUrl);
      await openPopup(page);
    },
  },
  {
    name: 'start-pop-up-closed',
    sizes: shell,
    reach: async (page, { demo }) => {
      await page.goto(demo.baseUrl);
      await (await openPopup(page)).close();
      await page.getByText('Nothing was shared').waitFor();
    },
  },
  {
    name: 'start-cancelled',
    sizes: [wide],
    reach: async (page, { demo }) => {
      await page.goto(demo.baseUrl);
      await (await openPopup(page)).getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('No token:').waitFor();
    },
  },
  {
    name: 'callback',
    sizes: few,
    fits: true,
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await letIn(page);
    },
  },
  {
    name: 'callback-cancelled',
    sizes: [popup],
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('You were not authorized').waitFor();
    },
  },
  {
    name: 'callback-empty',
    sizes: [popup],
    reach: (page, { demo }) => page.goto(callbackOf(demo)),
  },
  {
    name: 'callback-without-script',
    sizes: [popup],
    withoutScript: true,
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await authorize(page);
      await page.getByText('You are back').waitFor();
    },
  },
  {
    name: 'sign-out',
    sizes: few,
    fits: true,
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await letIn(page);
      await page.goto(`${demo.sandbox}/session/end?client_id=${applications.wardRound}`);
    },
  },
  {
    name: 'sign-out-unnamed',
    sizes: [popup],
    fits: true,
    reach: (page, { demo }) => page.goto(`${demo.live}/session/end`),
  },
  {
    name: 'signed-out',
    sizes: few,
    fits: true,
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await letIn(page);
      await page.goto(`${demo.sandbox}/session/end?client_id=${applications.wardRound}`);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByText('You are signed out').waitFor();
    },
  },
  {
    name: 'error-unknown-application',
    sizes: few,
    fits: true,
    refused: [400],
    reach: (page, { demo }) => ask(page, demo, { client: 'nobody-we-know' }),
  },
  {
    name: 'error-redirect-uri',
    sizes: few,
    fits: true,
    refused: [400],
    reach: (page, { demo }) => ask(page, demo, { redirect_uri: 'https://elsewhere.example/back' }),
  },
  {
    name: 'error-suspended',
    sizes: few,
    fits: true,
    refused: [400],
    reach: (page, { demo }) => ask(page, demo, { client: applications.suspended }),
  },
  {
    name: 'error-another-browser',
    sizes: few,
    fits: true,
    refused: [403],
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await page.context().clearCookies();
      await page.reload();
    },
  },
  {
    name: 'error-not-found',
    sizes: shell,
    refused: [404],
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/nowhere`),
  },
  {
    name: 'error-not-found-in-pop-up',
    sizes: [popup],
    fits: true,
    refused: [404],
    reach: (page, { demo }) => page.goto(`${demo.sandbox}/nowhere`),
  },
  {
    name: 'error-unreadable',
    sizes: [wide],
    refused: [400],
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/%ff`),
  },
  {
    name: 'error-broken',
    sizes: few,
    fits: true,
    refused: [500],
    reach: (page, { broken }) => ask(page, broken),
  },
];
