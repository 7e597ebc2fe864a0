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

/**
 * A real Chromium. Close it when done. With `blockPopups` its blocker is on: the packaged one then
 * opens no window at all, others none that a person did not ask for.
 */
export async function launchBrowser({ blockPopups = false } = {}): Promise<Browser> {
  const settings = {
    args: [...args, ...(blockPopups ? ['--block-new-web-contents'] : [])],
    ...(blockPopups && { ignoreDefaultArgs: ['--disable-popup-blocking'] }),
  };
  const path = await executablePath();
  for (let attempt = 1; ; attempt++) {
    try {
      return await chromium.launch({ executablePath: path, ...settings });
    } catch (error) {
      // another test process may still be unpacking the packaged browser to the same place
      if (attempt === 5) throw error;
      await sleep(1_000 * attempt);
    }
  }
}
