import type { Environment } from '../base/environment.ts';
import { covers } from '../base/scopes.ts';
import type { Db } from '../db/pool.ts';
import { listOpenings, type Opening } from '../products/catalogue-api-store.ts';
import type { Needs } from './api-operation.ts';
import { listRights, type Right } from './api-right-store.ts';

/** A product that opens an API, and whether the viewer's teams have it. */
export type Offer = Opening & { rights: Right[] };

/** By `viewer`, an account; null: a visitor, who has nothing. */
export async function offersOf(
  db: Db,
  given: { viewer: string | null; id: string; version: string },
): Promise<Offer[]> {
  const openings = await listOpenings(db, given);
  const productIds = openings.map(({ productId }) => productId);
  const rights = given.viewer ? await listRights(db, { accountId: given.viewer, productIds }) : [];
  return openings.map((opening) => ({
    ...opening,
    rights: rights.filter(({ productId }) => productId === opening.productId),
  }));
}

/** What the page says of who may call an operation. */
export type Access = {
  /** `open`: nobody is asked for a token. */
  state: 'open' | 'yes' | 'not yet' | 'nowhere';
  /** The scopes, each alternative enough by itself; empty where the document names none. */
  alternatives: string[][];
  /** By which the viewer may call it. */
  have: { subscriptionId: string; productName: string; teamName: string }[];
  /** That would do as well, and are not had. */
  offers: {
    productId: string;
    productName: string;
    environment: Environment;
    needsApproval: boolean;
    open: boolean;
  }[];
};

export function accessTo(needs: Needs, offers: readonly Offer[]): Access {
  const alternatives = needs.filter((scopes) => scopes.length > 0).map((scopes) => [...scopes]);
  const have = offers.flatMap(({ productName, rights }) =>
    rights
      .filter(({ scopes }) => suffice(scopes, needs))
      .map(({ subscriptionId, teamName }) => ({ subscriptionId, productName, teamName })),
  );
  const others = offers.filter(
    ({ scopes, rights }, at) =>
      rights.length === 0 &&
      suffice(scopes, needs) &&
      offers.findIndex(({ productId }) => productId === offers[at]?.productId) === at,
  );
  return {
    state:
      needs.length === 0
        ? 'open'
        : have.length > 0
          ? 'yes'
          : others.length > 0
            ? 'not yet'
            : 'nowhere',
    alternatives,
    have,
    offers: others.map(({ productId, productName, environment, needsApproval, open }) => ({
      productId,
      productName,
      environment,
      needsApproval,
      open,
    })),
  };
}

/** Whether scopes allow all that one of the alternatives asks. */
export const suffice = (scopes: readonly string[], needs: Needs): boolean =>
  needs.length === 0 || needs.some((wanted) => wanted.every((scope) => covers(scopes, scope)));
