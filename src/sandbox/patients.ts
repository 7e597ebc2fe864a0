import { type Patient, systems } from './fhir.ts';

/** Born, moved in and written down long before any test: the same on every machine. */
const writtenDown = '2026-01-05T09:00:00Z';

type Line = [
  given: string,
  family: string,
  gender: Patient['gender'],
  birthDate: string,
  street: string,
  postalCode: string,
  contact?: [name: string, relationship: string],
];

/** Invented people of an invented place; their order is their number. */
const people: readonly Line[] = [
  ['Amara', 'Okafor', 'female', '1988-03-14', '3 Mill Lane', 'NM1 1AB'],
  ['Callum', 'Reid', 'male', '1975-11-02', '18 Harbour Road', 'NM1 2CD'],
  ['Priya', 'Nair', 'female', '1992-07-21', '44 Station Street', 'NM2 4EF'],
  ['Tomasz', 'Zielinski', 'male', '1969-01-30', '7 Abbey Close', 'NM2 5GH'],
  [
    'Grace',
    'Holloway',
    'female',
    '2019-05-09',
    '12 Orchard Way',
    'NM3 1JK',
    ['Ellen Holloway', 'Mother'],
  ],
  ['Samuel', 'Adeyemi', 'male', '1957-09-17', '29 Quarry Hill', 'NM3 2LM'],
  [
    'Margaret',
    'Vale',
    'female',
    '1941-02-08',
    '5 Chapel Row',
    'NM4 3NP',
    ['Owen Vale', 'Son and carer'],
  ],
  ['Ioan', 'Pritchard', 'male', '1983-12-24', '61 Market Place', 'NM4 4QR'],
  ['Leila', 'Haddad', 'female', '2001-06-03', '2 Weaver Court', 'NM5 1ST'],
  ['Frank', 'Whitlock', 'male', '1948-10-11', '90 Moor View', 'NM5 2UV'],
  ['Mei', 'Chen', 'female', '1979-04-27', '15 Bridge End', 'NM6 1WX'],
  ['Robin', 'Ashdown', 'other', '1996-08-15', '8 Lantern Street', 'NM6 2YZ'],
];

/** `NM-0001` to `NM-0012`, in that order. */
export const samplePatients: readonly Patient[] = people.map(
  ([given, family, gender, birthDate, street, postalCode, contact], at) => ({
    resourceType: 'Patient',
    id: `NM-${String(at + 1).padStart(4, '0')}`,
    meta: { versionId: '1', lastUpdated: writtenDown },
    identifier: [
      { system: systems.healthNumber, value: `9990000${String(at + 1).padStart(3, '0')}` },
    ],
    active: true,
    name: [{ use: 'official', text: `${given} ${family}`, family, given: [given] }],
    telecom: [{ system: 'phone', value: `01632 960${String(100 + at)}`, use: 'home' }],
    gender,
    birthDate,
    address: [{ use: 'home', line: [street], city: 'Northmoor', postalCode, country: 'GB' }],
    ...(contact && {
      contact: [{ relationship: [{ text: contact[1] }], name: { text: contact[0] } }],
    }),
  }),
);
