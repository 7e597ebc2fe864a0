import { z } from 'zod';
import type { RecordedAct } from '../audit/act.ts';
import { listTrail } from '../audit/store.ts';
import { textUpTo } from './fields.ts';
import { type Operation, operation } from './operation.ts';
import { page, pageQuery, placeOf } from './page.ts';

const trailQuery = pageQuery.extend({
  actor: textUpTo(300).optional(),
  subject: textUpTo(300).optional(),
  action: textUpTo(100).optional(),
  day: z.iso.date('Write a day such as 2027-11-23.').optional(),
});

/** What people, programs and the server did. */
export const auditOperations: Operation[] = [
  operation({
    method: 'GET',
    path: '/programme/audit',
    scope: 'programme:audit',
    query: trailQuery,
    run: async ({ pool, query }) => {
      const { limit, cursor, actor = null, subject = null, action = null, day = null } = query;
      const filter = { actor, subject, action, day };
      const before = beforeOf(placeOf(cursor)?.[1]);
      const acts = await listTrail(pool, filter, { before, limit: limit + 1 });
      const rows = acts.map((act) => ({ at: '', id: act.id, item: told(act) }));
      return { body: page(rows, limit) };
    },
  }),
];

/** An act's id is a number; what is none begins at the top. */
const beforeOf = (id: string | undefined): string | null =>
  /^\d{1,18}$/.exec(id ?? '')?.[0] ?? null;

const told = (act: RecordedAct) => ({
  id: act.id,
  at: act.at,
  action: act.action,
  actor: { kind: act.actorKind, id: act.actorId, role: act.role },
  subject: act.subjectKind && { kind: act.subjectKind, id: act.subjectId },
  environment: act.environment,
  address: act.address,
  request_id: act.requestId,
  reason: act.reason,
  detail: act.detail,
});
