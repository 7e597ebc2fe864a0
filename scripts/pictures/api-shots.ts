import { phone, type Shot, small, wide } from './camera.ts';
import { priya } from './visits.ts';

const shell = [wide, phone, small];

/** What can be called, as visitors and developers see it. */
export const apiShots: readonly Shot[] = [
  {
    name: 'apis',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/apis`),
  },
  {
    name: 'apis-nothing-fits',
    sizes: [wide],
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/apis?q=unicorn`),
  },
  {
    name: 'api',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/apis/patient-record`),
  },
  {
    name: 'api-operation',
    sizes: shell,
    reach: (page, { demo }) =>
      page.goto(`${demo.baseUrl}/apis/patient-record/operations/createObservation`),
  },
  {
    name: 'api-operation-search',
    sizes: [wide, phone],
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/apis/patient-record/operations/searchPatients`);
      await page.getByText('Python', { exact: true }).click();
    },
  },
  {
    name: 'api-operation-own',
    sizes: [wide, phone],
    reach: async (page, { demo }) => {
      const path = '/apis/patient-record/operations/readPatient';
      await page.goto(`${demo.baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
      await page.getByLabel('Email').fill(priya[0]);
      await page.getByLabel('Password', { exact: true }).fill(priya[1]);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('You can call this.').waitFor();
    },
  },
  { name: 'guide', sizes: shell, reach: (page, { demo }) => page.goto(`${demo.baseUrl}/guide`) },
  {
    name: 'guide-access',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/guide/access`),
  },
];
