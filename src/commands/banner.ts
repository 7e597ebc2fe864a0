import type { Applied } from '../admin/programme-service.ts';

/** What a newcomer needs: all of it published data of a development programme. */
export function welcome(applied: Applied, baseUrl: string, mailbox: boolean): string {
  const { accounts, testUsers, clients } = applied;
  const machine = clients.find(
    ({ secret, grantTypes, environment }) =>
      secret && environment === 'sandbox' && grantTypes.includes('client_credentials'),
  );
  const lines = [
    '',
    `${applied.name}, by Sandgate`,
    '',
    `  Open            ${baseUrl}/`,
    `  Sandbox issuer  ${baseUrl}/sandbox`,
    `  Live issuer     ${baseUrl}/live`,
    `  Sample API      ${baseUrl}/sandbox-api/fhir/metadata`,
    ...(mailbox ? [`  Mailbox         ${baseUrl}/dev/mailbox`] : []),
    '',
    ...table(
      'Accounts',
      accounts.map(({ email, password, roles }) => [
        roles.length > 0 ? `administrator: ${roles.join(', ')}` : 'developer',
        email,
        password,
      ]),
    ),
    ...table(
      'Test users',
      testUsers.map(({ name, title, role, username, password }) => [
        `${name}, ${title || role}`,
        username,
        password,
      ]),
    ),
    ...table(
      'Applications',
      clients.map(({ id, secret, environment, name }) => [
        `${name}, ${environment}`,
        id,
        secret ?? '',
      ]),
    ),
    ...(machine
      ? [
          'A token for a back-end system:',
          '',
          `  curl -s -u ${machine.id}:${machine.secret} -d grant_type=client_credentials ${baseUrl}/sandbox/token`,
          '',
        ]
      : []),
    'Ctrl-C stops it; everything is kept.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function table(title: string, rows: string[][]): string[] {
  if (rows.length === 0) return [];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const written = rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
  return [title, ...written, ''];
}
