import { FetchFailed } from './safe-fetch.ts';

/** Runs what fetches for a team as soon as there is room, in the order of asking where there is. */
export type FetchLine = <T>(team: string, fetch: () => Promise<T>) => Promise<T>;

/** `patience`: milliseconds until whoever waits is refused. */
const bounds = { all: 8, ofTeam: 2, patience: 3000 };

/**
 * So many fetches at once in this process, and of them so few for one team: addresses that answer
 * slowly hold up their own team's, and nobody else's for long.
 */
export function createFetchLine({ all, ofTeam, patience } = bounds): FetchLine {
  const running: string[] = [];
  const waiting = new Set<{ team: string; go: () => void }>();
  const hasRoom = (team: string): boolean =>
    running.length < all && running.filter((one) => one === team).length < ofTeam;

  const turn = (team: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const place = { team, go: () => {} };
      const leave = setTimeout(() => {
        waiting.delete(place);
        reject(new FetchFailed('Too many addresses are asked for keys just now: try again soon.'));
      }, patience);
      place.go = () => {
        clearTimeout(leave);
        waiting.delete(place);
        running.push(team);
        resolve();
      };
      waiting.add(place);
      if (hasRoom(team)) place.go();
    });

  return async (team, fetch) => {
    await turn(team);
    try {
      return await fetch();
    } finally {
      running.splice(running.indexOf(team), 1);
      for (const place of waiting) if (hasRoom(place.team)) place.go();
    }
  };
}
