// A resource server that checks our access tokens with aws-jwt-verify, which reads keys over https
// only. ISSUER, AUDIENCE and PORT are yours.
import { createServer } from 'node:http';
import { JwtVerifier } from 'aws-jwt-verify';

const { ISSUER, AUDIENCE, PORT } = process.env;
const verifier = JwtVerifier.create({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwksUri: `${ISSUER}/jwks`,
});

createServer(async (request, response) => {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const answer = (status, body, headers) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
  try {
    const payload = await verifier.verify(token);
    answer(200, { sub: payload.sub, scope: payload.scope });
  } catch (error) {
    answer(401, { error: 'invalid_token', why: error.message }, { 'www-authenticate': 'Bearer' });
  }
}).listen(PORT, '127.0.0.1');
