import {
  type CodeableConcept,
  type Observation,
  type Patient,
  type Quantity,
  systems,
} from './fhir.ts';

/** What is measured: a LOINC code, a UCUM unit, and the values that are usual. */
type Measure = {
  code: string;
  display: string;
  unit: string;
  ucum: string;
  low: number;
  high: number;
  decimals: number;
};

const measure = (
  [code, display]: [string, string],
  [unit, ucum]: [string, string],
  [low, high]: [number, number],
  decimals = 0,
): Measure => ({ code, display, unit, ucum, low, high, decimals });

const vitalSigns: readonly Measure[] = [
  measure(['8867-4', 'Heart rate'], ['beats/minute', '/min'], [60, 100]),
  measure(['9279-1', 'Respiratory rate'], ['breaths/minute', '/min'], [12, 20]),
  measure(['8310-5', 'Body temperature'], ['°C', 'Cel'], [36.1, 37.5], 1),
  measure(
    ['59408-5', 'Oxygen saturation in Arterial blood by Pulse oximetry'],
    ['%', '%'],
    [95, 99],
  ),
];

const systolic = measure(['8480-6', 'Systolic blood pressure'], ['mmHg', 'mm[Hg]'], [100, 140]);
const diastolic = measure(['8462-4', 'Diastolic blood pressure'], ['mmHg', 'mm[Hg]'], [60, 88]);

const laboratory: readonly Measure[] = [
  measure(['718-7', 'Hemoglobin [Mass/volume] in Blood'], ['g/L', 'g/L'], [120, 160]),
  measure(
    ['14682-9', 'Creatinine [Moles/volume] in Serum or Plasma'],
    ['µmol/L', 'umol/L'],
    [50, 110],
  ),
  measure(
    ['2823-3', 'Potassium [Moles/volume] in Serum or Plasma'],
    ['mmol/L', 'mmol/L'],
    [3.5, 5.1],
    1,
  ),
  measure(['2951-2', 'Sodium [Moles/volume] in Serum or Plasma'], ['mmol/L', 'mmol/L'], [135, 145]),
  measure(
    ['59261-8', 'Hemoglobin A1c/Hemoglobin.total in Blood by IFCC protocol'],
    ['mmol/mol', 'mmol/mol'],
    [31, 42],
  ),
];

/** What is usual for some, by LOINC code; where nothing stands here, it lies in the usual range. */
const leanings: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'NM-0002': { '8480-6': 143, '8462-4': 91 }, // high blood pressure
  'NM-0004': { '59261-8': 56 }, // diabetes
  'NM-0005': { '8867-4': 95, '9279-1': 20, '8480-6': 99, '8462-4': 61 }, // a child
  'NM-0006': { '8480-6': 146, '8462-4': 87 },
  'NM-0007': { '8867-4': 62, '59408-5': 95, '718-7': 116, '14682-9': 121 }, // a tired heart
  'NM-0010': { '8480-6': 145, '59261-8': 46 },
};

/** Two visits for everyone; the days are fixed, so that searches by date can be written down. */
const visits = ['2026-02-10', '2026-05-19'];

/** Measures one thing at one visit. */
type Meter = (what: Measure) => number;

/** Vital signs and laboratory results of these patients, by patient, then visit, then measure. */
export const sampleObservations = (patients: readonly Patient[]): Observation[] =>
  patients.flatMap((patient) =>
    visits.flatMap((day, visit) => {
      const read = meter(patient, visit);
      const drafts = [
        pressure(read),
        ...vitalSigns.map((what) => single(what, 'vital-signs', read)),
        ...laboratory.map((what) => single(what, 'laboratory', read)),
      ];
      return drafts.map((draft, at) => placed(draft, patient, day, visit * drafts.length + at));
    }),
  );

/** Everyone has a middle of their own for each measure, and each visit lies a little beside it. */
function meter(patient: Patient, visit: number): Meter {
  const person = Number(patient.id.slice('NM-'.length));
  const [own, today] = [dice(person), dice(person * 100 + visit)];
  return (what) => {
    const span = what.high - what.low;
    const usual = what.low + span * (0.15 + 0.7 * own());
    const middle = leanings[patient.id]?.[what.code] ?? usual;
    return Number((middle + span * (0.2 * today() - 0.1)).toFixed(what.decimals));
  };
}

type Draft = Pick<Observation, 'category' | 'code' | 'valueQuantity' | 'interpretation'> &
  Pick<Observation, 'referenceRange' | 'component'>;

function placed(draft: Draft, patient: Patient, day: string, number: number): Observation {
  const minute = String(number % 60).padStart(2, '0');
  return {
    resourceType: 'Observation',
    id: `${patient.id}-obs-${String(number + 1).padStart(2, '0')}`,
    meta: { versionId: '1', lastUpdated: `${day}T17:00:00Z` },
    status: 'final',
    subject: { reference: `Patient/${patient.id}`, display: patient.name[0]?.text },
    effectiveDateTime: `${day}T10:${minute}:00Z`,
    performer: [{ display: 'Northmoor Health Centre' }],
    ...draft,
  };
}

/** Blood pressure is one observation with two components (FHIR R4 vital signs profile). */
const pressure = (read: Meter): Draft => ({
  category: [category('vital-signs')],
  code: loinc({ code: '85354-9', display: 'Blood pressure panel with all children optional' }),
  component: [systolic, diastolic].map((what) => ({
    code: loinc(what),
    valueQuantity: quantity(what, read(what)),
  })),
});

function single(what: Measure, kind: string, read: Meter): Draft {
  const value = read(what);
  return {
    category: [category(kind)],
    code: loinc(what),
    valueQuantity: quantity(what, value),
    ...(kind === 'laboratory' && {
      interpretation: [interpretation(what, value)],
      referenceRange: [{ low: quantity(what, what.low), high: quantity(what, what.high) }],
    }),
  };
}

const quantity = (what: Measure, value: number): Quantity => ({
  value,
  unit: what.unit,
  system: systems.ucum,
  code: what.ucum,
});

const loinc = ({ code, display }: { code: string; display: string }): CodeableConcept => ({
  coding: [{ system: systems.loinc, code, display }],
  text: display,
});

const category = (code: string): CodeableConcept => ({
  coding: [{ system: systems.observationCategory, code }],
});

function interpretation(what: Measure, value: number): CodeableConcept {
  const coded = (code: string): CodeableConcept => ({
    coding: [{ system: systems.interpretation, code }],
  });
  if (value < what.low) return coded('L');
  return coded(value > what.high ? 'H' : 'N');
}

/** Numbers from 0 up to 1 in a fixed order (mulberry32): no chance and no machine in it. */
function dice(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
