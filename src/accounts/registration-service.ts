import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import type { Caller } from '../base/caller.ts';
import type { Passwords } from '../base/passwords.ts';
import { digest, type Keyring, newId, newSecret } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { openReturn, sealReturn } from './kept-return.ts';
import {
  codeDigest,
  codeTries,
  newCode,
  type Registration,
  registrationHours,
} from './registration.ts';
import {
  consumeProof,
  deleteUnverifiedAccount,
  endProofsOf,
  findRegistrationByBrowser,
  findRegistrationByLink,
  findVerifiedAccount,
  insertAccount,
  insertRegistration,
  lockAddress,
  saveProofs,
  takeCodeTry,
} from './registration-store.ts';
import { noteDevice } from './sign-in-store.ts';

export type RegistrationParts = {
  pool: pg.Pool;
  keyring: Keyring;
  passwords: Passwords;
  /** The public origin: every link is built from it and from nothing that a request says. */
  baseUrl: string;
  throttles: { register: Throttle; resend: Throttle; code: Throttle };
  /** In the transaction that makes the account: gives it the team that it is born with. */
  foundTeam(tx: Db, owner: { accountId: string; name: string }): Promise<unknown>;
};

/** Whoever proves an address, and the browser in which they do. */
export type Prover = { caller: Caller; device: Buffer };

type Typed = { name: string; email: string; teamName: string; password: string; returnTo: string };

/**
 * Keeps what was typed and sends the letter. An address that has an account is treated alike in
 * every step, the hash included; only its owner's letter says so. Answers the secret for the cookie
 * of this browser.
 * @throws {TooMany}, {Busy}
 */
export async function register(
  parts: RegistrationParts,
  typed: Typed,
  caller: Caller,
): Promise<{ browser: string }> {
  const { email, name, teamName, returnTo } = typed;
  await parts.throttles.register.attempt({ name: email, address: caller.address });
  const passwordHash = await parts.passwords.hash(typed.password);

  const browser = newSecret();
  const registration = { id: newId(), email, name, teamName, returnTo };
  await transaction(parts.pool, async (tx) => {
    const proofs = await sendProofs(tx, parts, registration);
    const row = { ...registration, ...proofs, passwordHash, hours: registrationHours };
    const kept = sealReturn(parts.keyring, row.id, returnTo);
    await insertRegistration(tx, { ...row, returnTo: kept, browserDigest: digest(browser) });
  });
  return { browser };
}

/** A new link and a new code; the old ones end. @throws {TooMany} */
export async function resend(
  parts: RegistrationParts,
  registration: Registration,
  caller: Caller,
): Promise<void> {
  const who = { name: registration.email, address: caller.address };
  await parts.throttles.resend.attempt(who);
  await transaction(parts.pool, async (tx) => {
    const proofs = await sendProofs(tx, parts, registration);
    const more = { tries: codeTries, hours: registrationHours };
    await saveProofs(tx, registration.id, { ...proofs, ...more });
  });
}

/** Enqueues the letter; answers what its link and code are known by. */
async function sendProofs(
  tx: Db,
  { keyring, baseUrl }: RegistrationParts,
  { id, email, name }: Registration,
): Promise<{ linkDigest: Buffer | null; codeDigest: Buffer | null }> {
  const token = newSecret();
  const code = newCode();
  const proofs = { linkDigest: digest(token), codeDigest: codeDigest(keyring, id, code) };
  const owner = await findVerifiedAccount(tx, email);
  if (owner) {
    const data = {
      name: owner.name,
      signInLink: `${baseUrl}/sign-in`,
      resetLink: `${baseUrl}/forgot`,
    };
    await enqueueLetter(tx, { to: owner.email, letter: { template: 'already-registered', data } });
    return { linkDigest: null, codeDigest: null };
  }
  const data = { name, link: `${baseUrl}/verify/${token}`, code, hours: registrationHours };
  await enqueueLetter(tx, { to: email, letter: { template: 'verify-email', data } });
  return proofs;
}

export async function registrationOfBrowser(
  { pool, keyring }: Pick<RegistrationParts, 'pool' | 'keyring'>,
  browser: string | undefined,
): Promise<Registration | undefined> {
  const row = browser && (await findRegistrationByBrowser(pool, digest(browser)));
  return row ? opened(keyring, row) : undefined;
}

/** Undefined for a link that was used, has ended or never was: the three look alike. */
export async function registrationOfLink(
  { pool, keyring }: Pick<RegistrationParts, 'pool' | 'keyring'>,
  token: string,
  browser: string | undefined,
): Promise<(Registration & { sameBrowser: boolean }) | undefined> {
  const row = await findRegistrationByLink(pool, digest(token), browser ? digest(browser) : null);
  return row && opened(keyring, row);
}

const opened = <Row extends Registration>(keyring: Keyring, row: Row): Row => ({
  ...row,
  returnTo: openReturn(keyring, row.id, row.returnTo),
});

/**
 * The account that six digits make, typed in the browser that registered.
 * @throws {TooMany} when this address has had too many wrong ones, from whichever browser.
 */
export async function verifyByCode(
  parts: RegistrationParts,
  registration: Registration,
  code: string,
  prover: Prover,
): Promise<{ accountId: string } | 'wrong' | 'no tries left'> {
  const who = { name: registration.email, address: prover.caller.address };
  await parts.throttles.code.attempt(who);
  if (!(await takeCodeTry(parts.pool, registration.id))) return 'no tries left';

  const proof = { codeDigest: codeDigest(parts.keyring, registration.id, code) };
  const made = await transaction(parts.pool, (tx) =>
    prove(tx, parts, { registration, proof, prover }),
  );
  if (!made) return 'wrong';
  await parts.throttles.code.succeeded(who);
  return made;
}

/**
 * The account that a link makes. `own` is what whoever opened it in another browser typed there:
 * they may not be who registered, and then get nothing of what that one set.
 */
export async function verifyByLink(
  parts: RegistrationParts,
  registration: Registration & { sameBrowser: boolean },
  token: string,
  own: { name: string; password: string } | null,
  prover: Prover,
): Promise<{ accountId: string } | undefined> {
  if (!own && !registration.sameBrowser) return undefined;
  const passwordHash = own ? await parts.passwords.hash(own.password) : undefined;
  const proof = { linkDigest: digest(token) };
  const given = own ? { name: own.name, teamName: '', passwordHash } : {};
  return transaction(parts.pool, (tx) =>
    prove(tx, parts, { registration, proof, prover, ...given }),
  );
}

/** Takes the proof, once, and makes the account. Every other registration of the address has lost. */
async function prove(
  tx: Db,
  parts: Pick<RegistrationParts, 'foundTeam'>,
  given: {
    registration: Registration;
    proof: Parameters<typeof consumeProof>[2];
    prover: Prover;
    name?: string;
    teamName?: string;
    passwordHash?: string | undefined;
  },
): Promise<{ accountId: string } | undefined> {
  const { registration, proof } = given;
  const { caller, device } = given.prover;
  const { email } = registration;
  await lockAddress(tx, email);
  const consumed = await consumeProof(tx, registration.id, proof);
  if (!consumed) return undefined;

  const passwordHash = given.passwordHash ?? consumed.passwordHash;
  const name = given.name ?? registration.name;
  await deleteUnverifiedAccount(tx, email);
  const account = await insertAccount(tx, { email, name, passwordHash });
  await endProofsOf(tx, email);
  if (!account) return undefined; // it came to the address by another way, such as a changed email

  const teamName = given.teamName ?? registration.teamName;
  await parts.foundTeam(tx, { accountId: account.id, name: teamName || name });
  const actor = { kind: 'account', id: account.id } as const;
  await recordAct(tx, { actor, action: 'account.registered', subject: actor, caller });
  await noteDevice(tx, { accountId: account.id, device }); // so that the first sign-in elsewhere is told
  return { accountId: account.id };
}
