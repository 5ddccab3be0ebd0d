// Entry of the map's ES module. The parts in static/ stand before this text, in one scope.
// One call of render = one view; several views may show one model.

const VALUE_TRAITS = ["_codes", "_meta"];
const COLOR_TRAITS = ["_lut", "clim", "_sigma", "_sigma_step"];
const OVERLAY_TRAITS = ["_overlay", "_overlay_kind"];
const PLAIN_TRAITS = ["tool", "mode", "brush_um", "rois", "selected", "point", "line", "can_undo", "can_redo", "error"];

function asBytes(data) {
  if (!data || !data.byteLength) return null;
  const { buffer = data, byteOffset = 0, byteLength } = data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function asCodes(data) {
  const bytes = asBytes(data);
  if (!bytes) return null;
  const { buffer, byteOffset, byteLength } = bytes;
  // A message's buffers need not start at an even address.
  const even = byteOffset % 2 ? buffer.slice(byteOffset, byteOffset + byteLength) : null;
  return even ? new Uint16Array(even) : new Uint16Array(buffer, byteOffset, byteLength >> 1);
}

function createView(model) {
  const abort = new AbortController();
  const view = {
    model, id: Math.random().toString(36).slice(2, 10), seq: 0, acked: 0,
    signal: abort.signal, bitmap: document.createElement("canvas"),
    port: { x: 0, y: 0, w: 0, h: 0 }, stage: { w: 0, h: 0 }, camera: { zoom: 1, u: 0, v: 0 },
    live: { timer: 0, next: null, at: -1e9, seq: 0 }, pending: [], scrolledAt: -1e9,
    rois: [], point: [], selected: "", tool: "pan", mode: "new", line: [], clim: [0, 1], marked: 0,
    stale: new Set(["theme", "values", "veil", "layout", "plain"]), frame: 0,
    gesture: null, draft: null, edit: null, hover: null, probe: {}, window: {}, overlay: null, codes: null, meta: null,
  };
  view.abort = abort;
  view.paint = (...what) => {
    what.forEach((item) => view.stale.add(item));
    view.frame ||= requestAnimationFrame(() => update(view));
  };
  return view;
}

/** Bring everything that is stale up to date, in order, and draw once. */
function update(view) {
  view.frame = 0;
  if (view.signal.aborted) return;
  const { stale, model } = view;
  const has = (...names) => names.some((name) => stale.has(name));
  if (has("theme")) readTheme(view);
  if (has("plain")) readPlain(view);
  if (has("values")) readValues(view);
  if (has("values")) {
    clearTimeout(view.window.timer);
    view.probe = {};
    view.window = {};
  }
  if (has("values", "colors")) {
    view.lut = asBytes(model.get("_lut"));
    view.clim = model.get("clim");
    if (!view.lut || view.lut.length < 768) view.codes = null;
    recolor(view);
  }
  if (has("values", "veil", "theme")) {
    view.bits = asBytes(model.get("_highlight"));
    view.veil = null;
    view.marked = 0;
    if (view.codes) reveil(view);
  }
  if (has("values", "overlay") && view.codes) reoverlay(view);
  const needsLayout = has("values", "colors", "layout", "theme");
  if (needsLayout && !layOut(view)) return; // no width yet: what is stale stays so
  if (view.ground && (needsLayout || has("veil", "overlay", "ground"))) view.ground.key = "";
  stale.clear();
  refreshButtons(view);
  drawAll(view, view.canvas.getContext("2d"), view.ratio);
  refreshStatus(view);
  askWindow(view);
  describeFrame(view);
}

/** Where the map lies on the canvas and what it shows, for tests and other tools on the page. */
function describeFrame({ root, canvas, codes, port, grid, camera }) {
  root.dataset.painted = String(Number(root.dataset.painted ?? 0) + 1);
  if (!codes) return;
  const [w, h] = [grid.width / camera.zoom, grid.height / camera.zoom];
  const near = mapToWorld(grid, camera.u, camera.v);
  const far = mapToWorld(grid, camera.u + w, camera.v + h);
  canvas.dataset.port = [port.x, port.y, port.w, port.h].join(" ");
  canvas.dataset.extent = [...near, ...far].join(" "); // x, y at the top left, at the bottom right
}

function readPlain(view) {
  const { model } = view;
  view.tool = model.get("tool") || "pan";
  view.rois = model.get("rois") ?? [];
  // While the point is dragged, the kernel's answers are about where it was.
  if (view.gesture?.type !== "point") view.point = model.get("point") ?? [];
  view.selected = model.get("selected") ?? "";
  view.mode = (view.selected && model.get("mode")) || "new";
  if (view.gesture?.type !== "line") view.line = model.get("line") ?? [];
}

/** Codes and description of the map; nothing while they are not there or do not fit. */
function readValues(view) {
  const meta = view.model.get("_meta");
  const codes = asCodes(view.model.get("_codes"));
  const fits = codes && meta?.shape && codes.length === meta.shape[0] * meta.shape[1];
  view.codes = fits ? codes : null;
  view.meta = fits ? meta : null;
  if (!fits) return;
  const grid = gridOf(meta);
  if (!alikeGrid(grid, view.grid)) {
    view.camera = { zoom: 1, u: 0, v: 0 };
    view.gesture = view.draft = view.edit = null;
  }
  view.grid = grid;
}

/** The kernel has handled a message: from now on its own regions count. */
function answered(view, message, buffers) {
  if (message?.type === "map_window" && message.view === view.id) answeredWindow(view, message, buffers);
  if (message?.type === "map_probe" && message.view === view.id) answeredProbe(view, message);
  if (message?.type !== "map_ack" || message.view !== view.id) return;
  view.acked = Math.max(view.acked, message.seq);
  view.pending = view.pending.filter((p) => p.seq > view.acked);
  view.paint();
}

function listenToModel(view) {
  const { model } = view;
  const pairs = [["msg:custom", (message, buffers) => answered(view, message, buffers)]];
  const on = (names, what) =>
    names.forEach((name) => pairs.push([`change:${name}`, () => view.paint(what)]));
  on(VALUE_TRAITS, "values");
  on(COLOR_TRAITS, "colors");
  on(PLAIN_TRAITS, "plain");
  on(["_highlight"], "veil");
  on(OVERLAY_TRAITS, "overlay");
  on(["height"], "layout");
  pairs.forEach(([name, callback]) => model.on(name, callback));
  return () => pairs.forEach(([name, callback]) => model.off(name, callback));
}

function listenToPage(view) {
  const { canvas, root, signal } = view;
  const on = (target, name, action, options = {}) =>
    target.addEventListener(name, (event) => action(view, event), { signal, ...options });
  on(canvas, "pointerdown", pressed);
  on(canvas, "pointermove", dragged);
  on(canvas, "pointerup", released);
  on(canvas, "pointercancel", cancelGesture);
  on(canvas, "pointerleave", () => {
    view.hover = null;
    view.paint();
  });
  on(canvas, "dblclick", doubleClicked);
  on(canvas, "wheel", wheeled, { passive: false });
  on(canvas, "blur", flushKeys);
  on(root, "keydown", keyPressed);
  const elsewhere = (_, event) => {
    if (!canvas.contains(event.target)) view.scrolledAt = event.timeStamp;
  };
  on(window, "wheel", elsewhere, { passive: true, capture: true });
  on(window, "resize", () => view.paint("layout")); // also when the zoom of the page changes
}

function watchSizeAndTheme(view) {
  let width = -1;
  const size = new ResizeObserver(() => {
    // Only the width: the height is the map's own doing.
    if (Math.abs(view.root.clientWidth - width) < 1) return;
    width = view.root.clientWidth;
    view.paint("layout", "theme"); // no style is known before the element is on the page
  });
  size.observe(view.root);
  const theme = new MutationObserver(() => {
    view.paint("theme");
    // JupyterLab swaps the style sheet a moment later.
    setTimeout(() => view.paint("theme"), 300);
  });
  for (const node of [document.body, document.documentElement]) {
    theme.observe(node, { attributes: true, attributeFilter: ["class", "data-jp-theme-name", "data-jp-theme-light", "style"] });
  }
  return () => {
    size.disconnect();
    theme.disconnect();
  };
}

function render({ model, el }) {
  const view = createView(model);
  buildDom(view, el);
  const unwatch = watchSizeAndTheme(view);
  const unlisten = listenToModel(view);
  listenToPage(view);
  update(view);
  return () => {
    flushKeys(view);
    view.abort.abort();
    unwatch();
    unlisten();
    stopLive(view);
    clearTimeout(view.keyTimer);
    clearTimeout(view.probe.timer);
    clearTimeout(view.window.timer);
    cancelAnimationFrame(view.frame);
    view.root.remove();
  };
}

export default { initialize, render };
