// The exchanges of this tab, newest first, without secrets: to look at again, and as a HAR file.

const place = 'sandgate.console.history';
const most = 20;
const mostText = 50_000;

export function history() {
  try {
    return JSON.parse(sessionStorage.getItem(place)) ?? [];
  } catch {
    return [];
  }
}

/** What does not fit is left out, the oldest first. */
export function remember(entry) {
  const { answer } = entry;
  const short =
    answer && (answer.text ?? answer.base64 ?? '').length > mostText
      ? {
          ...answer,
          text: answer.text?.slice(0, mostText) ?? null,
          base64: answer.text === null ? '' : null,
          cut: true,
        }
      : answer;
  let entries = [{ ...entry, answer: short }, ...history()].slice(0, most);
  while (entries.length > 0) {
    try {
      sessionStorage.setItem(place, JSON.stringify(entries));
      return;
    } catch {
      entries = entries.slice(0, -1);
    }
  }
}

export const forgetHistory = () => sessionStorage.removeItem(place);

const pairs = (headers) => headers.map(([name, value]) => ({ name, value }));

/** HTTP Archive 1.2. */
export const harOf = (entries) => ({
  log: {
    version: '1.2',
    creator: { name: 'Sandgate console', version: '1' },
    entries: entries.map(({ at, took, request, answer }) => ({
      startedDateTime: at,
      time: took,
      request: {
        method: request.method,
        url: request.url,
        httpVersion: 'HTTP/1.1',
        cookies: [],
        headers: pairs(request.headers),
        queryString: [...new URL(request.url).searchParams].map(([name, value]) => ({
          name,
          value,
        })),
        ...(request.body && {
          postData: {
            mimeType: request.headers.find(([name]) => name === 'content-type')?.[1] ?? '',
            text: request.body,
          },
        }),
        headersSize: -1,
        bodySize: new TextEncoder().encode(request.body).length,
      },
      response: responseOf(answer),
      cache: {},
      timings: { send: 0, wait: took, receive: 0 },
    })),
  },
});

function responseOf(answer) {
  const none = {
    status: 0,
    statusText: '',
    headers: [],
    version: '1.1',
    size: 0,
    text: '',
    base64: null,
  };
  const { status, statusText, headers, version, size, text, base64 } = answer ?? none;
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  return {
    status,
    statusText,
    httpVersion: `HTTP/${version}`,
    cookies: [],
    headers: pairs(headers),
    content: {
      size,
      mimeType: type,
      text: text ?? base64 ?? '',
      ...(text === null && { encoding: 'base64' }),
    },
    redirectURL: headers.find(([name]) => name.toLowerCase() === 'location')?.[1] ?? '',
    headersSize: -1,
    bodySize: size,
  };
}
