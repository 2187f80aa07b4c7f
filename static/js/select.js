// Choosing several rows: all at once, a range with Shift, a live count, and actions that wait for a choice.
(() => {
  const items = (area) => [...area.querySelectorAll("[data-select-item]:not(:disabled)")];
  let last = null;

  function update(area) {
    const all = items(area);
    const chosen = all.filter((item) => item.checked).length;
    for (const head of area.querySelectorAll("[data-select-all]")) {
      head.checked = chosen > 0 && chosen === all.length;
      head.indeterminate = chosen > 0 && chosen < all.length;
    }
    for (const count of area.querySelectorAll("[data-select-count]")) count.textContent = chosen;
    for (const bar of area.querySelectorAll("[data-select-bar]")) bar.hidden = chosen === 0;
    for (const action of area.querySelectorAll("[data-select-action]")) action.disabled = chosen === 0;
  }

  function extend(area, item) {
    const all = items(area);
    const [from, to] = [all.indexOf(last), all.indexOf(item)].sort((a, b) => a - b);
    if (from >= 0) all.slice(from, to + 1).forEach((other) => (other.checked = item.checked));
  }

  document.addEventListener("click", (event) => {
    const box = event.target;
    const area = box.closest("[data-select]");
    if (!area) return;
    if (box.closest("[data-select-none]")) items(area).forEach((item) => (item.checked = false));
    else if (box.matches("[data-select-all]")) items(area).forEach((item) => (item.checked = box.checked));
    else if (box.matches("[data-select-item]")) {
      if (event.shiftKey && last) extend(area, box);
      last = box;
    } else return;
    update(area);
  });

  const updateAll = () => document.querySelectorAll("[data-select]").forEach(update);
  document.addEventListener("htmx:load", updateAll);
  addEventListener("pageshow", updateAll);
})();
