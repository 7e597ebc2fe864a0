const csrf = document.getElementById('console').elements.csrf.value;

const place = () => encodeURIComponent(location.pathname + location.search);
/** What a page that was open for long is told. */
const mends = {
  sign_in: () => ({ href: `/sign-in?return_to=${place()}`, text: 'Sign in again' }),
  cross_origin: () => ({ href: location.href, text: 'Load this page anew' }),
};

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
  throw Object.assign(new Error(known), {
    code: told.error,
    link: mends[told.error]?.() ?? told.link,
  });
}
