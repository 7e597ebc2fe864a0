import { randomUUID } from 'node:crypto';
import type { Observation, Resources, ResourceType } from './fhir.ts';
import { sampleMedicationRequests } from './medication-requests.ts';
import { sampleObservations } from './observations.ts';
import { samplePatients } from './patients.ts';

/** What a caller brings; id and meta are ours to give (FHIR R4 §3.1.0.8, create). */
export type NewObservation = Omit<Observation, 'id' | 'meta'>;

export type PatientRecord = {
  find<T extends ResourceType>(type: T, id: string): Resources[T] | undefined;
  /** The sample data in its fixed order, then what was created, oldest first. */
  list<T extends ResourceType>(type: T): readonly Resources[T][];
  add(observation: NewObservation): Observation;
};

/**
 * The sample data, the same on every machine, and the observations created by callers. Those live
 * in the memory of this process alone: another instance does not see them, a restart forgets them,
 * and of more than `keep` of them only the newest stay.
 */
export function createRecord(keep = 500): PatientRecord {
  const observations = sampleObservations(samplePatients);
  const held: { [T in ResourceType]: readonly Resources[T][] } = {
    Patient: samplePatients,
    Observation: observations,
    MedicationRequest: sampleMedicationRequests(samplePatients),
  };

  return {
    list: (type) => held[type],
    find: (type, id) => held[type].find((resource) => resource.id === id),
    add(observation) {
      const meta = { versionId: '1', lastUpdated: new Date().toISOString() };
      const resource: Observation = { ...observation, id: randomUUID(), meta };
      const created = [...held.Observation.slice(observations.length), resource].slice(-keep);
      held.Observation = [...observations, ...created];
      return resource;
    },
  };
}
