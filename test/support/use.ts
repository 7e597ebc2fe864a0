import { randomUUID } from 'node:crypto';
import type { Db } from '../../src/db/pool.ts';
import type { Call } from '../../src/usage/call.ts';
import type { Reason } from '../../src/usage/reason.ts';

/** A count of an hour as a meter leaves it; of this hour, and of one allowed call, unless given. */
export const someCalls = async (
  db: Db,
  given: Partial<Omit<Call, 'keyId'>> & { calls?: number; hour?: Date | string } = {},
): Promise<void> => {
  await db.query(
    `insert into use_hours (hour, environment, team_id, product_id, subscription_id, client_id,
       api_id, operation, outcome, test_user, calls)
     values (date_trunc('hour', $1::timestamptz, 'UTC'), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      given.hour ?? new Date(),
      given.environment ?? 'sandbox',
      given.teamId ?? '',
      given.productId ?? '',
      given.subscriptionId ?? '',
      given.clientId ?? '',
      given.apiId ?? '',
      given.operation ?? '',
      given.outcome ?? 'allowed',
      given.testUser ?? false,
      given.calls ?? 1,
    ],
  );
};

/** A refused call as a meter leaves it, of now unless given; answers its request id. */
export const aRefusal = async (
  db: Db,
  given: Partial<Omit<Call, 'keyId'>> & {
    at?: Date;
    reason?: Reason;
    detail?: string;
    status?: number;
    gatewayId?: string;
  } = {},
): Promise<string> => {
  const requestId = `req_${randomUUID().replaceAll('-', '')}`;
  await db.query(
    `insert into refusals (request_id, at, environment, team_id, product_id, subscription_id,
       client_id, api_id, operation, outcome, test_user, status, reason, detail, gateway_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      requestId,
      given.at ?? new Date(),
      given.environment ?? 'sandbox',
      given.teamId ?? '',
      given.productId ?? '',
      given.subscriptionId ?? '',
      given.clientId ?? '',
      given.apiId ?? '',
      given.operation ?? '',
      given.outcome ?? 'unauthorized',
      given.testUser ?? false,
      given.status ?? 401,
      given.reason ?? 'token_expired',
      given.detail ?? '',
      given.gatewayId ?? '',
    ],
  );
  return requestId;
};
