import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto';

/** 256 random bits as 43 characters of [A-Za-z0-9_-]: a client secret. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** An opaque id of [A-Za-z0-9_-], 120 random bits: long enough never to be guessed or to collide. */
export function newId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += idBytes;
  return random.toString('base64url', used - idBytes, used);
}
const idBytes = 15;
/** Every request has an id, and asking for a few random bytes takes as long as for many. */
const random = Buffer.alloc(idBytes * 256);
let used = random.length;

/** SHA-256: enough for what we generated ourselves with 256 random bits; never for what a person chose. */
export const digest = (value: string): Buffer => createHash('sha256').update(value).digest();

/** Constant-time comparison of texts of any length. */
export const sameText = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** What the server's one master secret is stretched into; each purpose has a key of its own. */
export type Keyring = {
  /** AES-256-GCM with a fresh nonce. `context` is bound in: a sealed value moved to another row or column does not open. */
  seal(value: string, context: string): Buffer;
  /** @throws {Error} when the master secret or the context is not the one it was sealed with. */
  open(sealed: Buffer, context: string): string;
  /** HMAC-SHA-256, for looking up what must be found by its value, such as subscription keys. */
  fingerprint(value: string): Buffer;
  /** Signs cookies; koa and oidc-provider must be given the same. */
  readonly cookieKeys: readonly string[];
};

const nonceBytes = 12;
const tagBytes = 16;

/** @param masterSecret at least 32 bytes of base64url or any other text of that strength. */
export function createKeyring(masterSecret: string): Keyring {
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', masterSecret, 'sandgate', purpose, 32));
  const sealing = derive('seal');
  const fingerprinting = derive('fingerprint');

  return {
    seal(value, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, context) {
      const decipher = createDecipheriv('aes-256-gcm', sealing, sealed.subarray(0, nonceBytes))
        .setAAD(Buffer.from(context))
        .setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      const body = decipher.update(sealed.subarray(nonceBytes + tagBytes));
      return Buffer.concat([body, decipher.final()]).toString('utf8');
    },
    fingerprint: (value) => createHmac('sha256', fingerprinting).update(value).digest(),
    cookieKeys: [derive('cookies').toString('base64url')],
  };
}
