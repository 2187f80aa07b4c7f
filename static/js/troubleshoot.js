// Pasted text leaves the browser without its secrets. The field has no name, so that without this script nothing can be
// sent at all; a hidden field carries what stripSecrets left, which is also what is shown.
(() => {
  const form = document.querySelector("[data-paste]");
  if (!form || "ready" in form.dataset) return;
  const field = form.querySelector("textarea");
  const note = form.querySelector("[data-note]");
  const keys = JSON.parse(document.getElementById("troubleshoot-keys").textContent);

  function say(text, count) {
    const known = keys.find(({ prefix, last4 }) => text.includes(`[key-removed:${prefix}…${last4},`));
    if (count > 1) {
      const which = known ? ` One is the key “${known.label}”; its name will be sent too.` : "";
      note.textContent = `${count} secrets removed. Only their first characters and length will be sent.${which}`;
    } else {
      note.textContent = known
        ? `This is the key “${known.label}”. Its secret was removed; only its name will be sent.`
        : "Secret removed. Only its first characters and length will be sent.";
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
  form.dataset.ready = "";
  clean(); // what was pasted while this came
})();
