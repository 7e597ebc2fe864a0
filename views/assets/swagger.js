// Starts Swagger UI, and hands it what our pop-up answers: its own redirect page is not needed.
const { document: url, client, redirect } = document.querySelector('#swagger').dataset;
const ui = window.SwaggerUIBundle({
  url,
  dom_id: '#swagger',
  docExpansion: 'list',
  deepLinking: false,
  oauth2RedirectUrl: redirect,
});
if (client) ui.initOAuth({ clientId: client, usePkceWithAuthorizationCodeGrant: true });

addEventListener('message', ({ origin, data }) => {
  const waiting = window.swaggerUIRedirectOauth2;
  if (origin !== location.origin || data?.type !== 'authorization-answer' || !waiting) return;
  const { code, state, error, error_description: why } = data.answer;
  if (state !== waiting.state) return; // another window's
  if (code) {
    delete waiting.state;
    waiting.auth.code = code;
    waiting.callback({ auth: waiting.auth, redirectUrl: waiting.redirectUrl });
  } else {
    const message = `[${error}]: ${why ?? 'no code came back'}`;
    waiting.errCb({ authId: waiting.auth.name, source: 'auth', level: 'error', message });
  }
});
