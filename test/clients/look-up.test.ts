import { digest } from '../../src/base/secrets.ts';
import { findClient } from '../../src/clients/store.ts';
import { useDatabase } from '../support/database.ts';
import { aClient, aProduct, aSubscription, aTeam } from '../support/seed.ts';

describe('looking up a client', () => {
  const pool = useDatabase();

  test('one look-up tells the protocol everything', async () => {
    const team = await aTeam(pool, { name: 'Larkfield' });
    const product = await aProduct(pool, {
      name: 'Records',
      audience: 'https://api.example/records',
      signingAlg: 'ES256',
      scopes: [
        { scope: 'user/Patient.rs', description: 'Read names', isDefault: true },
        { scope: 'admin', description: 'Do anything', isDefault: false },
      ],
      roleScopes: { gp: ['admin', 'user/Patient.rs'], nurse: ['user/Patient.rs'] },
    });
    const subscription = await aSubscription(pool, { team, product });
    const { id, secret } = await aClient(pool, { name: 'Tide', subscriptions: [subscription] });

    expect(await findClient(pool, 'sandbox', id)).toEqual({
      id,
      environment: 'sandbox',
      teamId: team.id,
      teamName: 'Larkfield',
      kind: 'application',
      name: 'Tide',
      authMethod: 'client_secret_basic',
      grantTypes: ['authorization_code', 'client_credentials', 'password', 'refresh_token'],
      redirectUris: ['https://client.example/callback'],
      postLogoutRedirectUris: [],
      allowedOrigins: [],
      jwks: null,
      jwksUri: null,
      allowsOidc: true,
      defaultProductId: null,
      usable: true,
      secrets: [{ digest: digest(secret).toString('base64url'), expiresAt: null }],
      products: [
        {
          id: product.id,
          name: 'Records',
          audience: 'https://api.example/records',
          subjects: 'both',
          grantTypes: ['authorization_code', 'client_credentials', 'password', 'refresh_token'],
          signingAlg: 'ES256',
          tokenTyp: 'at+jwt',
          subscriptionId: subscription.id,
          scopes: [
            { scope: 'user/Patient.rs', description: 'Read names', isDefault: true },
            { scope: 'admin', description: 'Do anything', isDefault: false },
          ],
          roleScopes: { gp: ['user/Patient.rs', 'admin'], nurse: ['user/Patient.rs'] },
        },
      ],
    });
  });

  test.each([['submitted'], ['suspended'], ['rejected'], ['cancelled'], ['expired']] as const)(
    'a %s subscription opens nothing',
    async (state) => {
      const { id } = await aClient(pool, { subscriptions: [await aSubscription(pool, { state })] });
      expect(await findClient(pool, 'sandbox', id)).toMatchObject({ usable: false, products: [] });
    },
  );

  test('an active subscription opens nothing after its last day, nor does a retired product', async () => {
    const ended = await aSubscription(pool, { expiresAt: new Date(Date.now() - 1000) });
    const standing = await aSubscription(pool, {
      product: await aProduct(pool, { state: 'retired' }),
    });
    for (const subscription of [ended, standing]) {
      const { id } = await aClient(pool, { subscriptions: [subscription] });
      expect(await findClient(pool, 'sandbox', id)).toMatchObject({ usable: false, products: [] });
    }
  });

  test('of two subscriptions the one that ended takes only its own product away', async () => {
    const team = await aTeam(pool);
    const first = await aSubscription(pool, { team });
    const second = await aSubscription(pool, { team });
    const { id } = await aClient(pool, { subscriptions: [first, second] });
    const opened = async () =>
      (await findClient(pool, 'sandbox', id))?.products.map((product) => product.id);

    expect(await opened()).toEqual([first.productId, second.productId]);
    await pool.query(`update subscriptions set state = 'cancelled' where id = $1`, [first.id]);
    expect(await opened()).toEqual([second.productId]);
  });

  test('the default product leads, then the oldest subscription', async () => {
    const team = await aTeam(pool);
    const oldest = await aSubscription(pool, { team });
    const chosen = await aSubscription(pool, { team });
    const newest = await aSubscription(pool, { team });
    const { id } = await aClient(pool, {
      subscriptions: [newest, chosen, oldest],
      defaultProductId: chosen.productId,
    });
    const client = await findClient(pool, 'sandbox', id);
    expect(client?.products.map(({ subscriptionId }) => subscriptionId)).toEqual([
      chosen.id,
      oldest.id,
      newest.id,
    ]);
  });

  test('a first-party client reaches the products it names, without a subscription', async () => {
    const product = await aProduct(pool, { environment: 'live' });
    const { id } = await aClient(pool, { products: [product] });
    expect(await findClient(pool, 'live', id)).toMatchObject({
      kind: 'first_party',
      teamId: null,
      teamName: null,
      usable: true,
      products: [{ id: product.id, subscriptionId: null }],
    });
  });

  test('a secret that ended is not among the live ones', async () => {
    const { id } = await aClient(pool);
    await pool.query(
      `update client_secrets set expires_at = now() - interval '1 s' where client_id = $1`,
      [id],
    );
    expect((await findClient(pool, 'sandbox', id))?.secrets).toEqual([]);
  });

  test('a client of the sandbox does not exist in the live environment', async () => {
    const { id } = await aClient(pool);
    expect(await findClient(pool, 'live', id)).toBeUndefined();
  });

  test.each([['nobody'], [''], ['\0'], ["' or 1=1"]])('%j is no client', async (id) => {
    expect(await findClient(pool, 'sandbox', id)).toBeUndefined();
  });
});

describe('what the database itself refuses', () => {
  const pool = useDatabase();

  test('a client on another team’s subscription', async () => {
    const { id: teamId } = await aTeam(pool);
    const foreign = await aSubscription(pool);
    await expect(aClient(pool, { teamId, subscriptions: [foreign] })).rejects.toThrow(
      /client_subscriptions_subscription_id_environment_team_id_fkey/,
    );
  });

  test('a live client on a sandbox subscription', async () => {
    const subscriptions = [await aSubscription(pool)];
    await expect(aClient(pool, { environment: 'live', subscriptions })).rejects.toThrow(
      /client_subscriptions_subscription_id_environment_team_id_fkey/,
    );
  });

  test('a live first-party client on a sandbox product, or with one as its default', async () => {
    const products = [await aProduct(pool)];
    await expect(aClient(pool, { environment: 'live', products })).rejects.toThrow(
      /client_products_product_id_environment_fkey/,
    );
    await expect(
      aClient(pool, { environment: 'live', products: [], defaultProductId: products[0]?.id }),
    ).rejects.toThrow(/clients_default_product_id_environment_fkey/);
  });

  test.each([
    ['with the password grant', { grantTypes: ['password'] as const }],
    ['for test users', { subjects: 'test_users' as const }],
    ['for both', { subjects: 'both' as const }],
  ])('a live product %s', async (_, given) => {
    const wrong = { ...given, environment: 'live' as const } as Parameters<typeof aProduct>[1];
    await expect(aProduct(pool, wrong)).rejects.toThrow(/products_check/);
  });

  test('moving a product with subscriptions to the other environment', async () => {
    const { productId } = await aSubscription(pool);
    await expect(
      pool.query(
        `update products set environment = 'live', subjects = 'accounts', grant_types = '{}' where id = $1`,
        [productId],
      ),
    ).rejects.toThrow(/violates foreign key/);
  });

  test('a client whose id could be a subject’s', async () => {
    await expect(aClient(pool, { id: 'acc_1' })).rejects.toThrow(/clients_id_form/);
    await expect(aClient(pool, { id: 'tu_1' })).rejects.toThrow(/clients_id_form/);
  });
});
