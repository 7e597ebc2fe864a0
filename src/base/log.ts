import pino from 'pino';

export type Logger = pino.Logger;

const secretName =
  /^(code|key|pwd)$|authorization|cookie|passw|passphrase|secret|token|private|verifier|assertion|csrf|[a-z]Key$|_key$/i;

/** Secrets that stand inside a sentence or an address. */
const secretText: readonly [RegExp, string][] = [
  [/\beyJ[\w-]+\.[\w-]+(\.[\w-]*)*/g, '[jwt]'],
  [/\b(Bearer|Basic|DPoP) +[\w.~+/-]+=*/gi, '$1 [redacted]'],
  [
    /([?&#](?:code|state|[a-z_]*token|[a-z_]*secret|password|[a-z_]*key)=)[^&#\s"']+/gi,
    '$1[redacted]',
  ],
  [/(\b[a-z][a-z+.-]*:\/\/[^\s/:@]*:)[^\s/@]+@/gi, '$1[redacted]@'],
];

const deepest = 6;

/** @param value anything that is about to be logged; comes back as a copy that holds no secret we know by name or shape. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  if (depth === deepest) return '[deeper]';
  if (value instanceof Error) return redactError(value);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));

  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      secretName.test(name) && item != null ? '[redacted]' : redact(item, depth + 1),
    ]),
  );
}

const redactText = (text: string): string =>
  secretText.reduce((safer, [pattern, word]) => safer.replace(pattern, word), text);

/**
 * Of an error only what is named here. Not its `cause`: an oidc-provider error's may hold a
 * client's secret or a private key. Not Postgres' `detail`: it quotes the row.
 */
function redactError(error: Error): object {
  const { code, status, constraint, table } = error as Error & Record<string, unknown>;
  return {
    type: error.name,
    message: redactText(error.message),
    stack: redactText(error.stack ?? ''),
    ...Object.fromEntries(
      Object.entries({ code, status, constraint, table }).filter(([, item]) => item !== undefined),
    ),
  };
}

/**
 * Logs to standard output, and with `file` to the end of that file too; each line is written
 * before the call returns, so none is lost at exit. `pretty` is for eyes, on standard output only.
 */
export function createLogger({
  level = 'info',
  file,
  pretty = false,
}: {
  level?: string;
  file?: string;
  pretty?: boolean;
} = {}): Logger {
  const stdout = pino.destination({ dest: 1, sync: true });
  const streams: pino.StreamEntry[] = [
    { level: 'trace', stream: pretty ? { write: (line) => stdout.write(forEyes(line)) } : stdout },
  ];
  if (file) {
    const stream = pino.destination({
      dest: file,
      append: true,
      mkdir: true,
      sync: true,
      mode: 0o600,
    });
    streams.push({ level: 'trace', stream });
  }

  const options: pino.LoggerOptions = {
    level,
    formatters: {
      log: (line) => redact(line) as Record<string, unknown>,
    },
    // the fields of a child logger never pass the formatter
    redact: ['authorization', 'cookie', 'password', 'secret', 'token', 'key', 'code'],
    serializers: { err: (error) => error }, // formatted above; pino's own would add the cause again
    hooks: {
      logMethod(args, write) {
        write.apply(
          this,
          args.map((arg) => (typeof arg === 'string' ? redactText(arg) : arg)) as typeof args,
        );
      },
    },
  };
  return pino(options, pino.multistream(streams));
}

/** `09:14:07 info  GET / 200 {"ms":3}`, and a stack on lines of its own. */
function forEyes(line: string): string {
  const { level, time, msg = '', pid, hostname, err, ...rest } = JSON.parse(line);
  const clock = new Date(time).toISOString().slice(11, 19);
  const label = (pino.levels.labels[level] ?? String(level)).padEnd(5);
  const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
  return `${clock} ${label} ${msg}${more}\n${err ? `${err.stack ?? JSON.stringify(err)}\n` : ''}`;
}
