// Pasted text leaves the browser without its secrets. The field has no name and is switched on here, so that without
// this script nothing can be sent at all; a hidden field carries what stripSecrets left, which is also what is shown.
(() => {
  const form = document.querySelector("[data-paste]");
  if (!form) return;
  const field = form.querySelector("textarea");
  const note = form.querySelector("[data-paste-note]");
  const keys = JSON.parse(document.getElementById("troubleshoot-keys").textContent);

  function say(text, count) {
    const known = keys.find(({ prefix, last4 }) => text.includes(`[key-removed:${prefix}…${last4},`));
    if (count > 1) {
      const which = known ? ` One of them is the key “${known.label}”; which key it is will be sent too.` : "";
      note.textContent = `${count} secrets in it were taken out. Only their length and how they begin will be sent.${which}`;
    } else {
      note.textContent = known
        ? `The key in it is “${known.label}”. It was taken out; only which key it is will be sent.`
        : "The secret in it was taken out. Only its length and how it begins will be sent.";
    }
  }

  function clean() {
    const text = stripSecrets(field.value, keys);
    if (text !== field.value) say(text, countRemoved(text) - countRemoved(field.value));
    form.elements.text.value = field.value = text;
  }

  field.addEventListener("paste", () => setTimeout(clean));
  field.addEventListener("drop", () => setTimeout(clean));
  field.addEventListener("change", clean);
  form.addEventListener("submit", clean, true);
  for (const each of form.querySelectorAll("[disabled]")) each.disabled = false;
})();
