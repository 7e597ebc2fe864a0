import type { ResourceType } from './fhir.ts';
import { searchParameters } from './search-parameters.ts';

const interactions: { readonly [T in ResourceType]: readonly string[] } = {
  Patient: ['read', 'search-type'],
  Observation: ['read', 'search-type', 'create'],
  MedicationRequest: ['read', 'search-type'],
};

/** What this API can do, in FHIR's own words (FHIR R4 CapabilityStatement). */
export const capabilityStatement = (base: string, issuer: string): object => ({
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-11-01',
  kind: 'instance',
  implementation: { description: 'Sample API with made-up patients of Northmoor', url: base },
  fhirVersion: '4.0.1',
  format: ['application/fhir+json', 'json'],
  rest: [
    {
      mode: 'server',
      security: {
        cors: true,
        service: [
          {
            coding: [
              {
                system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
                code: 'SMART-on-FHIR',
              },
            ],
          },
        ],
        description: `Access tokens (RFC 9068) of ${issuer}, with SMART App Launch scopes.`,
      },
      resource: (Object.keys(interactions) as ResourceType[]).map((type) => ({
        type, // the keys of that record are the types, which Object.keys does not say
        interaction: interactions[type].map((code) => ({ code })),
        searchParam: Object.entries(searchParameters[type]).map(([name, parameter]) => ({
          name,
          type: parameter.type,
        })),
      })),
    },
  ],
});
