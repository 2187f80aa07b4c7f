// What scrolls sideways can be reached by keyboard, but only while it does.
(() => {
  const AREAS = ".table-wrap, pre";

  function update() {
    for (const area of document.querySelectorAll(AREAS)) {
      const isScrolling = area.scrollWidth > area.clientWidth || area.scrollHeight > area.clientHeight;
      if (isScrolling) area.tabIndex = 0;
      else area.removeAttribute("tabindex");
    }
  }

  document.addEventListener("htmx:load", update);
  document.addEventListener("toggle", update, true);
  addEventListener("resize", update);
})();
