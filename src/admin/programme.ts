import { z } from 'zod';
import { administratorRoles } from '../accounts/account.ts';
import { states } from '../subscriptions/subscription.ts';
import { apiFields, productFields } from './product-fields.ts';
import { developmentClient, firstPartyClient } from './programme-clients.ts';
import { id, line, text } from './programme-fields.ts';

const email = z.email().max(254);

const profile = z.strictObject({
  role: line,
  claims: z.record(z.string(), z.unknown()).default({}),
  patient: line.nullable().default(null),
});

const testUser = z.strictObject({
  id: id.startsWith('tu_'),
  team: id.nullable().default(null),
  username: line,
  password: z.string().min(1).max(1024),
  name: line,
  title: text,
  about: text,
  ...profile.shape,
});

const account = z.strictObject({
  email,
  name: line,
  password: z.string().min(1).max(1024),
  emailVerified: z.boolean().default(true),
  roles: z.array(z.enum(administratorRoles)).default([]),
  profiles: z
    .strictObject({ sandbox: profile.optional(), live: profile.optional() })
    .default(() => ({})),
});

const team = z.strictObject({
  id: id.startsWith('team_'),
  name: line,
  members: z.array(z.strictObject({ email, role: z.enum(['owner', 'member']) })).min(1),
});

const subscription = z.strictObject({
  id: id.startsWith('sub_'),
  team: id,
  product: id,
  name: line,
  purpose: text,
  state: z.enum(states),
});

/** People who exist for development only: their passwords are published. */
const development = z.strictObject({
  accounts: z.array(account).default([]),
  teams: z.array(team).default([]),
  subscriptions: z.array(subscription).default([]),
  clients: z.array(developmentClient).default([]),
});

/** Field by field; `programmeSchema` in programme-rules.ts also looks at what must fit together. */
export const programmeFields = z.strictObject({
  name: line,
  apis: z.array(apiFields).default([]),
  products: z.array(productFields).default([]),
  testUsers: z.array(testUser).default([]),
  clients: z.array(firstPartyClient).default([]),
  development: development.optional(),
});

/** As it is written, with what may be left out left out. */
export type ProgrammeInput = z.input<typeof programmeFields>;
/** What an API programme consists of: checked, and with every default in its place. */
export type Programme = z.output<typeof programmeFields>;
export type Development = NonNullable<Programme['development']>;
