const csrf = document.getElementById('console').elements.csrf.value;

/** A call of our own server, in JSON; `error_description` says what went wrong. */
export async function ask(path, given) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams({ csrf, ...given }),
  });
  const told = await answer.json();
  if (answer.ok) return told;
  const known = told.error_description ?? 'Something broke on our side.';
  const link =
    told.error === 'sign_in' ? { href: location.href, text: 'Sign in again' } : told.link;
  throw Object.assign(new Error(known), { code: told.error, link });
}
