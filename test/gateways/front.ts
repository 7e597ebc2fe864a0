import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Program, startProgram } from './programs.ts';

/**
 * A file of examples/, as it is to be copied, with this test's addresses in it. In one pass: a port of
 * ours may begin as one of theirs does.
 */
export function example(path: string, changes: Record<string, string>): string {
  const file = fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
  const text = readFileSync(file, 'utf8');
  const theirs = Object.keys(changes);
  for (const one of theirs) {
    if (!text.includes(one)) throw new Error(`examples/${path} does not say ${one}`);
  }
  const any = theirs.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  return text.replace(new RegExp(any, 'g'), (one) => changes[one] ?? one);
}

/** A directory that goes away after the tests; programs that drop their rights can enter it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sandgate-gateway-'));
  chmodSync(directory, 0o755);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A key and a certificate of its own for this machine's loopback, in `directory`. */
export function makeCertificate(directory: string): { certificate: string; key: string } {
  const certificate = join(directory, 'certificate.pem');
  const key = join(directory, 'key.pem');
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', certificate];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...name, ...files], { stdio: 'ignore' });
  return { certificate, key };
}

/** nginx in the foreground with `servers` in its `http`, and nothing of this machine's own settings. */
export async function startNginx(
  directory: string,
  { port, servers }: { port: number; servers: string },
): Promise<Program> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `  ${what}_temp_path ${directory}/${what};`)
    .join('\n');
  const file = join(directory, 'nginx.conf');
  const main = `daemon off;
worker_processes 2;
pid ${directory}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
${temporary}
  access_log off;
${servers}
}
`;
  writeFileSync(file, main);
  return startProgram('nginx', ['-p', directory, '-c', file], { port });
}
