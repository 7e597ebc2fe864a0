import { phone, popup, type Shot, small, wide } from './camera.ts';
import { applications } from './stage.ts';
import {
  ask,
  authorize,
  chooseTestUser,
  helen,
  letIn,
  openPopup,
  priya,
  typeCredentials,
} from './visits.ts';

const all = [popup, phone, small, wide];
const few = [popup, small];
const live = { issuer: 'live', client: applications.wardRoundLive } as const;
const more = { scope: 'openid profile email offline_access user/Patient.rs user/Observation.rs' };

/** Twenty tries in five minutes are allowed. */
const tries = 20;

/** The page where somebody signs in and allows access, in all its states. */
export const popUpShots: readonly Shot[] = [
  {
    name: 'pop-up',
    sizes: all,
    fits: true,
    reach: (page, { demo }) => ask(page, demo),
  },
  {
    name: 'pop-up-focus',
    sizes: [popup],
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await page.getByLabel('Use a test user').focus();
      await page.keyboard.press('Tab');
      await page.keyboard.press('ArrowDown');
    },
  },
  {
    name: 'pop-up-focus-button',
    sizes: [popup],
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await page.getByLabel('Use a test user').focus();
      for (const _ of ['persona', 'authorize']) await page.keyboard.press('Tab');
    },
  },
  {
    name: 'pop-up-console',
    sizes: few,
    fits: true,
    reach: async (page, { demo }) => {
      await page.goto(demo.baseUrl);
      const address = (await openPopup(page)).url();
      await page.goto(address); // in the tab that the camera looks at
    },
  },
  {
    name: 'pop-up-last-used',
    sizes: few,
    fits: true,
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await chooseTestUser(page, 'Owen Vale');
      await letIn(page);
      await ask(page, demo, { prompt: 'consent' });
    },
  },
  {
    name: 'pop-up-first-party',
    sizes: few,
    fits: true,
    reach: (page, { demo }) => ask(page, demo, { client: applications.firstParty }),
  },
  {
    name: 'pop-up-credentials',
    sizes: all,
    fits: true,
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await page.getByLabel('Use a test user').uncheck();
    },
  },
  {
    name: 'pop-up-credentials-wrong',
    sizes: all,
    fits: true,
    refused: [422],
    reach: async (page, { demo }) => {
      await ask(page, demo);
      await typeCredentials(page, priya[0], 'not it');
      await authorize(page);
      await page.getByText('Username or password is wrong.').waitFor();
    },
  },
  {
    name: 'pop-up-credentials-throttled',
    sizes: few,
    fits: true,
    refused: [422, 429],
    reach: async (page, { demo }) => {
      await ask(page, demo, { client: applications.observations });
      for (let attempt = 0; attempt <= tries; attempt += 1) {
        await typeCredentials(page, 'nobody', `guess ${attempt}`);
        await Promise.all([page.waitForEvent('load'), authorize(page)]);
      }
      await page.getByText('Too many attempts').waitFor();
    },
  },
  {
    name: 'pop-up-test-user-refused',
    sizes: all,
    refused: [422],
    reach: async (page, { demo }) => {
      await ask(page, demo, { client: applications.observations, scope: 'user/Observation.c' });
      await chooseTestUser(page, 'Grace Obi');
      await authorize(page);
      await page.getByText('Grace Obi cannot do this').waitFor();
    },
  },
  {
    name: 'pop-up-more-scopes',
    sizes: few,
    fits: true,
    reach: (page, { demo }) => ask(page, demo, more),
  },
  {
    name: 'pop-up-more-scopes-open',
    sizes: few,
    reach: async (page, { demo }) => {
      await ask(page, demo, more);
      await page.getByText('more', { exact: false }).first().click();
    },
  },
  {
    name: 'pop-up-more-test-users',
    sizes: all,
    reach: (page, { crowded }) => ask(page, crowded),
  },
  {
    name: 'pop-up-no-test-users',
    sizes: few,
    reach: (page, { bare }) => ask(page, bare),
  },
  {
    name: 'pop-up-accounts-only',
    sizes: few,
    fits: true,
    reach: (page, { demo }) => ask(page, demo, { client: applications.rota }),
  },
  {
    name: 'pop-up-long-words',
    sizes: all,
    reach: (page, { demo }) => ask(page, demo, { client: applications.longWords }),
  },
  {
    name: 'live',
    sizes: all,
    fits: true,
    reach: (page, { demo }) => ask(page, demo, live),
  },
  {
    name: 'live-wrong',
    sizes: few,
    fits: true,
    refused: [422],
    reach: async (page, { demo }) => {
      await ask(page, demo, live);
      await typeCredentials(page, 'asha.menon', 'surgery-opens-at-eight');
      await authorize(page);
      await page.getByText('Username or password is wrong.').waitFor();
    },
  },
  {
    name: 'live-consent',
    sizes: all,
    fits: true,
    reach: async (page, { demo }) => {
      await ask(page, demo, live);
      await typeCredentials(page, ...priya);
      await letIn(page);
      await ask(page, demo, { ...live, prompt: 'consent' });
      await page.getByText('You are signed in as').waitFor();
    },
  },
  {
    name: 'live-without-role',
    sizes: all,
    fits: true,
    reach: async (page, { demo }) => {
      const scope = 'openid profile email';
      await ask(page, demo, { ...live, scope });
      await typeCredentials(page, ...helen);
      await letIn(page);
      await ask(page, demo, { ...live, scope, prompt: 'consent' });
      await page.getByText('You have no role').waitFor();
    },
  },
];
