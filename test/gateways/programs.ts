import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Debian's own: PyJWT is installed for it, and not for another that comes first on the PATH. */
export const python = '/usr/bin/python3';

const works = (command: string, args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const available = {
  nginx: () => works('nginx', ['-v']),
  caddy: () => works('caddy', ['version']),
  openssl: () => works('openssl', ['version']),
  pyjwt: () => works(python, ['-c', 'import jwt, cryptography']),
};

/** Where only CI can install them, they are demanded there; elsewhere their stories are reported as skipped. */
const demanded = process.env.CI_DEMANDS?.includes('gateways') ?? false;

/** `describe`, or its skip where this machine lacks a program. */
export const storiesWith = (...programs: (keyof typeof available)[]): jest.Describe =>
  demanded || programs.every((program) => available[program]()) ? describe : describe.skip;

export type Program = { stop(): Promise<void>; said(): string };

/** Starts a program and waits until it listens on `port` of loopback. */
export async function startProgram(
  command: string,
  args: string[],
  { port, env = {} }: { port: number; env?: Record<string, string> },
): Promise<Program> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  const program = { stop: () => stopped(child), said: () => output };
  child.once('error', (error) => {
    output += error.message;
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (await listens(port)) return program;
    if (child.exitCode !== null) break;
    await sleep(50);
  }
  await program.stop();
  throw new Error(`${command} does not listen on ${port}: ${output}`);
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.end());
  });
