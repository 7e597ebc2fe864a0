import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type Running = {
  port: number;
  /** Microseconds of CPU so far, of all its threads. */
  cpu(): number;
  /** MiB of memory that it holds now. */
  memory(): number;
  /** Milliseconds from its start until it answered. */
  startedIn: number;
  stop(): Promise<void>;
};

/** Linux counts CPU time in hundredths of a second. */
const tick = 10_000;

/** Starts Node with these arguments, on the first core where there are several, and waits until it answers. */
export async function startNode(
  args: string[],
  { port, env, ready }: { port: number; env: Record<string, string>; ready: string },
): Promise<Running> {
  const pinned = canPin() ? ['taskset', '-c', '0'] : [];
  const [command = '', ...rest] = [...pinned, process.execPath, ...args];
  const began = performance.now();
  const child = spawn(command, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, PORT: String(port), ...env },
  });
  let complaint = '';
  child.stderr?.on('data', (text) => {
    complaint += text;
  });
  await answering(child, `http://127.0.0.1:${port}${ready}`, () => complaint);
  return {
    port,
    startedIn: performance.now() - began,
    cpu: () => cpuOf(child.pid ?? 0),
    memory: () => memoryOf(child.pid ?? 0),
    async stop() {
      if (child.exitCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

async function answering(child: ChildProcess, url: string, said: () => string): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (child.exitCode !== null) throw new Error(`a server ended at its start: ${said()}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(20);
  }
  throw new Error(`a server does not answer at ${url}: ${said()}`);
}

function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tick; // utime and stime
}

const memoryOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

let pins: boolean | undefined;
function canPin(): boolean {
  if (pins === undefined) {
    try {
      execFileSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' });
      pins = true;
    } catch {
      pins = false;
    }
  }
  return pins;
}

/** Leaves the first core to the server that is measured. Returns whether it could. */
export function stepAside(): boolean {
  if (!canPin()) return false;
  execFileSync('taskset', ['-apc', '1', String(process.pid)], { stdio: 'ignore' });
  return true;
}
