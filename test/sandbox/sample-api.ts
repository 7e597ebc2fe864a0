import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import Koa from 'koa';
import supertest from 'supertest';
import { defaultPrefix, sandboxApi } from '../../src/sandbox/routes.ts';

export const issuer = 'http://localhost:3000/sandbox';
export const audience = 'https://api.northmoor.example/patient-record';
export const baseUrl = 'http://localhost:3000';
export const prefix = defaultPrefix;

type Claims = Record<string, unknown>;
type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

/** Tokens as the sandbox issuer signs them; any claim or header can be bent, undefined drops one. */
export type Mint = (claims?: Claims, header?: Partial<JWTHeaderParameters>) => Promise<string>;

export type SampleApi = {
  agent: ReturnType<typeof supertest>;
  mint: Mint;
  /** Signed by a key that is not in the JWKS, under the name of the one that is. */
  forge: Mint;
  /** Signed by a key of another name that is not in the JWKS. */
  foreign: Mint;
  /** What the product's audiences are just now. */
  audiences: string[];
  stop(): Promise<void>;
};

/** The API on a bare Koa app, and a server with the issuer's public keys for it to fetch. */
export async function startSampleApi(): Promise<SampleApi> {
  const [signing, other] = [await generateKeyPair('RS256'), await generateKeyPair('RS256')];
  const jwk = { ...(await exportJWK(signing.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const keys = await listen(JSON.stringify({ keys: [jwk] }));
  const { port } = keys.address() as AddressInfo; // an AddressInfo, as it listens on a port

  const audiences = [audience];
  const app = new Koa();
  app.silent = true;
  const jwksUri = `http://127.0.0.1:${port}/jwks`;
  app.use(sandboxApi({ issuer, jwksUri, audiences: () => audiences, baseUrl }).routes());

  return {
    agent: supertest(app.callback()),
    mint: minting(signing.privateKey, 'k1'),
    forge: minting(other.privateKey, 'k1'),
    foreign: minting(other.privateKey, 'k2'),
    audiences,
    stop: () => new Promise((resolve) => keys.close(() => resolve())),
  };
}

function minting(key: SigningKey, kid: string): Mint {
  return (claims = {}, header = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const usual = {
      iss: issuer,
      aud: audience,
      sub: 'test-user-1',
      client_id: 'client-1',
      iat: now,
      exp: now + 600,
      jti: 'jti-1',
      env: 'sandbox',
      scope: 'user/Patient.rs user/Observation.rs user/MedicationRequest.rs',
    };
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid, ...header })
      .sign(key);
  };
}

function listen(body: string): Promise<Server> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json').end(body);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
