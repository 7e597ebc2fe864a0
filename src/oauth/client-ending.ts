import type { Environment } from '../base/environment.ts';
import type { Db } from '../db/pool.ts';
import { deleteRecordsOfClient } from './store.ts';

/**
 * Ends whatever was given to a client: grants, codes and refresh tokens are gone, and the access
 * tokens that name a grant count no more. Belongs into the transaction that deletes it, or another
 * client of the same id would inherit them.
 */
export const endClientAccess = (
  tx: Db,
  client: { environment: Environment; clientId: string },
): Promise<void> => deleteRecordsOfClient(tx, client);
