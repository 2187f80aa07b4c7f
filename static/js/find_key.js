// Finds the row of a pasted key by its visible ends. The key stays in this browser: its field has no name and no form.
(() => {
  const dialog = document.querySelector("[data-find-key]");
  if (!dialog) return;
  const field = dialog.querySelector("input");
  const result = dialog.querySelector("[data-find-result]");
  const keys = JSON.parse(document.getElementById("find-key-list").textContent);
  const SHORTEST = 20; // a whole key has 70 characters; less than this is somebody still typing

  function matches(text) {
    return keys.filter(({ prefix, last4 }) => prefix && last4 && text.startsWith(prefix) && text.endsWith(last4));
  }

  function say(words, found = []) {
    result.replaceChildren(words);
    for (const { label, url } of found) {
      result.append(" ", Object.assign(document.createElement("a"), { href: url, textContent: label }));
    }
  }

  function look() {
    const text = field.value.trim().replace(/^["']|["']$/g, "");
    if (!text) return say("");
    if (text.startsWith("clext_")) return say("This is a browser extension key. It is not valid for the API and is not listed here.");
    if (!text.startsWith("clapi_")) return say("An API key starts with clapi_.");
    if (text.length < SHORTEST) return say("");
    const found = matches(text);
    if (!found.length) return say(`No match among the ${keys.length} keys listed here. The key may belong to another user or organization.`);
    field.value = "";
    say(found.length === 1 ? "This is" : "These keys start and end the same:", found);
  }

  field.addEventListener("input", look);
  dialog.addEventListener("close", () => ((field.value = ""), say("")));
})();
