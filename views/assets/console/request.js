// The request as it takes shape, and the same as curl. What the relay sends is put together in the same order.

export const mask = (secret) =>
  secret.length < 16 ? '••••••••' : `${secret.slice(0, 8)}••••${secret.slice(-4)}`;

const encode = (text) =>
  encodeURIComponent(text).replace(
    /['()]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/**
 * `values`: of the parameters, in the document's order. `key` is what may be shown of it, or ''.
 */
export function requestOf(
  operation,
  { values, body, bodyType, typedHeaders, base, token, key, keyHeader },
) {
  let path = operation.path;
  const query = [];
  const headers = [];
  operation.parameters.forEach((parameter, at) => {
    const value = values[at];
    if (value === '') return;
    if (parameter.in === 'path') path = path.replaceAll(`{${parameter.name}}`, encode(value));
    if (parameter.in === 'header') headers.push([parameter.name.toLowerCase(), value]);
    if (parameter.in === 'query') {
      const all = parameter.schema?.type === 'array' ? value.split(',') : [value];
      for (const one of all) query.push(`${encode(parameter.name)}=${encode(one)}`);
    }
  });
  for (const line of typedHeaders.split('\n')) {
    const [, name, value] = /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name) headers.push([name.toLowerCase(), value]);
  }
  const has = (name) => headers.some(([one]) => one === name);
  if (!has('accept')) headers.unshift(['accept', operation.accept]);
  if (body !== '' && bodyType && !has('content-type')) headers.push(['content-type', bodyType]);

  const url = new URL(base);
  const root = url.pathname.replace(/\/+$/, '');
  const search = query.join('&');
  const target = `${root}${path}${search && `?${search}`}`;
  const shown = [
    ['host', url.host],
    ...headers,
    ...(has('user-agent') ? [] : [['user-agent', 'sandgate-console']]),
    ...(token ? [['authorization', `Bearer ${mask(token)}`]] : []),
    ...(key ? [[keyHeader, key]] : []),
  ];
  return {
    method: operation.method,
    path,
    query: search,
    headers,
    body,
    target,
    text: textOf({ method: operation.method, target, headers: shown, body }),
    curl: curlOf({
      method: operation.method,
      url: `${url.origin}${target}`,
      headers,
      body,
      token,
      key,
      keyHeader,
    }),
  };
}

export const textOf = ({ method, target, headers, body }) =>
  `${method} ${target} HTTP/1.1\n${headers.map(([name, value]) => `${name}: ${value}`).join('\n')}${body ? `\n\n${body}` : ''}`;

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curlOf({ method, url, headers, body, token, key, keyHeader }) {
  const parts = [
    method === 'GET'
      ? `curl ${quoted(url)}`
      : `curl ${method === 'HEAD' ? '-I' : `-X ${method}`} ${quoted(url)}`,
    ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(token ? ['-H "authorization: Bearer $TOKEN"'] : []),
    ...(key ? [`-H "${keyHeader}: $KEY"`] : []),
    ...(body ? [`--data-raw ${quoted(body)}`] : []),
  ];
  return parts.join(' \\\n  ');
}
