// Run by embedded.test.ts as a process of its own: owns the directory until it is ended.
import { startEmbedded } from '../../src/db/embedded.ts';

const [dataDir = '', ending] = process.argv.slice(2);
try {
  const embedded = await startEmbedded({ dataDir, role: 'owner' });
  console.log(embedded.url);
  if (ending === 'stop') await embedded.stop();
} catch (error) {
  console.log((error as Error).message);
  process.exitCode = 1;
}
