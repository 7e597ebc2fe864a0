import { apiShots } from './api-shots.ts';
import { applicationShots } from './application-shots.ts';
import { approvalShots } from './approval-shots.ts';
import type { Shot } from './camera.ts';
import { consoleShots } from './console-shots.ts';
import { deskShots } from './desk-shots.ts';
import { developerShots } from './developer-shots.ts';
import { gatewayShots } from './gateway-shots.ts';
import { pageShots } from './page-shots.ts';
import { peopleShots } from './people-shots.ts';
import { popUpShots } from './pop-up-shots.ts';
import { productShots } from './product-shots.ts';
import { signInShots } from './sign-in-shots.ts';
import { teamShots } from './team-shots.ts';
import { testUserShots } from './test-user-shots.ts';
import { useShots } from './use-shots.ts';

/** Every page in every state worth a look: pictured by scripts/screenshots.ts, and read by axe. */
export const allShots: readonly Shot[] = [
  ...popUpShots,
  ...pageShots,
  ...signInShots,
  ...peopleShots,
  ...testUserShots,
  ...approvalShots,
  ...developerShots,
  ...consoleShots,
  ...apiShots,
  ...applicationShots,
  ...teamShots,
  ...deskShots,
  ...productShots,
  ...gatewayShots,
  ...useShots,
];
