import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient } from '../support/seed.ts';
import { startServer } from '../support/server.ts';

describe('the address that an attempt came from', () => {
  const databaseUrl = useDatabaseUrl();

  /** The statuses of as many wrong passwords, each for a name of its own. */
  async function guess(
    count: number,
    { trustProxy, forwarded }: { trustProxy: boolean; forwarded: (index: number) => string },
  ): Promise<number[]> {
    const server = await startServer({ databaseUrl, limitAddresses: true, trustProxy });
    const client = await aClient(server.pool);
    const statuses = [];
    for (let index = 0; index < count; index += 1) {
      const form = { grant_type: 'password', username: `${client.id} ${index}`, password: 'wrong' };
      const headers = { 'x-forwarded-for': forwarded(index) };
      statuses.push((await post(`${server.sandbox}/token`, client, form, headers)).status);
    }
    await server.close();
    return statuses;
  }
  const after100 = [...Array(100).fill(400), 429, 429];

  test('behind our proxy it is the last one named: what somebody puts before it does not help', async () => {
    const forged = (index: number) => `198.51.100.${index}, 192.0.2.${index}, 203.0.113.7`;
    expect(await guess(102, { trustProxy: true, forwarded: forged })).toEqual(after100);
    expect(await guess(1, { trustProxy: true, forwarded: () => '203.0.113.7' })).toEqual([429]);
    const other = () => '203.0.113.7, 203.0.113.8';
    expect(await guess(1, { trustProxy: true, forwarded: other })).toEqual([400]);
  });

  test('without a proxy none that is named counts', async () => {
    const forged = (index: number) => `198.51.100.${index}`;
    expect(await guess(102, { trustProxy: false, forwarded: forged })).toEqual(after100);
  });
});
