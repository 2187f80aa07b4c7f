// The read-out and the zoom of charts. Arrow keys, a pointer or a finger move the cursor from value to value; a range
// that is dragged, or lies between two clicks or two presses of Enter, becomes the page's. A bar under the pointer is a
// link to its own range.
(() => {
  const states = new Map(); // by the plot's id, so that the cursor stays where it was when the page refreshes
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
  const DRAG = 6; // pixels that tell a drag from a click

  function read(plot) {
    return plot.dataset.points.split("\n").filter(Boolean).map((line) => {
      const [x, y, ...words] = line.split(" ");
      return { x: Number(x) / 10, y: y === "-" ? null : Number(y), text: words.join(" ") };
    });
  }

  function nearest(points, percent) {
    let best = 0;
    points.forEach((point, place) => {
      if (Math.abs(point.x - percent) < Math.abs(points[best].x - percent)) best = place;
    });
    return best;
  }

  function set(element, values) {
    for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
  }

  function edgesOf(plot) {
    return plot.dataset.edges.split(" ").filter(Boolean).map(Number);
  }

  // A chosen range in seconds; of bars, whole ones.
  function range(plot, one, other) {
    const begin = Number(plot.dataset.begin), end = Number(plot.dataset.end);
    const [from, to] = [one, other].sort((a, b) => a - b).map((share) => begin + (share / 100) * (end - begin));
    const edges = edgesOf(plot);
    if (!edges.length) return [Math.floor(from), Math.ceil(to)];
    const before = edges.filter((edge) => edge <= from + 1), after = edges.filter((edge) => edge >= to - 1);
    return [before.at(-1) ?? edges[0], after[0] ?? edges.at(-1)];
  }

  function urlOf(plot, edges) {
    const [from, to] = edges.map((at) => new Date(at * 1000).toISOString().slice(0, 19) + "Z");
    return plot.dataset.zoom.replace("START", from).replace("END", to);
  }

  function zoom(plot, one, other) {
    const [from, to] = range(plot, one, other);
    if (from !== to) follow(plot, urlOf(plot, [from, to]));
  }

  // Puts the one link of a chart with bars onto the bar at this place.
  function aim(plot, link, percent) {
    const begin = Number(plot.dataset.begin), seconds = Number(plot.dataset.end) - begin;
    const edges = edgesOf(plot);
    const after = edges.findIndex((edge) => edge > begin + (percent / 100) * seconds);
    if (after < 1) return;
    const [left, right] = [edges[after - 1], edges[after]].map((edge) => ((edge - begin) / seconds) * 100);
    set(link, { href: urlOf(plot, [edges[after - 1], edges[after]]) });
    set(link.firstElementChild, { x: `${left}%`, width: `${right - left}%` });
  }

  function follow(plot, url) {
    const link = plot.querySelector("[data-chart-zoom]");
    states.delete(plot.id);
    link.setAttribute("href", url);
    link.click();
  }

  function enhance(plot) {
    const points = read(plot);
    if (!points.length) return;
    const readout = plot.closest("[data-chart]").querySelector("[data-chart-readout]");
    const cursor = plot.querySelector("[data-chart-cursor]");
    const [selection, line, dot] = cursor.children;
    const bar = plot.querySelector("[data-chart-bar]");
    const silent = readout.textContent;
    let state = states.get(plot.id) ?? { at: null, from: null };

    function show() {
      const point = points[Math.min(state.at ?? 0, points.length - 1)];
      cursor.toggleAttribute("hidden", state.at === null);
      if (state.at === null) {
        readout.textContent = silent;
        return;
      }
      set(line, { x1: `${point.x}%`, x2: `${point.x}%` });
      dot.toggleAttribute("hidden", point.y === null);
      set(dot, { cx: `${point.x}%`, cy: point.y ?? 0 });
      const from = state.from ?? point.x;
      const to = state.to ?? point.x;
      set(selection, { x: `${Math.min(from, to)}%`, width: `${Math.abs(to - from)}%` });
      readout.textContent = state.from === null ? point.text : `${hint()} · ${point.text}`;
    }

    function hint() {
      return state.to === undefined ? "Choose the end of the range, or press Escape" : "Release to zoom";
    }

    function move(at, changes = {}) {
      state = { ...state, to: undefined, ...changes, at };
      states.set(plot.id, state);
      show();
    }

    function leave() {
      state = { at: null, from: null };
      states.delete(plot.id);
      show();
    }

    function percentOf(event) {
      const box = plot.querySelector("svg").getBoundingClientRect();
      return Math.min(100, Math.max(0, ((event.clientX - box.left) / box.width) * 100));
    }

    function choose(percent) {
      if (!plot.dataset.zoom) return;
      if (state.from === null) move(nearest(points, percent), { from: percent });
      else zoom(plot, state.from, percent);
    }

    plot.addEventListener("keydown", (event) => {
      if (event.key in STEPS) {
        const last = points.length - 1;
        const start = state.at ?? (STEPS[event.key] < 0 ? last + 1 : -1);
        move(Math.min(last, Math.max(0, start + STEPS[event.key])));
      } else if (event.key === "Enter" || event.key === " ") {
        choose(points[state.at ?? points.length - 1].x);
      } else if (event.key === "Escape" && state.at !== null) {
        if (state.from === null) leave();
        else move(state.at, { from: null });
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });

    let pressed = null, dragged = false;
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      dragged = false;
      if (bar) aim(plot, bar, percentOf(event));
      pressed = event.pointerType === "touch" ? null : { x: event.clientX, percent: percentOf(event) };
      move(nearest(points, percentOf(event)));
    });
    plot.addEventListener("pointermove", (event) => {
      const percent = percentOf(event);
      if (bar && !pressed) aim(plot, bar, percent);
      if (pressed && plot.dataset.zoom && Math.abs(event.clientX - pressed.x) > DRAG) {
        dragged = true;
        plot.setPointerCapture(event.pointerId);
        move(nearest(points, percent), { from: pressed.percent, to: percent });
      } else if (!pressed) move(nearest(points, percent), state.from === null ? {} : { to: undefined });
    });
    plot.addEventListener("pointerup", (event) => {
      const was = pressed;
      pressed = null;
      if (was && state.to !== undefined) zoom(plot, was.percent, percentOf(event));
      else if (was && !bar) choose(percentOf(event));
    });
    plot.addEventListener("pointercancel", () => { pressed = null; });
    plot.addEventListener("pointerleave", () => { if (state.from === null && document.activeElement !== plot) leave(); });
    plot.addEventListener("click", (event) => {
      if (!bar?.hasAttribute("href") || !event.target.closest("svg")) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (!dragged) follow(plot, bar.getAttribute("href"));
    });
    plot.addEventListener("dragstart", (event) => event.preventDefault());
    // A refresh of the page takes the plot away and puts a new one in its place, which is no leaving.
    plot.addEventListener("blur", () => setTimeout(() => { if (plot.isConnected && document.activeElement !== plot) leave(); }));
    if (state.at !== null) show();
  }

  document.addEventListener("htmx:load", (event) => {
    for (const plot of event.detail.elt.querySelectorAll("[data-points]")) enhance(plot);
  });
})();
