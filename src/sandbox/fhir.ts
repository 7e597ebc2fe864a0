/** The little of FHIR R4 (https://hl7.org/fhir/R4/) that this API speaks. */

export type Coding = { system?: string; code?: string; display?: string };
export type CodeableConcept = { coding?: Coding[]; text?: string };
export type Reference = { reference?: string; display?: string };
export type Quantity = { value: number; unit?: string; system?: string; code?: string };
export type Identifier = { system: string; value: string };

/** `lastUpdated` is a FHIR instant: date, time and offset. */
export type Meta = { versionId: string; lastUpdated: string };

export type Patient = {
  resourceType: 'Patient';
  id: string;
  meta: Meta;
  identifier: Identifier[];
  active: boolean;
  name: { use: string; text: string; family: string; given: string[] }[];
  telecom: { system: string; value: string; use: string }[];
  gender: 'female' | 'male' | 'other';
  birthDate: string;
  address: { use: string; line: string[]; city: string; postalCode: string; country: string }[];
  contact?: { relationship: CodeableConcept[]; name: { text: string } }[];
};

export type Observation = {
  resourceType: 'Observation';
  id: string;
  meta: Meta;
  status: string;
  category?: CodeableConcept[];
  code: CodeableConcept;
  subject: Reference & { reference: string };
  effectiveDateTime?: string;
  issued?: string;
  performer?: Reference[];
  valueQuantity?: Quantity;
  valueCodeableConcept?: CodeableConcept;
  valueString?: string;
  interpretation?: CodeableConcept[];
  note?: { text: string }[];
  referenceRange?: { low?: Quantity; high?: Quantity; text?: string }[];
  component?: { code: CodeableConcept; valueQuantity?: Quantity; valueString?: string }[];
};

export type MedicationRequest = {
  resourceType: 'MedicationRequest';
  id: string;
  meta: Meta;
  status: string;
  intent: string;
  medicationCodeableConcept: CodeableConcept;
  subject: Reference & { reference: string };
  authoredOn: string;
  requester: Reference;
  dosageInstruction: { text: string }[];
};

/** Every type of this API under its name. */
export type Resources = {
  Patient: Patient;
  Observation: Observation;
  MedicationRequest: MedicationRequest;
};
export type ResourceType = keyof Resources;
export type Resource = Resources[ResourceType];

export const systems = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  atc: 'http://www.whocc.no/atc',
  ucum: 'http://unitsofmeasure.org',
  observationCategory: 'http://terminology.hl7.org/CodeSystem/observation-category',
  interpretation: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
  /** The health number of Northmoor, an invented place. */
  healthNumber: 'https://northmoor.example/id/health-number',
} as const;

/** The id of the patient whom a resource is about. */
export const patientOf = (resource: Resource): string =>
  resource.resourceType === 'Patient'
    ? resource.id
    : resource.subject.reference.slice('Patient/'.length);
