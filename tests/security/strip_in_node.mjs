// Runs a script's patterns, and the function that strips, over the texts on standard input; prints milliseconds of each in order.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const { script, patterns, texts } = JSON.parse(readFileSync(0, "utf8"));
const strip = script && vm.runInThisContext(`${script}; (text) => stripSecrets(text, [])`);
const uses = { ...(strip && { stripSecrets: strip }) };
for (const source of patterns) {
  const pattern = vm.runInThisContext(source);
  const everywhere = new RegExp(pattern, [...new Set(`${pattern.flags}g`)].join(""));
  uses[source] = (text) => text.replace(everywhere, "");
}

function within(use, text) {
  const started = process.cpuUsage().user;
  use(text);
  return (process.cpuUsage().user - started) / 1000;
}

const LIMIT = 150; // nanoseconds for a character and pattern; squares take thousands
const slow = [];
const all = [];
for (const [name, use] of Object.entries(uses)) {
  const limit = (LIMIT * (name === "stripSecrets" ? 12 : 1)) / 1e6;
  for (const text of texts) {
    let took = Infinity;
    for (let tries = 0; tries < 5 && took > limit * text.length + 10; tries += 1) took = within(use, text);
    all.push(took);
    if (took > limit * text.length + 10) slow.push([name, text.slice(0, 40), text.length, took]);
    if (slow.length) break;
  }
}
process.stdout.write(JSON.stringify({ slow, took: all, tried: Object.keys(uses) }));
