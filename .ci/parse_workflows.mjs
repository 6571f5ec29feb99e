// GitHub's own parser over workflow files: node parse_workflows.mjs NODE_MODULES FILE... (exit code 1 if it finds anything)
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

// The package imports its schema without saying that it is JSON, which Node insists on.
const hook = `export const load = (url, context, next) =>
  next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

const [modules, ...files] = process.argv.slice(2);
const entry = resolve(modules, "@actions/workflow-parser/dist/index.js");
const { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } = await import(pathToFileURL(entry));
const found = [];
for (const name of files) {
  const { context, value } = parseWorkflow({ name, content: readFileSync(name, "utf8") }, new NoOperationTraceWriter());
  found.push(...context.errors.getErrors().map((error) => `${name}: ${error.message}`));
  const template = value && (await convertWorkflowTemplate(context, value));
  found.push(...(template?.errors ?? []).map((error) => `${name}: ${error.Message}`));
}
console.log(found.join("\n") || `${files.length} workflows parsed.`);
process.exit(found.length ? 1 : 0);
