import type { Environment } from '../base/environment.ts';
import { counted } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { searchApis } from '../products/catalogue-api-store.ts';
import { stateWords } from '../subscriptions/words.ts';
import { firstWordsOf } from './api-markdown.ts';
import { listApiStandings } from './api-right-store.ts';

const pageLength = 30;

export type Searched = {
  q: string;
  environment: Environment | null;
  /** Only what the viewer's teams may call now. */
  callable: boolean;
  after: string | null;
};

/** The page object of views/portal/apis.ejs. */
export async function apisPage(db: Db, viewer: string | null, asked: Searched): Promise<object> {
  const words = asked.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = await searchApis(db, { viewer, words, ...asked, limit: pageLength });
  const apis = found.slice(0, pageLength);
  const standings = viewer
    ? await listApiStandings(db, { accountId: viewer, apiIds: apis.map(({ id }) => id) })
    : [];
  const more = found.length > pageLength ? (apis.at(-1)?.id ?? null) : null;
  const filter = {
    ...(asked.q && { q: asked.q }),
    ...(asked.environment && { environment: asked.environment }),
    ...(asked.callable && { show: 'mine' }),
  };
  return {
    q: asked.q,
    environment: asked.environment ?? '',
    callable: asked.callable,
    signedIn: viewer !== null,
    filtered: Object.keys(filter).length > 0,
    first: asked.after === null,
    start: `/apis?${new URLSearchParams(filter)}`,
    more: more && `/apis?${new URLSearchParams({ ...filter, after: more })}`,
    count: more ? null : counted(apis.length, 'API'),
    apis: apis.map(({ id, name, version, description, environments }) => {
      const state = standings.find(({ apiId }) => apiId === id)?.state;
      const own = state ? { state, words: stateWords[state] } : null;
      return { id, name, version, words: firstWordsOf(description), environments, own };
    }),
  };
}
