import { z } from 'zod';
import { InvalidInput } from '../base/errors.ts';
import { type Keyring, newId, newSecret } from '../base/secrets.ts';
import { endAccess } from '../oauth/consents.ts';
import { behaviours } from '../test-users/behaviour.ts';
import {
  changeTestUser,
  makeTestUser,
  noSuchTestUser,
  removeTestUser,
  resetTestUser,
  resetTestUsersOf,
  setBehaviour,
} from '../test-users/own-service.ts';
import { findOwnTestUser, findTestUserToCopy } from '../test-users/own-store.ts';
import { openTestUserPassword } from '../test-users/service.ts';
import type { TestUser } from '../test-users/test-user.ts';
import { checkTestUser, fieldsOf, type TestUserFields } from '../test-users/test-user-form.ts';
import { textUpTo } from './fields.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { page, pageQuery, placeOf } from './page.ts';
import { listTestUsers } from './test-user-store.ts';

type Parts = { keyring: Keyring };

const text = textUpTo(1000);
const members = {
  username: text,
  name: text,
  title: text,
  about: text,
  password: text,
  role: text,
  patient: text.nullable(),
  claims: z.record(z.string(), z.unknown()),
};
const making = z.strictObject({ clone: textUpTo(200), ...members }).partial();
const changing = z.strictObject({ ...members, behaviour: z.enum(behaviours).nullable() }).partial();

/** A team's own test users and the shared ones; made anew for each run of its tests, as it likes. */
export const testUserOperations = (parts: Parts): Operation[] => [
  operation({
    method: 'GET',
    path: '/test-users',
    scope: 'test-users:read',
    query: pageQuery,
    run: async (call) => {
      const { pool, query } = call;
      const after = placeOf(query.cursor);
      const { limit } = query;
      const found = await listTestUsers(pool, { teamId: teamOf(call), after, limit });
      const rows = found.map((one) => ({ at: '', id: one.id, item: told(parts, one) }));
      return { body: page(rows, limit) };
    },
  }),
  operation({
    method: 'POST',
    path: '/test-users',
    scope: 'test-users:write',
    body: making,
    run: async (call) => {
      const { pool, doer, body } = call;
      const owner = teamOf(call);
      const { clone, ...given } = body;
      const fields = fieldsWith(await firstFields(call, clone), given);
      const values = checkTestUser(fields);
      const id = await makeTestUser(at(parts, call), doer, { owner, teamId: owner, values });
      const made = await findOwnTestUser(pool, { owner, id });
      return { status: 201, location: `/test-users/${id}`, body: told(parts, made as TestUser) };
    },
  }),
  operation({
    method: 'POST',
    path: '/test-users/reset',
    scope: 'test-users:write',
    run: async (call) => {
      const owner = teamOf(call);
      const which = { owner, teamId: owner };
      return { body: { reset: await resetTestUsersOf(at(parts, call), call.doer, which) } };
    },
  }),
  operation({
    method: 'GET',
    path: '/test-users/:id',
    scope: 'test-users:read',
    run: async (call) => {
      const found = await findKnown(call, call.params.id ?? '');
      if (!found) throw noSuchTestUser();
      return { body: told(parts, found) };
    },
  }),
  operation({
    method: 'PATCH',
    path: '/test-users/:id',
    scope: 'test-users:write',
    body: changing,
    run: async (call) => {
      const { before, which } = await own(call);
      const { behaviour, ...given } = call.body;
      const password = openTestUserPassword(parts.keyring, before);
      const values = checkTestUser(fieldsWith(fieldsOf({ ...before, password }), given));
      await changeTestUser(at(parts, call), call.doer, { ...which, values });
      if (behaviour !== undefined) {
        await setBehaviour(at(parts, call), call.doer, { ...which, behaviour });
      }
      return { body: told(parts, (await own(call)).before) };
    },
  }),
  operation({
    method: 'DELETE',
    path: '/test-users/:id',
    scope: 'test-users:write',
    run: async (call) => {
      const { which } = await own(call);
      await removeTestUser(at(parts, call), call.doer, which);
      return undefined;
    },
  }),
  operation({
    method: 'POST',
    path: '/test-users/:id/reset',
    scope: 'test-users:write',
    run: async (call) => {
      const { which } = await own(call);
      await resetTestUser(at(parts, call), call.doer, which);
      return { body: { reset: 1 } };
    },
  }),
];

type Here = Pick<Call, 'pool' | 'teamId' | 'environment' | 'params'>;

const at = ({ keyring }: Parts, { pool }: Here) => ({ pool, keyring, endAccess });

/** Test users exist in the sandbox only: a token of live finds none, whatever its product says. */
const teamOf = ({ teamId, environment }: Here): string => (environment === 'sandbox' ? teamId : '');

/** A shared one, or the team's own. */
const findKnown = async (call: Here, id: string): Promise<TestUser | undefined> =>
  teamOf(call) ? findTestUserToCopy(call.pool, { owner: teamOf(call), id }) : undefined;

/** @throws {NotFound} for another team's, and for a shared one. */
async function own(call: Here) {
  const which = { owner: teamOf(call), id: call.params.id ?? '' };
  const before = await findOwnTestUser(call.pool, which);
  if (!before) throw noSuchTestUser();
  return { which, before };
}

/** A copy's, under a name that the team does not have yet; or empty ones. @throws {InvalidInput} */
async function firstFields(call: Here, clone: string | undefined): Promise<TestUserFields> {
  const password = newSecret().slice(0, 16);
  const empty = { name: '', title: '', about: '', username: '', role: '', patient: '', claims: '' };
  if (clone === undefined) return { csrf: '', team: '', ...empty, password };
  const original = await findKnown(call, clone);
  if (!original) throw new InvalidInput({ clone: 'There is no such test user.' });
  const fields = fieldsOf({ ...original, password });
  return { ...fields, username: `${fields.username.slice(0, 80)}.${newId().slice(0, 8)}` };
}

type Given = Partial<Omit<TestUserFields, 'patient' | 'claims'>> & {
  patient?: string | null | undefined;
  claims?: Record<string, unknown> | undefined;
};

/** The form as pages have it, with what is given in its place. */
function fieldsWith(fields: TestUserFields, { patient, claims, ...texts }: Given): TestUserFields {
  const given = Object.entries(texts).filter(([, value]) => value !== undefined);
  return {
    ...fields,
    ...Object.fromEntries(given),
    ...(patient !== undefined && { patient: patient ?? '' }),
    ...(claims && { claims: JSON.stringify(claims) }),
  };
}

/** Their passwords are published data: whoever may use a test user is told. */
const told = ({ keyring }: Parts, one: TestUser) => ({
  id: one.id,
  shared: one.teamId === null,
  username: one.username,
  password: openTestUserPassword(keyring, one),
  name: one.name,
  title: one.title,
  about: one.about,
  role: one.role,
  patient: one.patient,
  claims: one.claims,
  behaviour: one.behaviour,
});
