import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';

const args = [
  '--headless',
  '--no-sandbox', // the packaged browser has no sandbox helper, and a container's user is root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** CHROME_PATH, else the system's Chromium, else the one that comes with the npm package (Linux x64). */
async function executablePath(): Promise<string> {
  const own = process.env.CHROME_PATH;
  if (own) return own;
  if (existsSync('/usr/bin/chromium')) return '/usr/bin/chromium';
  const { default: packaged } = await import('@sparticuz/chromium');
  return packaged.executablePath();
}

/** A real Chromium. Close it when done. */
export async function launchBrowser(): Promise<Browser> {
  const path = await executablePath();
  for (let attempt = 1; ; attempt++) {
    try {
      return await chromium.launch({ executablePath: path, args });
    } catch (error) {
      // another test process may still be unpacking the packaged browser to the same place
      if (attempt === 5) throw error;
      await sleep(1_000 * attempt);
    }
  }
}
