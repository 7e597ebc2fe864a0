// oidc-provider by itself, in memory, with the features that Sandgate switches on and else its own defaults.
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const { PORT } = process.env;
const keys = await Promise.all(
  ['RS256', 'ES256'].map(async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg, use: 'sig' };
  }),
);
const features = Object.fromEntries(
  ['clientCredentials', 'introspection', 'revocation', 'resourceIndicators'].map((name) => [
    name,
    { enabled: true },
  ]),
);
new Provider(`http://127.0.0.1:${PORT}`, { jwks: { keys }, features }).listen(PORT, '127.0.0.1');
