import { type HarRequest, HTTPSnippet } from '@readme/httpsnippet';

export type SampleRequest = {
  method: string;
  /** With its query. */
  url: string;
  headers: { name: string; value: string }[];
  /** At most one of the two. */
  form?: { name: string; value: string }[];
  body?: { mediaType: string; text: string };
};

/** What samples are shown in, in the order of the tabs. */
export const languages = [
  { name: 'curl', target: 'shell', client: 'curl' },
  { name: 'HTTP', target: 'http', client: 'http1.1' },
  { name: 'JavaScript', target: 'javascript', client: 'fetch' },
  { name: 'Python', target: 'python', client: 'requests' },
  { name: 'C#', target: 'csharp', client: 'httpclient' },
  { name: 'Java', target: 'java', client: 'nethttp' },
  { name: 'Go', target: 'go', client: 'native' },
  { name: 'PHP', target: 'php', client: 'curl' },
  { name: 'Ruby', target: 'ruby', client: 'native' },
] as const;
export type Language = (typeof languages)[number]['name'];

/** The same request in every language; empty where the library cannot write it. */
export function codeOf(request: SampleRequest): Record<Language, string> {
  const asItIs = snippetOf(request);
  const plain = snippetOf(plainOf(request));
  const code = languages.map(({ name, target, client }) => {
    const snippet = name === 'curl' || name === 'HTTP' ? asItIs : plain;
    const [written = ''] = snippet.convert(target, client) || [];
    return [name, settled(name, written || '')];
  });
  return Object.fromEntries(code) as Record<Language, string>; // a pair for each language
}

const snippetOf = (request: SampleRequest): HTTPSnippet =>
  new HTTPSnippet(harOf(request), { harIsAlreadyEncoded: true });

/** What would end a string of some language, or run in it, and the library writes as it is. */
const awkward = /\\|#[{$@]/;

/** A document's example is no program: where it could become one, a word stands in its place. */
function plainOf({ body, headers, ...request }: SampleRequest): SampleRequest {
  return {
    ...request,
    headers: headers
      .filter(({ name }) => !awkward.test(name))
      .map(({ name, value }) => ({ name, value: awkward.test(value) ? 'VALUE' : value })),
    ...(body &&
      !awkward.test(body.mediaType) && {
        body: isAwkward(body.text) ? { ...body, text: 'BODY' } : body,
      }),
  };
}

/** In JSON its strings count, and not how they are written. */
function isAwkward(text: string): boolean {
  let found = false;
  try {
    JSON.parse(text, (name, value) => {
      found ||= awkward.test(name) || (typeof value === 'string' && awkward.test(value));
      return value;
    });
  } catch {
    return awkward.test(text);
  }
  return found;
}

function harOf({ method, url, headers, form, body }: SampleRequest): HarRequest {
  const postData = form
    ? { mimeType: 'application/x-www-form-urlencoded', params: form }
    : body && { mimeType: body.mediaType, text: body.text };
  const type = postData && { name: 'Content-Type', value: postData.mimeType };
  const har = { method, url, headers: [...headers, ...(type ? [type] : [])] };
  // the rest of a HAR request, which the library fills in
  return { ...har, ...(postData && { postData }) } as HarRequest;
}

/**
 * The library's heredoc lets the shell put its variables in: a body that says "$ref" would lose it.
 * So do the strings that it writes for PHP, of which an address may be one: `/Patient/$everything`.
 */
function settled(language: Language, code: string): string {
  if (language === 'curl') return code.replace(/<<EOF$/m, "<<'EOF'");
  if (language !== 'PHP') return code;
  const string = /^(\s+(?:CURLOPT_(?:URL|POSTFIELDS) => )?")(.*)$/gm;
  return code.replace(string, (_line, start, rest) => start + rest.replaceAll('$', '\\$'));
}
