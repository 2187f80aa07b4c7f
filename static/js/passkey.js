// Passkeys: asks the browser for one when a form marked data-passkey is sent, and sends the answer with that form.
(() => {
  const { create, get, supported } = globalThis.webauthnJSON; // ships with django-allauth

  async function options(form) {
    const given = document.getElementById(form.dataset.passkeyOptions);
    if (given) return JSON.parse(given.textContent);
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("The console did not answer. Reload the page and try again.");
    return answer.json();
  }

  function added(form, { creation_options: wanted }) {
    const alone = form.elements.passwordless.checked;
    Object.assign(wanted.publicKey.authenticatorSelection, {
      residentKey: alone ? "required" : "discouraged",
      requireResidentKey: alone,
      userVerification: alone ? "required" : "preferred",
    });
    return create(wanted);
  }

  function words(error) {
    if (!supported()) return "This browser, or this address without HTTPS, does not support passkeys.";
    if (error.name === "InvalidStateError") return "This device holds a passkey for your account already.";
    if (error.name === "NotAllowedError") return "The passkey wasn't confirmed: it was canceled, timed out, or no passkey matches.";
    return error.message;
  }

  // While capturing, so that it comes before what sends a form once.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-passkey]")) return;
    event.preventDefault();
    const note = form.querySelector("[data-passkey-note]");
    note.hidden = true;
    try {
      const asked = await options(form);
      const answer = form.dataset.passkey === "add" ? await added(form, asked) : await get(asked.request_options);
      form.elements.credential.value = JSON.stringify(answer);
      form.submit();
    } catch (error) {
      note.querySelector("p").textContent = words(error);
      note.hidden = false;
    }
  }, true);
})();
