import type { RelayAnswer } from './relay-call.ts';
import type { RelayRequest } from './relay-request.ts';

/** What the page shows of a call. It never holds the key, and not the token either. */
export type Exchange = {
  /** When it was sent. */
  at: string;
  /** Milliseconds. */
  took: number;
  request: {
    method: string;
    url: string;
    /** As in the request line. */
    target: string;
    headers: [name: string, value: string][];
    body: string;
  };
  answer: {
    version: string;
    status: number;
    statusText: string;
    headers: [name: string, value: string][];
    /** Bytes that were read. */
    size: number;
    cut: boolean;
    /** One of the two: text as it is, anything else in base64. */
    text: string | null;
    base64: string | null;
  } | null;
  /** Why there is no answer. */
  failure: { error: string; error_description: string } | null;
};

/** Enough to tell it from another: `sg_test_••••9tQe`. */
export const maskOf = (secret: string): string =>
  secret.length < 16 ? '••••••••' : `${secret.slice(0, 8)}••••${secret.slice(-4)}`;

/** A secret, and the header that carries it. */
export type Carried = { header: string; secret: string };

export function requestShown(
  { method, url, headers, body }: RelayRequest,
  secrets: readonly Carried[],
): Exchange['request'] {
  const secretOf = (name: string): string | undefined =>
    secrets.find(({ header }) => header === name)?.secret;
  return {
    method,
    url: url.href,
    target: `${url.pathname}${url.search}`,
    headers: headers.map(([name, value]) => {
      const secret = secretOf(name);
      return [name, secret === undefined ? value : value.replace(secret, () => maskOf(secret))];
    }),
    body: body.toString('utf8'),
  };
}

/** An API that says back what it was told shows no secret by it. */
export function answerShown(
  { body, headers, ...line }: RelayAnswer,
  secrets: readonly string[],
): Exchange['answer'] {
  const said = (wanted: string): string =>
    headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';
  const blank = blanked(body, secrets);
  const packed = !/^(identity)?$/i.test(said('content-encoding'));
  const text = packed ? null : textOf(blank, said('content-type'));
  return {
    ...line,
    statusText: covered(line.statusText, secrets),
    headers: headers.map(([name, value]) => [covered(name, secrets), covered(value, secrets)]),
    size: body.length,
    text,
    base64: text === null ? blank.toString('base64') : null,
  };
}

/** What is shorter stands in half of all words. */
const leastCovered = 12;

function covered(value: string, secrets: readonly string[]): string {
  let text = value;
  for (const secret of secrets) {
    if (secret.length >= leastCovered) text = text.replaceAll(secret, maskOf(secret));
  }
  return text;
}

/** By as many characters, so that sizes stay true. */
function blanked(body: Buffer, secrets: readonly string[]): Buffer {
  let bytes = body.toString('latin1');
  for (const secret of secrets) {
    if (secret.length >= leastCovered) bytes = bytes.replaceAll(secret, '*'.repeat(secret.length));
  }
  return Buffer.from(bytes, 'latin1');
}

const isText =
  /^(text\/|application\/([\w.-]+\+)?(json|xml|yaml|javascript|x-www-form-urlencoded)\b)/i;

/** Null: this is not for reading. */
function textOf(body: Buffer, type: string): string | null {
  const charset = /charset="?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8';
  if (type !== '' && !isText.test(type)) return null;
  try {
    // whoever says that it is text is believed, whatever single bytes say
    return new TextDecoder(charset, { fatal: type === '' }).decode(body);
  } catch {
    return null;
  }
}
