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
  const snippet = new HTTPSnippet(harOf(request), { harIsAlreadyEncoded: true });
  const code = languages.map(({ name, target, client }) => {
    const [written = ''] = snippet.convert(target, client) || [];
    return [name, settled(name, written || '')];
  });
  return Object.fromEntries(code) as Record<Language, string>; // a pair for each language
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

/** The library's heredoc lets the shell put its variables in: a body that says "$ref" would lose it. */
const settled = (language: Language, code: string): string =>
  language === 'curl' ? code.replace(/<<EOF$/m, "<<'EOF'") : code;
