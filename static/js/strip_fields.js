// Whatever is entered into a form marked data-strip leaves the browser without its secrets; what is left is what is shown.
(() => {
  const form = document.querySelector("[data-strip]");
  if (!form || "ready" in form.dataset) return;
  const note = form.querySelector("[data-note]");
  const keys = JSON.parse(document.getElementById("strip-keys").textContent);

  let count = 0;

  function clean() {
    for (const field of form.querySelectorAll("input[type=text], textarea")) {
      const text = stripSecrets(field.value, keys);
      if (text === field.value) continue;
      count += countRemoved(text) - countRemoved(field.value);
      field.value = text;
      note.textContent =
        count > 1
          ? `${count} secrets were removed before sending. Only their first characters and length remain.`
          : "A secret was removed before sending. Only its first characters and length remain.";
    }
  }

  for (const event of ["paste", "drop"]) form.addEventListener(event, () => setTimeout(clean));
  form.addEventListener("change", clean);
  // Ahead of htmx, which reads the fields when the button is pressed.
  for (const event of ["click", "submit"]) form.addEventListener(event, clean, true);
  form.dataset.ready = "";
  clean(); // what was entered while this came
})();
