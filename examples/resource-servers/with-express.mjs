// A resource server that checks our access tokens with express-oauth2-jwt-bearer; it finds the keys
// by discovery. ISSUER, AUDIENCE and PORT are yours.
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';

const { ISSUER, AUDIENCE, PORT } = process.env;
const app = express();
app.use(auth({ issuerBaseURL: ISSUER, audience: AUDIENCE }));
app.get('/', (request, response) => {
  const { sub, scope } = request.auth.payload;
  response.json({ sub, scope });
});
app.use((error, _request, response, _next) => {
  const { status = 500, headers = {}, message } = error;
  response.status(status).set(headers).json({ error: 'invalid_token', why: message });
});
app.listen(PORT, '127.0.0.1');
