import nodemailer from 'nodemailer';
import { urlOf } from '../base/url.ts';

/** One letter, ready to go out. */
export type Message = {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** With its angle brackets. The same at every try, so that a mailbox knows a second copy. */
  messageId: string;
};

/** `reason` holds nothing of the letter and may be kept; `permanent`: another try would end the same. */
export type Delivery = { sent: true } | { sent: false; permanent: boolean; reason: string };

export type Send = (message: Message) => Promise<Delivery>;

/** A name and an address for the From header. */
export type Sender = { name: string; address: string };

/** Milliseconds: of connecting, of the server's greeting, of silence, and of all together. */
export type Timeouts = { connect: number; greeting: number; silence: number; whole: number };

const patience: Timeouts = { connect: 10_000, greeting: 10_000, silence: 20_000, whole: 60_000 };

/**
 * Who our letters are from: what SMTP_URL says as `?from=`, else no-reply at the public host.
 * @throws {Error} a sentence for people when SMTP_URL names no server, or its `from` no address.
 */
export function senderOf(
  smtpUrl: string,
  { brand, baseUrl }: { brand: string; baseUrl: string },
): Sender {
  if (!urlOf(smtpUrl)?.hostname) {
    throw new Error('SMTP_URL must name a server, such as smtp://mail.example.com:587.');
  }
  const given = new URL(smtpUrl).searchParams.get('from');
  if (given !== null && !/^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/.test(given)) {
    throw new Error('SMTP_URL: "from" must be a bare address, such as no-reply@example.com.');
  }
  return { name: brand, address: given ?? `no-reply@${new URL(baseUrl).hostname}` };
}

/**
 * `smtps:` is TLS from the first byte; `smtp:` with `?requireTLS=true` goes over to it or sends
 * nothing; in both the certificate must be good. `smtp:` alone goes over to TLS where the server
 * offers it and takes any certificate, since whoever could forge one could also hide the offer
 * (RFC 7435). Every letter has a connection of its own: they are few, and an idle one breaks at
 * the wrong moment.
 * The result never throws.
 */
export function createTransport(
  smtpUrl: string,
  { from, timeouts = patience }: { from: Sender; timeouts?: Timeouts },
): Send {
  const url = new URL(smtpUrl);
  const secure = url.protocol === 'smtps:';
  const requireTLS = url.searchParams.get('requireTLS') === 'true';
  const transport = nodemailer.createTransport({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    requireTLS,
    tls: { rejectUnauthorized: secure || requireTLS },
    ...(url.username && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
    }),
    connectionTimeout: timeouts.connect,
    greetingTimeout: timeouts.greeting,
    socketTimeout: timeouts.silence,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  return async ({ to, ...message }) => {
    try {
      await transport.sendMail({
        ...message,
        from,
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        signal: AbortSignal.timeout(timeouts.whole), // one that drips is never silent
      });
      return { sent: true };
    } catch (error) {
      return refusal(error as Refusal); // nodemailer's errors carry these fields, others lack them
    }
  };
}

type Refusal = Error & {
  code?: string;
  command?: string;
  response?: string;
  responseCode?: number;
};

/**
 * Permanent is only what the server holds against this recipient or this text. A wrong password, a
 * sender it does not like, a greeting with 5xx are faults of the set-up, which somebody can mend.
 */
function refusal({ code, command, message, response = '', responseCode = 0 }: Refusal): Delivery {
  const ofLetter = command === 'RCPT TO' || command === 'DATA';
  // after DATA the server has read the letter, and some quote what they dislike in it
  const words = command === 'DATA' && response ? statusOf(response) : response || message;
  return {
    sent: false,
    permanent: ofLetter && responseCode >= 500,
    reason: oneLine([code, command && `at ${command}:`, words].filter(Boolean).join(' ')),
  };
}

/** `554 5.7.1 Spam: "https://…"` → `554 5.7.1`. */
const statusOf = (response: string): string =>
  /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?(?!\S)/.exec(response)?.[0] ?? response.slice(0, 3);

const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, 300);
