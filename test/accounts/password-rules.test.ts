import { createPasswordRules } from '../../src/accounts/password-rules.ts';

describe('a new password', () => {
  const { problemOf } = createPasswordRules({ words: ['Northmoor Shared Care Record'] });
  const person = { name: 'Priya Nair', email: 'priya.nair@larkfield.example' };

  test.each([
    ['a few words', 'seven herons crossed a loud river'],
    ['fifteen characters, no more', 'kq8v tz mw4r lp'],
    ['words without capital, digit or sign', 'onlylowercaseherons'],
    ['another script', 'Семь цапель перелетели реку'],
    ['no script at all', '🦊🚲🌧🎻🍋🧭🪁🦉🎈🥁🪵🧶🐌🧊🛶🌶'],
    ['1,024 characters', 'seven herons crossed a loud river. '.repeat(30).slice(0, 1024)],
    ['a word of ours among others', 'the sandbox behind forty herons'],
  ])('may be %s', (_, password) => {
    expect(problemOf(password, person)).toBeUndefined();
  });

  test.each([
    ['', 'Fill this in.'],
    ['ninechars', 'Too short: 9 characters. Add six more.'],
    ['x', 'Too short: 1 character. Add 14 more.'],
    ['kq8v tz mw4r l', 'Too short: 14 characters. Add one more.'],
    ['🦊🚲🌧🎻🍋🧭🪁🦉', 'Too short: 8 characters. Add seven more.'],
    ['e\u0301'.repeat(14), 'Too short: 14 characters. Add one more.'], // é in two parts is one
    ['x'.repeat(1025), 'Too long: use at most 1,024 characters.'],
  ])('%j: %s', (password, sentence) => {
    expect(problemOf(password, person)).toBe(sentence);
  });

  test.each([
    'passwordpassword',
    'password12345678',
    'Passw0rd!Passw0rd!',
    'thisismypassword',
    'qwertyuiopasdfgh',
    '1qaz2wsx3edc4rfv5tgb',
    'letmeinletmeinletmein',
    'iloveyouiloveyou',
  ])('%s is guessed first', (password) => {
    expect(problemOf(password, person)).toMatch(/guessed first/);
  });

  test.each(['aaaaaaaaaaaaaaaa', 'abcdefghijklmnop', 'xyxyxyxyxyxyxyxyxy'])(
    '%s repeats itself or counts on',
    (password) => {
      expect(problemOf(password, person)).toMatch(/^This repeats itself or counts on/);
    },
  );

  test.each([
    ['the programme', 'Northmoor Shared Care Record'],
    ['the programme, run together', 'northmoorsharedcarerecord1'],
    ['the product', 'sandgate sandbox portal'],
    ['their own name', 'priya nair priya nair 1'],
    ['their address', 'larkfield.example-2026'],
    ['full-width letters of the same', 'ｎｏｒｔｈｍｏｏｒ ｎｏｒｔｈｍｏｏｒ'],
  ])('words of %s alone are no password', (_, password) => {
    expect(problemOf(password, person)).toMatch(/^This is made of your name, your address/);
  });

  test('is judged in good time however long and odd it is', () => {
    const began = performance.now();
    const odd = Array.from({ length: 1024 }, (_, n) => '4@8(3691!|05$7+2'[(n * 7) % 16]).join('');
    problemOf(odd, person);
    expect(performance.now() - began).toBeLessThan(1500);
  });
});
