// A submit button that stays dead until the phrase is typed. The server checks the phrase as well.
(() => {
  function check(input) {
    const button = input.form?.querySelector("[data-phrase-submit]");
    if (button) button.disabled = input.value.trim() !== input.dataset.phrase;
  }

  const checkAll = () => document.querySelectorAll("input[data-phrase]").forEach(check);
  document.addEventListener("input", (event) => event.target.matches("input[data-phrase]") && check(event.target));
  document.addEventListener("htmx:load", checkAll);
  addEventListener("pageshow", checkAll);
})();
