import type { Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { dayInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { type Api, versionsOf } from '../products/api.ts';
import {
  deleteOtherBaseUrls,
  deleteOtherVersions,
  upsertApi,
  upsertBaseUrl,
} from '../products/api-store.ts';
import { apiChanges, productChanges } from '../products/changes.ts';
import type { WholeProduct } from '../products/product.ts';
import { saveInvitations, saveProductApis, saveScopes, upsertProduct } from '../products/store.ts';
import { inOneLine, tellTeam } from '../subscriptions/letters.ts';
import { listOpenSubscriptionsOf } from './product-store.ts';

type Parts = {
  /** The public origin, without a slash at the end. */
  baseUrl: string;
};

/**
 * Makes the product, or brings it to this state, with all that it consists of; where nothing differs
 * it does nothing. Whose subscription is open hears of its end, once. Call it under `lockProgramme`.
 */
export async function saveProduct(
  tx: Db,
  { baseUrl }: Parts,
  doer: Doer,
  { there, wanted }: { there: WholeProduct | undefined; wanted: WholeProduct },
): Promise<void> {
  const changes = productChanges(there, wanted);
  if (changes.length === 0) return;
  const { id, environment, invited, scopes, roleScopes, apis, ...product } = wanted;
  await upsertProduct(tx, { id, environment, ...product });
  await saveScopes(tx, id, scopes, roleScopes);
  await saveProductApis(tx, id, apis);
  await saveInvitations(tx, id, invited);

  const about = { ...doer, subject: { kind: 'product', id }, environment } as const;
  if (there)
    await recordAct(tx, { ...about, action: 'product.changed', detail: told(changes, id) });
  else await recordAct(tx, { ...about, action: 'product.made' });
  if (wanted.state !== 'deprecated' || there?.state === 'deprecated') return;
  await recordAct(tx, { ...about, action: 'product.deprecated', reason: wanted.deprecationNotice });
  if (there) await tellOfEnd(tx, baseUrl, wanted);
}

async function tellOfEnd(
  tx: Db,
  baseUrl: string,
  { id, retiresOn, deprecationNotice }: WholeProduct,
): Promise<void> {
  const stops = retiresOn
    ? dayInWords(new Date(`${retiresOn}T00:00:00Z`))
    : 'on a day yet to be set';
  const words = { stops, notice: inOneLine(deprecationNotice) };
  for (const subscription of await listOpenSubscriptionsOf(tx, id)) {
    await tellTeam(tx, { baseUrl }, subscription, {
      whom: 'all',
      letterOf: (about) => ({ template: 'product-deprecated', data: { ...about, ...words } }),
    });
  }
}

/**
 * As `saveProduct`. What other products opened and is left out here goes with `trimApi`, once they
 * have been saved too.
 */
export async function saveApi(
  tx: Db,
  doer: Doer,
  { there, wanted }: { there: Api | undefined; wanted: Api },
): Promise<void> {
  const changes = apiChanges(there, wanted);
  if (changes.length === 0) return;
  await upsertApi(tx, wanted);
  for (const baseUrl of wanted.baseUrls) await upsertBaseUrl(tx, wanted.id, baseUrl);
  const about = { ...doer, subject: { kind: 'api', id: wanted.id } } as const;
  if (there) {
    await recordAct(tx, { ...about, action: 'api.changed', detail: told(changes, wanted.id) });
  } else await recordAct(tx, { ...about, action: 'api.made' });
}

/** Versions and base URLs that this API does not have any more. */
export async function trimApi(tx: Db, api: Api): Promise<void> {
  await deleteOtherBaseUrls(
    tx,
    api.id,
    api.baseUrls.map(({ name }) => name),
  );
  await deleteOtherVersions(
    tx,
    api.id,
    versionsOf(api).map(({ version }) => version),
  );
}

const mostChanges = 50;

/** As a history tells them, whose reader knows which product or API it is about. */
function told(changes: readonly string[], id: string): { changes: string[] } {
  const itself = new RegExp(`^(product|api) ${escaped(id)}: | of (product|api) ${escaped(id)}`);
  const lines = changes.slice(0, mostChanges).map((line) => {
    const what = line.slice(2).replace(itself, '');
    if (line.startsWith('~')) return what;
    return `${what} ${line.startsWith('+') ? 'added' : 'removed'}`;
  });
  const more = changes.length - lines.length;
  return { changes: more > 0 ? [...lines, `${more} more`] : lines };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&');
