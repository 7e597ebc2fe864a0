import { urlOf } from '../../src/base/url.ts';

test('an address with letters beyond ASCII is one, also the hundred thousandth time', () => {
  let wrong = 0;
  for (let i = 0; i < 100_000; i += 1) if (!urlOf('https://BÜCHER.example/')) wrong += 1;
  expect(wrong).toBe(0);
  expect(urlOf('https://BÜCHER.example/')?.origin).toBe('https://xn--bcher-kva.example');
});

test.each(['', 'nothing', '/a/path', 'https://', 'http://[::bad'])('%p is none', (text) => {
  expect(urlOf(text)).toBeUndefined();
});

test('a path is one beside its base', () => {
  expect(urlOf('/a?b#c', 'https://own.example')?.href).toBe('https://own.example/a?b#c');
});
