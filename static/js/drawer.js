// Shows [data-drawer], one row in full, beside the list. Closed, it leaves the address of the list, and the focus on the row.
(() => {
  function show(drawer) {
    drawer.removeAttribute("open");
    drawer.showModal();
    drawer.addEventListener("close", () => {
      const { rowLink, closedUrl } = drawer.querySelector("[data-row-link]").dataset;
      history.replaceState(history.state, "", closedUrl);
      drawer.remove();
      document.body.dispatchEvent(new Event("drawer-closed")); // what was behind it can be loaded
      document.getElementById(rowLink)?.focus({ preventScroll: true });
      document.activeElement.scrollIntoView({ block: "nearest" });
    }, { once: true });
  }

  document.addEventListener("htmx:afterSwap", ({ target }) => {
    const drawer = target.id === "drawer" && target.querySelector("[data-drawer]");
    if (drawer) show(drawer);
  });

  document.addEventListener("keydown", (event) => {
    const step = { j: "older", ArrowDown: "older", k: "newer", ArrowUp: "newer" }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || !document.querySelector("[data-drawer]:modal")) return;
    // Arrows scroll what is longer than the screen.
    if (event.key.startsWith("Arrow") && event.target.matches("pre")) return;
    event.preventDefault();
    document.getElementById(`drawer-${step}`)?.click();
  });

  const here = document.querySelector("[data-drawer]");
  if (here) show(here);
})();
