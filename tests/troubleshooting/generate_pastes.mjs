// Writes generated.json: our own requests as generators of code write them. In a folder of its own:
//   npm install --ignore-scripts httpsnippet curlconverter && node generate_pastes.mjs > generated.json
// Each generator writes the request that is right but for its second contact, and one of those that are wrong in turn.
import * as curlconverter from "curlconverter";
import { availableTargets, HTTPSnippet } from "httpsnippet";

const KEY = "clapi_9QxT4mVb-7LrKd2_pWzYhNs8EjUcAo3GfIi6RtXvBq1MnHyPlSe5OwDkZuJaCgFb";
const BALANCE = ["GET", "https://api.cleanlist.ai/api/v1/public/credits/balance"];
const CONTACTS = [{ first_name: "Ada", last_name: "Byron", company_domain: "example.com" }, { first_name: "Grace" }];
const BULK = ["POST", "https://api.cleanlist.ai/api/v1/public/enrich/bulk", JSON.stringify({ enrichment_type: "partial", contacts: CONTACTS })];
const RIGHT = ["good", [["Authorization", `Bearer ${KEY}`], ["Content-Type", "application/json"]], BULK];
const WRONG = [
  ["x_api_key", [["X-API-Key", KEY]], BALANCE],
  ["no_bearer", [["Authorization", KEY]], BALANCE],
  ["quotes", [["Authorization", `Bearer "${KEY}"`]], BALANCE],
  ["length", [["Authorization", `Bearer ${KEY.slice(0, 60)}`]], BALANCE],
  ["prefix", [["Authorization", "Bearer sk_live_0123456789abcdefghijklmn"]], BALANCE],
  ["scheme", [["Authorization", `Token ${KEY}`]], BALANCE],
  ["good", [["Authorization", `Bearer ${KEY}`]], BALANCE],
];
const written = [];

function add(name, cause, write) {
  try {
    const text = write();
    const first = Array.isArray(text) ? text[0] : text;
    if (typeof first === "string") written.push({ name: `${name}, ${cause}`, cause, text: first });
  } catch (error) {
    console.error(name, cause, error.message);
  }
}

function har([, headers, [method, url, text]]) {
  const postData = text && { postData: { mimeType: "application/json", text } };
  return { method, url, headers: headers.map(([name, value]) => ({ name, value })), ...postData };
}

function curl([, headers, [method, url, text]]) {
  const options = headers.map(([name, value]) => `-H '${name}: ${value}'`);
  return ["curl", "-X", method, url, ...options, ...(text ? [`-d '${text}'`] : [])].join(" ");
}

let turn = 0;
for (const { key, clients } of availableTargets())
  for (const client of clients)
    for (const request of [RIGHT, WRONG[turn++ % WRONG.length]])
      add(`httpsnippet ${key} ${client.key}`, request[0], () => new HTTPSnippet(har(request)).convert(key, client.key));
for (const [name, convert] of Object.entries(curlconverter))
  if (/^to[A-Z]/.test(name) && !/Warn$|^toDict/.test(name))
    for (const request of [RIGHT, WRONG[turn++ % WRONG.length]])
      add(`curlconverter ${name.slice(2)}`, request[0], () => convert(curl(request)));
console.log(JSON.stringify(written, null, 1));
