// A resource server that checks our access tokens with jose. ISSUER, AUDIENCE and PORT are yours.
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, AUDIENCE, PORT } = process.env;
const keys = createRemoteJWKSet(new URL(`${ISSUER}/jwks`));
const rules = { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', requiredClaims: ['exp'] };

createServer(async (request, response) => {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const answer = (status, body, headers) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
  try {
    const { payload } = await jwtVerify(token, keys, rules);
    answer(200, { sub: payload.sub, scope: payload.scope });
  } catch (error) {
    answer(401, { error: 'invalid_token', why: error.message }, { 'www-authenticate': 'Bearer' });
  }
}).listen(PORT, '127.0.0.1');
