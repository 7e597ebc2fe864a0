import { type Db, maybeOne } from '../db/pool.ts';

/** What the programme calls this API. */
export const managementApiId = 'management';

/** Whether that product is one of this API. */
export const opensManagement = async (db: Db, productId: string): Promise<boolean> =>
  (await maybeOne(db, 'select from product_apis where product_id = $1 and api_id = $2', [
    productId,
    managementApiId,
  ])) !== undefined;
