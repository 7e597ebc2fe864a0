import { redact } from '../../src/base/log.ts';

test('no secret that we know by name or shape reaches the log', () => {
  const error = new Error('no postgres://us:hunter2@db/x for Bearer hunter2.hunter2', {
    cause: { jwk: { d: 'hunter2' } },
  });
  const line = {
    err: Object.assign(error, { detail: 'Key (password)=(hunter2)', code: '23505' }),
    headers: { authorization: 'hunter2', cookie: 'hunter2' },
    body: {
      password: 'hunter2',
      client_secret: 'hunter2',
      refresh_token: 'hunter2',
      code: 'hunter2',
    },
    rows: [{ primaryKey: 'hunter2', key: 'hunter2' }],
    url: 'https://client.example/back?code=hunter2&iss=us',
    kid: 'k1',
  };
  const text = JSON.stringify(redact(line));
  expect(text).not.toContain('hunter2');
  expect(text).toContain('23505');
  expect(text).toContain('k1');
});
