// Hands what the authorization server answered to the page that opened this window, and to no other
// origin. The address is emptied first: a code has no business in the history. Only Scalar, which names
// its window so, reads the answer there, and closes the window when it has.
const answer = Object.fromEntries(new URLSearchParams(location.search));
const readsAddress = window.opener && window.name === 'openAuth2Window';
const forget = () => history.replaceState(null, '', location.pathname);
if (readsAddress) setTimeout(forget, 5_000);
else forget();

const say = (heading, advice) => {
  document.querySelector('#said').textContent = heading;
  document.querySelector('#advice').textContent = advice;
};

if (!answer.code && !answer.error) {
  say('Nothing arrived', 'Go to the start page and press Authorize there.');
} else if (!window.opener) {
  say(
    answer.error ? 'You were not authorized' : 'You are authorized',
    'The page that began this is gone, so nobody took the answer. Start again from the start page.',
  );
} else if (!readsAddress) {
  window.opener.postMessage({ type: 'authorization-answer', answer }, location.origin);
  window.close();
}
