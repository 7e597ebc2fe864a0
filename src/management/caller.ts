import type { Environment } from '../base/environment.ts';

/** A program that calls this API, as its token and our tables say. */
export type ManagementCaller = {
  clientId: string;
  /** Of the issuer of its token: nothing of the other one is there for it. */
  environment: Environment;
  /** The team that it acts for. Null: the programme's own client, which acts for no team. */
  teamId: string | null;
  /** What the token says and its product still has. */
  scopes: readonly string[];
};

/** Scopes of the whole programme; no team's client has them, whatever its product says. */
export const programmePrefix = 'programme:';

/** Of its scopes those that count: the programme's for a client of its own, with a token of live only. */
export function scopesThatCount(
  scopes: readonly string[],
  { teamId, environment }: Pick<ManagementCaller, 'teamId' | 'environment'>,
): string[] {
  const ofProgramme = teamId === null && environment === 'live';
  return scopes.filter((scope) =>
    scope.startsWith(programmePrefix) ? ofProgramme : teamId !== null,
  );
}
