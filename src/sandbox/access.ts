import { covers } from '../base/scopes.ts';
import { patientOf, type Resource, type ResourceType } from './fhir.ts';
import { challenged, type Refusal } from './outcome.ts';
import type { Caller } from './tokens.ts';

/** Whose resources a call may touch. */
export type Reach = 'everyone' | { readonly patient: string };

const deeds = { r: 'Reading', s: 'Searching', c: 'Creating' } as const;
export type Letter = keyof typeof deeds;

/**
 * How far a caller's scopes reach for one letter of one type. `system/` counts for a client that
 * speaks for itself and `user/` for a person; both reach everyone, whatever `patient` claim there
 * is, so the wider wins. Which person gets which is the authorization server's to decide.
 * @throws {Refusal} 403 `insufficient_scope` (RFC 6750 §3.1), with the scope that would do.
 */
export function reachOf(caller: Caller, type: ResourceType, letter: Letter): Reach {
  const may = (context: string): boolean => covers(caller.scopes, `${context}/${type}.${letter}`);

  if (may(caller.isClient ? 'system' : 'user')) return 'everyone';
  if (!may('patient')) throw insufficient(caller, type, letter, may);
  if (caller.patient === undefined) {
    throw challenged(403, 'forbidden', {
      error: 'insufficient_scope',
      description: `The scope patient/${type}.${letter} reaches one patient, and this token names none (claim patient).`,
      scope: scopeFor(caller, type, letter),
    });
  }
  return { patient: caller.patient };
}

export const isWithin = (reach: Reach, resource: Resource): boolean =>
  reach === 'everyone' || patientOf(resource) === reach.patient;

/** @throws {Refusal} 403 when this patient is out of reach, whether or not there is one. */
export function wantPatient(reach: Reach, patient: string, type: ResourceType): void {
  if (reach === 'everyone' || reach.patient === patient) return;
  throw challenged(403, 'forbidden', {
    error: 'insufficient_scope',
    description: 'This token is limited to one patient (claim patient), and this is another.',
    scope: `user/${type}.c`,
  });
}

function insufficient(
  caller: Caller,
  type: ResourceType,
  letter: Letter,
  may: (context: string) => boolean,
): Refusal {
  const scope = scopeFor(caller, type, letter);
  return challenged(403, 'forbidden', {
    error: 'insufficient_scope',
    description: `${why(caller, may)}${deeds[letter]} ${type} needs the scope ${scope}.`,
    scope,
  });
}

function why(caller: Caller, may: (context: string) => boolean): string {
  if (caller.scopes.length === 0) return 'This token has no scope at all. ';
  if (caller.isClient && may('user')) {
    return 'A user/ scope speaks for a person, and this token is of a client alone. ';
  }
  if (!caller.isClient && may('system')) {
    return 'A system/ scope is for a client alone, and this token speaks for a person. ';
  }
  return '';
}

/** The scope to ask for, in the context that suits the token. */
function scopeFor(caller: Caller, type: ResourceType, letter: Letter): string {
  if (caller.isClient) return `system/${type}.${letter}`;
  return `${caller.patient === undefined ? 'user' : 'patient'}/${type}.${letter}`;
}
