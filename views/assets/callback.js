// Hands what the authorization server answered to the page that opened this window, and to no other
// origin. The address is emptied first: a code has no business in the history.
const answer = Object.fromEntries(new URLSearchParams(location.search));
history.replaceState(null, '', location.pathname);

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
} else {
  window.opener.postMessage({ type: 'authorization-answer', answer }, location.origin);
  window.close();
}
