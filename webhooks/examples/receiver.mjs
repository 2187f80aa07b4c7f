// Receives Cleanlist webhooks: node receiver.mjs 8443 /var/lib/results. Put it behind your HTTPS proxy.
// When you start an enrichment, create <folder>/<workflow_id>.started; its result becomes <folder>/<workflow_id>.json.
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const [port, folder] = process.argv.slice(2);
const MOST_BYTES = 20_000_000;

// Stores the result once, however often it comes: the same workflow can be delivered again.
function keep(id, body) {
  const draft = join(folder, `${id}.${randomBytes(8).toString("hex")}`);
  writeFileSync(draft, body);
  try {
    linkSync(draft, join(folder, `${id}.json`)); // all or nothing, and only the first time
    console.log("new result of", id); // here your work on it begins
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    console.log("had the result of", id);
  } finally {
    unlinkSync(draft);
  }
}

function statusFor(request, body) {
  if (request.method !== "POST") return 405;
  if ("x-cleanlist-console-test" in request.headers) return 204; // somebody checks this endpoint: say yes, do nothing
  let id;
  try {
    id = String(JSON.parse(body).workflow_id);
  } catch {
    return 400;
  }
  // Webhooks are not signed, so anybody can send one. What counts is that you started this workflow.
  // A webhook may be quicker than your own note of it: it is sent again after a 404, a second later.
  if (!/^[\w-]{1,200}$/.test(id) || !existsSync(join(folder, `${id}.started`))) return 404;
  keep(id, body);
  return 200; // at once; the work on the result comes afterwards
}

createServer(async (request, response) => {
  let status = 500;
  try {
    const parts = [];
    let size = 0;
    for await (const part of request) {
      if ((size += part.length) > MOST_BYTES) return response.writeHead(413).end();
      parts.push(part);
    }
    status = statusFor(request, Buffer.concat(parts));
  } catch (error) {
    console.error(error);
  }
  response.writeHead(status).end();
}).listen(Number(port), "127.0.0.1");
