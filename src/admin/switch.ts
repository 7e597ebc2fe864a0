import type { AdministratorRole } from '../accounts/account.ts';
import { environments } from '../base/environment.ts';
import { NotFound } from '../base/errors.ts';
import { type Stopped, type StoppedKind, suspendable } from '../suspensions/suspension.ts';

/** Who may use the kill switch for what; an owner of the programme always. */
export const switchRoles: Readonly<Record<StoppedKind, AdministratorRole>> = {
  client: 'approver',
  team: 'approver',
  product: 'owner',
  environment: 'owner',
};

/** As pages and letters call it: "the application Night Batch". */
export const thingInWords = ({ kind, id }: Stopped, name: string): string =>
  ({
    client: `the application ${name}`,
    team: `the team ${name}`,
    product: `the product ${name}`,
    environment: `the whole ${id} environment`,
  })[kind];

/** What somebody named by its kind and id. @throws {NotFound} for a kind that has no switch. */
export function stoppedOf(kind: unknown, id: unknown): Stopped {
  const known = suspendable.find((one) => one === kind);
  const named = String(id);
  const wrongPlace = known === 'environment' && !environments.some((one) => one === named);
  if (!known || wrongPlace) throw new NotFound('no_such_thing', 'There is nothing of that name.');
  return { kind: known, id: named };
}
