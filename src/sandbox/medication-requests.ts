import { type MedicationRequest, type Patient, systems } from './fhir.ts';

type Medicine = { display: string; atc: string; snomed: string; dosage: string };

/** A medicine, its ATC class, its SNOMED CT substance, and an everyday dose. Not medical advice. */
const medicines = {
  amlodipine: {
    display: 'Amlodipine 5 mg tablets',
    atc: 'C08CA01',
    snomed: '386864001',
    dosage: 'One tablet once a day',
  },
  amoxicillin: {
    display: 'Amoxicillin 500 mg capsules',
    atc: 'J01CA04',
    snomed: '372687004',
    dosage: 'One capsule three times a day for five days',
  },
  atorvastatin: {
    display: 'Atorvastatin 20 mg tablets',
    atc: 'C10AA05',
    snomed: '373444002',
    dosage: 'One tablet once a day',
  },
  bisoprolol: {
    display: 'Bisoprolol 2.5 mg tablets',
    atc: 'C07AB07',
    snomed: '386868003',
    dosage: 'One tablet in the morning',
  },
  furosemide: {
    display: 'Furosemide 40 mg tablets',
    atc: 'C03CA01',
    snomed: '387475002',
    dosage: 'One tablet in the morning',
  },
  metformin: {
    display: 'Metformin 500 mg tablets',
    atc: 'A10BA02',
    snomed: '372567009',
    dosage: 'One tablet twice a day with food',
  },
  omeprazole: {
    display: 'Omeprazole 20 mg capsules',
    atc: 'A02BC01',
    snomed: '387137007',
    dosage: 'One capsule once a day before food',
  },
  paracetamol: {
    display: 'Paracetamol 500 mg tablets',
    atc: 'N02BE01',
    snomed: '387517004',
    dosage: 'One or two tablets up to four times a day',
  },
  ramipril: {
    display: 'Ramipril 5 mg capsules',
    atc: 'C09AA05',
    snomed: '386872004',
    dosage: 'One capsule once a day',
  },
  salbutamol: {
    display: 'Salbutamol 100 micrograms/dose inhaler',
    atc: 'R03AC02',
    snomed: '372897005',
    dosage: 'One or two puffs when needed',
  },
  sertraline: {
    display: 'Sertraline 50 mg tablets',
    atc: 'N06AB06',
    snomed: '372594008',
    dosage: 'One tablet in the morning',
  },
} as const satisfies Record<string, Medicine>;

type Line = [
  patient: string,
  medicine: keyof typeof medicines,
  status: 'active' | 'completed' | 'stopped',
  authoredOn: string,
];

/** Who takes what. */
const lines: readonly Line[] = [
  ['NM-0001', 'salbutamol', 'active', '2026-02-10'],
  ['NM-0002', 'ramipril', 'active', '2025-09-01'],
  ['NM-0002', 'amoxicillin', 'completed', '2026-02-10'],
  ['NM-0003', 'sertraline', 'active', '2026-05-19'],
  ['NM-0004', 'metformin', 'active', '2024-11-20'],
  ['NM-0004', 'atorvastatin', 'active', '2024-11-20'],
  ['NM-0005', 'amoxicillin', 'completed', '2026-05-19'],
  ['NM-0006', 'amlodipine', 'active', '2025-03-12'],
  ['NM-0006', 'omeprazole', 'stopped', '2025-03-12'],
  ['NM-0007', 'bisoprolol', 'active', '2025-06-30'],
  ['NM-0007', 'furosemide', 'active', '2025-06-30'],
  ['NM-0007', 'paracetamol', 'active', '2026-02-10'],
  ['NM-0007', 'amoxicillin', 'completed', '2026-05-19'],
  ['NM-0008', 'paracetamol', 'completed', '2026-02-10'],
  ['NM-0010', 'atorvastatin', 'active', '2025-01-15'],
  ['NM-0010', 'ramipril', 'active', '2025-01-15'],
  ['NM-0010', 'metformin', 'stopped', '2025-01-15'],
  ['NM-0011', 'omeprazole', 'active', '2026-05-19'],
  ['NM-0012', 'salbutamol', 'active', '2025-10-08'],
];

/** Their prescriptions, by patient, in the order of the lines above. */
export const sampleMedicationRequests = (patients: readonly Patient[]): MedicationRequest[] =>
  patients.flatMap((patient) =>
    lines
      .filter(([id]) => id === patient.id)
      .map((line, at) => medicationRequest(patient, line, at + 1)),
  );

function medicationRequest(
  patient: Patient,
  [, medicine, status, authoredOn]: Line,
  number: number,
): MedicationRequest {
  const { display, atc, snomed, dosage } = medicines[medicine];
  return {
    resourceType: 'MedicationRequest',
    id: `${patient.id}-med-${String(number).padStart(2, '0')}`,
    meta: { versionId: '1', lastUpdated: `${authoredOn}T17:00:00Z` },
    status,
    intent: 'order',
    medicationCodeableConcept: {
      coding: [
        { system: systems.atc, code: atc },
        { system: systems.snomed, code: snomed },
      ],
      text: display,
    },
    subject: { reference: `Patient/${patient.id}`, display: patient.name[0]?.text },
    authoredOn,
    requester: { display: 'Northmoor Health Centre' },
    dosageInstruction: [{ text: dosage }],
  };
}
