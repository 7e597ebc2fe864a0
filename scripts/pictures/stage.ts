import { randomBytes } from 'node:crypto';
import { findProduct } from '../../src/products/store.ts';
import { findTeam } from '../../src/teams/store.ts';
import { applyDemo } from '../../test/support/demo.ts';
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../../test/support/seed.ts';
import { startServer, type TestServer } from '../../test/support/server.ts';
import { asAdmin, databaseUrl } from '../../test/support/template-database.ts';

/** The servers that the pictures are taken of, each but the mailbox on a database of its own. */
export type Stage = {
  /** The demo programme as `npm start` applies it, and the applications below. */
  demo: TestServer;
  /** A development server that keeps its letters, on the demo's database. */
  mailbox: TestServer;
  /** The demo programme with twice as many personas. */
  crowded: TestServer;
  /** A programme with neither a subscription to try nor personas. */
  bare: TestServer;
  /** Its database is gone. */
  broken: TestServer;
  close(): Promise<void>;
};

/** Of the demo programme, and added by `addApplications`. Signing in ends at our own callback. */
export const applications = {
  wardRound: 'ward-round-helper',
  wardRoundLive: 'ward-round-helper-live',
  firstParty: 'northmoor-records',
  observations: 'observation-desk',
  rota: 'rota-board',
  suspended: 'bed-watch',
  longWords: 'long-words',
} as const;

type More = { consoleClientId?: string; mailbox?: boolean };

/** Needs what test/support/template-database.ts puts up. */
export async function setStage(): Promise<Stage> {
  const names: string[] = [];
  const servers: TestServer[] = [];
  const serve = async (database: string, more: More = {}): Promise<TestServer> => {
    const given = { databaseUrl: databaseUrl(database), name: 'localhost', ...more } as const;
    const server = await startServer(given);
    servers.push(server);
    return server;
  };
  const raise = async (more: More = {}): Promise<TestServer> => {
    const name = `pictures_${randomBytes(6).toString('hex')}`;
    await asAdmin(`create database ${name} template ${process.env.TEST_TEMPLATE}`);
    names.push(name);
    return serve(name, more);
  };
  const drop = (name: string) => asAdmin(`drop database if exists ${name} with (force)`);
  const close = async () => {
    for (const server of servers) await server.close();
    for (const name of names) await drop(name);
  };

  try {
    const demo = await raise({ consoleClientId: 'console_sub_larkfield_read' });
    await applyDemo(demo);
    await addApplications(demo);
    const mailbox = await serve(names.at(-1) ?? '', { mailbox: true }); // the demo's
    const crowded = await raise();
    await applyDemo(crowded);
    await doublePersonas(crowded);
    const bare = await raise();
    await applyDemo(bare);
    await bare.pool.query('delete from test_users');
    for (const server of [demo, crowded, bare]) await answerHere(server);
    const broken = await raise();
    await drop(names.at(-1) ?? ''); // its own
    return { demo, mailbox, crowded, bare, broken, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The page where an application of ours takes its answer: the start page's callback. */
export const callbackOf = ({ baseUrl }: TestServer): string => `${baseUrl}/try/callback`;

/** The demo's applications wait for their answers at a port where nobody listens now. */
const answerHere = (server: TestServer) =>
  server.pool.query('update clients set redirect_uris = redirect_uris || $1', [
    [callbackOf(server)],
  ]);

async function addApplications({ pool }: TestServer): Promise<void> {
  const team = await findTeam(pool, 'team_larkfield');
  const [read, submit] = await Promise.all([
    findProduct(pool, 'read-records'),
    findProduct(pool, 'submit-records'),
  ]);
  if (!team || !read || !submit) throw new Error('the demo programme has changed');

  const add = async (id: string, name: string, of: Parameters<typeof aSubscription>[1]) =>
    aClient(pool, { id, name, subscriptions: [await aSubscription(pool, of)] });

  await aClient(pool, { id: applications.firstParty, name: 'Northmoor Records', products: [read] });
  await add(applications.observations, 'Observation Desk', { team, product: submit });
  const rota = await aProduct(pool, {
    name: 'Staff Rota',
    subjects: 'accounts',
    grantTypes: ['authorization_code', 'refresh_token'],
    scopes: [{ scope: 'rota.read', description: 'Read who works when', isDefault: true }],
    roleScopes: { gp: ['rota.read'] },
  });
  await add(applications.rota, 'Rota Board', { team, product: rota });
  const elsewhere = await aTeam(pool);
  await add(applications.suspended, 'Bed Watch', {
    team: elsewhere,
    product: rota,
    state: 'suspended',
  });

  const longTeam = await aTeam(pool, {
    name: 'The Larkfield Software Cooperative of Northmoor and the Western Dales Limited',
  });
  const longWord = 'Zusammenarbeitsverwaltungsanwendungsentwicklungsumgebung';
  await add(applications.longWords, `${longWord} for hospitals and surgeries`, {
    team: longTeam,
    product: read,
  });
}

async function doublePersonas({ pool }: TestServer): Promise<void> {
  const about = 'Sees the people of one home, and only while they live there.';
  for (const [index, name] of twiceAsMany.entries()) {
    await aTestUser(pool, { name, title: 'Care home manager', about, position: 10 + index });
  }
}

const twiceAsMany = [
  'Ines Duarte',
  'Paul Reed',
  'Amara Osei',
  'Jonas Brook',
  'Lena Marsh',
  'Idris Khan',
];
