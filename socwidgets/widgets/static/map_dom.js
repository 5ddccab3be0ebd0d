// Elements around the canvas: toolbar, status line, theme, size.

const ICONS = {
  pan: '<path d="M4 3l11 5.2-4.7 1.6 3.6 4.6-1.8 1.4-3.5-4.7L5.4 15z"/>',
  point: '<circle cx="10" cy="10" r="4"/><path d="M10 2v4M10 14v4M2 10h4M14 10h4"/>',
  rectangle: '<rect x="3" y="5" width="14" height="10" rx="1"/>',
  ellipse: '<ellipse cx="10" cy="10" rx="7.5" ry="5.5"/>',
  polygon: '<path d="M4 13.5L6.5 4l7 1.5L17 12l-6 5z"/>',
  lasso: '<path d="M6.5 13.2C4 12.3 2.7 10.7 2.7 8.9c0-3 3.4-5.2 7.4-5.2s7.3 2.1 7.3 5-3.2 5.2-7.2 5.2c-2.6 0-4.2.6-4.2 1.7 0 1.3 2.2 1.1 2.2 2.6"/><circle cx="6.6" cy="13.7" r="1.3"/>',
  line: '<path d="M4 15.500L16 4.500M2.500 13.500l3 3.500M14.500 3l3 3.500"/>',
  wand: '<path d="M3.500 16.500l8.500-8.500M13.5 3.500v2.500M13.5 10v2.500M10 7h-1M18 7h-2.500M16 4.500l1-1M16.500 9.500l.8.8"/>',
  threshold: '<path d="M3.500 4v12M16.500 4v12M6 10h8M8 7.500L5.500 10 8 12.500M12 7.500l2.500 2.500-2.500 2.500"/>',
  brush: '<path d="M16.500 3.500c-3 1.200-6.500 4.500-7.700 7l1.700 1.700c2.500-1.200 5.800-4.700 6-8.700zM8 11.500c-2 0-3 1.300-3 3 0 .9-.7 1.600-1.700 1.800 2.300 1.300 6 .7 6.300-2.600"/>',
  eraser: '<path d="M7.500 16.500h9M3.500 12l7.500-7.500 5 5-7 7H6.500l-3-3z M7.500 8l5 5"/>',
  mode_new: '<rect x="4" y="4" width="12" height="12" rx="1" stroke-dasharray="3 2"/>',
  mode_add: '<path d="M3.500 3.500h8.500v4.500h4.500v8.500H8V12H3.500z"/><path d="M10 9.500v3.500M8.300 11.200h3.500"/>',
  mode_subtract: '<path d="M3.500 3.500h8.500v4.500H8V12H3.500z"/><path d="M12 8h4.500v8.500H8V12" stroke-dasharray="2 2"/>',
  mode_intersect: '<path d="M8 8h4v4H8z" fill="currentColor"/><path d="M3.500 3.500h8.500V12H3.500zM8 8h8.500v8.500H8z" stroke-dasharray="2 2"/>',
  undo: '<path d="M7 4L3.5 7.5 7 11M4 7.500h7.500a4.2 4.2 0 010 8.500H8"/>',
  redo: '<path d="M13 4l3.5 3.500L13 11M16 7.500H8.500a4.2 4.2 0 000 8.500H12"/>',
  delete: '<path d="M4 5.500h12M8 5.500V3.500h4v2M5.5 5.500l.8 11h7.400l.8-11M8.5 8.500v5M11.5 8.500v5"/>',
  zoom_in: '<circle cx="8.5" cy="8.5" r="5"/><path d="M12.3 12.300L17 17M8.5 6.300v4.400M6.3 8.500h4.4"/>',
  zoom_out: '<circle cx="8.5" cy="8.5" r="5"/><path d="M12.3 12.300L17 17M6.3 8.500h4.4"/>',
  reset: '<path d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4"/>',
  picture: '<path d="M10 3v9M6.5 8.800L10 12.300l3.5-3.500M3.5 14v2.500h13V14"/>',
};

const TOOL_TITLES = {
  pan: "Select, move and pan (V)",
  point: "Spectrum of a pixel (P)",
  rectangle: "Rectangle (R); Shift keeps it square",
  ellipse: "Ellipse (E); Shift keeps it round",
  polygon: "Polygon by clicks (G); Enter or a double click closes it",
  lasso: "Lasso (L)",
  wand: "Magic wand (W): like values around a pixel; drag sideways for more or fewer",
  threshold: "Threshold (T): all pixels in a range of values, chosen below the map",
  brush: "Brush (B): paint onto the selected region; [ and ] change its size",
  eraser: "Eraser (X): take away from the selected region; [ and ] change its size",
  line: "Line of the profile (N)",
};

const MODE_TITLES = {
  new: "What is drawn becomes a new region",
  add: "What is drawn is added to the selected region",
  subtract: "What is drawn is taken away from the selected region",
  intersect: "Only what is drawn is kept of the selected region",
};

const TOOL_HINTS = {
  pan: "",
  point: "Click or drag to read spectra",
  rectangle: "Drag to draw a rectangle",
  ellipse: "Drag to draw an ellipse",
  polygon: "Click corners; Enter or double-click closes",
  lasso: "Drag around the pixels",
  wand: "Click a pixel; drag sideways to allow a larger difference",
  threshold: "Choose the range of values below the map",
  brush: "Paint; [ and ] change the size",
  eraser: "Erase; [ and ] change the size",
  line: "Drag from one end of the profile line to the other",
};

function element(tag, attributes = {}, children = []) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function buildDom(view, el) {
  const root = element("div", { class: "socw-map", "data-lm-suppress-shortcuts": "true" });
  view.canvas = element("canvas", { class: "socw-canvas", tabindex: "0", role: "application" });
  view.readout = element("span", { class: "socw-readout" });
  view.note = element("span", { class: "socw-note" });
  view.alarm = element("div", { class: "socw-error", role: "alert" });
  const status = element("div", { class: "socw-status", role: "status", "aria-live": "polite" });
  status.append(view.readout, view.note);
  view.ruler = status; // as wide as the widget's inside
  view.buttons = {};
  root.append(buildToolbar(view), view.canvas, status, view.alarm);
  el.append(root);
  view.root = root;
}

function buildToolbar(view) {
  const bar = element("div", { class: "socw-toolbar", role: "toolbar", "aria-label": "Map tools" });
  const add = (name, title, action) => {
    const button = element("button", { type: "button", class: "socw-button", title, "data-tool": name });
    button.setAttribute("aria-label", title);
    button.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true">${ICONS[name]}</svg>`;
    button.addEventListener("click", action, { signal: view.signal });
    view.buttons[name] = button;
    return button;
  };
  const group = (...buttons) => bar.append(element("div", { class: "socw-group" }, buttons));
  const middle = () => [view.port.x + view.port.w / 2, view.port.y + view.port.h / 2];
  const zoom = (factor) => () => {
    if (!view.codes) return;
    zoomAbout(view, factor, ...middle());
    view.paint();
  };
  group(...Object.entries(TOOL_TITLES).map(([t, title]) => add(t, title, () => chooseTool(view, t))));
  group(...Object.entries(MODE_TITLES).map(([m, title]) => add(`mode_${m}`, title, () => chooseMode(view, m))));
  group(
    add("undo", "Undo (Ctrl+Z)", () => emit(view, "undo")),
    add("redo", "Redo (Ctrl+Shift+Z)", () => emit(view, "redo")),
    add("delete", "Delete the selected region (Del)", () => deleteSelected(view)),
  );
  group(
    add("zoom_in", "Zoom in (+)", zoom(1.5)),
    add("zoom_out", "Zoom out (\u2212)", zoom(1 / 1.5)),
    add("reset", "Whole map (0 or double click)", () => {
      view.camera = { zoom: 1, u: 0, v: 0 };
      view.paint();
    }),
  );
  group(add("picture", "Save this picture (PNG)", () => savePicture(view)));
  return bar;
}

function refreshButtons(view) {
  for (const tool of Object.keys(TOOL_TITLES)) {
    view.buttons[tool].setAttribute("aria-pressed", String(view.tool === tool));
  }
  for (const mode of Object.keys(MODE_TITLES)) {
    const button = view.buttons[`mode_${mode}`];
    button.setAttribute("aria-pressed", String(view.mode === mode));
    button.disabled = mode !== "new" && !view.selected;
  }
  view.buttons.undo.disabled = view.model.get("can_undo") === false;
  view.buttons.redo.disabled = view.model.get("can_redo") === false;
  view.buttons.delete.disabled = !view.selected;
  const label = view.meta ? view.meta.label : "nothing yet";
  view.canvas.setAttribute(
    "aria-label",
    `Map of ${label}. Tool: ${TOOL_TITLES[view.tool] ?? view.tool}. Arrow keys move and ` +
      "Shift with arrow keys resizes the selected region; Delete removes it; Escape cancels.",
  );
}

/** A picture at three times the size of the screen's, on the theme's own ground, no handles. */
function savePicture(view) {
  if (!view.codes) return;
  const ratio = 3;
  const margin = 12 * ratio;
  const picture = document.createElement("canvas");
  picture.width = Math.round(view.stage.w * ratio);
  picture.height = Math.round(view.stage.h * ratio);
  const clean = { ...view, selected: "", draft: null };
  drawAll(clean, picture.getContext("2d"), ratio);
  const sheet = document.createElement("canvas");
  sheet.width = picture.width + 2 * margin;
  sheet.height = picture.height + 2 * margin;
  const context = sheet.getContext("2d");
  context.fillStyle = view.theme.ground;
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.drawImage(picture, margin, margin);
  const link = element("a", { download: `${view.meta.label.replace(/[^\w-]+/g, "_")}.png` });
  link.href = sheet.toDataURL("image/png");
  link.click();
}

// -- status line ----------------------------------------------------------------------------

function refreshStatus(view) {
  setText(view.readout, readoutText(view));
  setText(view.note, noteText(view));
  setText(view.alarm, view.model.get("error") ?? "");
}

const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

function readoutText(view) {
  if (!view.codes || !view.hover) return "";
  const { grid, meta, clim } = view;
  const [x, y] = screenToWorld(view, ...view.hover);
  const [u, v] = worldToMap(grid, x, y);
  const column = clamp(Math.floor(u / grid.px), 0, grid.nx - 1);
  const row = clamp(Math.floor(v / grid.py), 0, grid.ny - 1);
  const code = view.codes[row * grid.nx + column];
  const digits = clamp(Math.ceil(-Math.log10(Math.min(grid.px, grid.py))) + 1, 0, 6);
  const place = `x ${tickText(x, digits)}  y ${tickText(y, digits)} ${meta.length_units}`;
  // The kernel knows the uncertainty; it is asked when the pointer rests.
  const { at, text } = view.probe;
  const known = at === `${row},${column}`;
  if (!known) askProbe(view, `${row},${column}`, x, y);
  if (known && text) return `${place}   ${meta.phases ? "" : `${meta.label} `}${text}`;
  return `${place}   ${valueWords(meta, code, clim)}`;
}

function askProbe(view, at, x, y) {
  if (view.probe.asked === at) return;
  view.probe.asked = at;
  clearTimeout(view.probe.timer);
  view.probe.timer = setTimeout(() => {
    if (view.gesture || !view.hover) return;
    view.model.send({ type: "map_probe", view: view.id, x, y });
    view.probe.sent = { at, x, y };
  }, 120);
}

function answeredProbe(view, message) {
  const { sent } = view.probe;
  if (!sent || message.x !== sent.x || message.y !== sent.y) return;
  view.probe.at = sent.at;
  view.probe.text = message.text;
  view.paint();
}

function valueWords(meta, code, clim) {
  if (code === NAN_CODE) return "no value";
  if (meta.phases) return "";
  const value = meta.offset + meta.scale * code;
  const flag = meta.flags.find((f) => f.value === value);
  if (flag) return flag.label;
  const sign = code === 0 && meta.beyond[0] ? "\u2264 " : code === NAN_CODE - 1 && meta.beyond[1] ? "\u2265 " : "";
  const units = meta.units ? ` ${meta.units}` : "";
  return `${meta.label} ${sign}${valueText(value, clim[1] - clim[0])}${units}`;
}

function noteText(view) {
  const { meta, draft, edit, marked } = view;
  if (!meta) return "";
  const moving = edit?.shape ?? draft?.shape;
  if (moving) {
    const box = boxOf(moving);
    const size = [box.x1 - box.x0, box.y1 - box.y0].map((l) => tickText(l, l < 10 ? 2 : 1));
    return `${edit ? `${edit.name}: ` : ""}${size.join(" \u00d7 ")} ${meta.length_units}`;
  }
  const parts = [];
  if (marked) parts.push(`${countText(marked)} pixels highlighted`);
  const [fy, fx] = meta.factors;
  if (fy > 1 || fx > 1) {
    const [ny, nx] = meta.full_shape;
    const what = meta.flags.length ? "sampled" : "averaged";
    parts.push(`${nx} \u00d7 ${ny} pixels, ${what} ${fx} \u00d7 ${fy} for display`);
  }
  if (meta.uneven) parts.push("uneven pixel spacing, drawn even");
  const { sx, sy } = view.grid ?? {};
  if (sx > 1.5 || sy > 1.5) {
    parts.push(`${sy > 1.5 ? "y" : "x"} drawn ${tickText(Math.max(sx, sy), 0)} times larger`);
  }
  if (!meta.range.length && !meta.phases) parts.push("No pixel has a value");
  if (!parts.length && TOOL_HINTS[view.tool]) parts.push(TOOL_HINTS[view.tool]);
  return parts.join(" \u00b7 ");
}

// -- theme and size -------------------------------------------------------------------------

function readTheme(view) {
  const style = getComputedStyle(view.root);
  const color = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const ground = color("--socw-ground", "#ffffff");
  view.theme = {
    font: style.fontFamily || "sans-serif",
    size: clamp(parseFloat(style.fontSize) || 13, 11, 16),
    ink: color("--socw-ink", "#212121"),
    soft: color("--socw-soft", "#616161"),
    ground,
    frame: color("--socw-frame", "#9e9e9e"),
    nan: color("--socw-nan", "#f3f3f5"),
    nanLine: color("--socw-nan-line", "#dddde2"),
    draft: color("--socw-draft", "#111111"),
    plate: color("--socw-plate", "rgba(255,255,255,0.82)"),
    veil: veilColor(ground),
  };
}

/** The ground's color at four fifths, as 0xAABBGGRR. */
function veilColor(css) {
  const probe = document.createElement("canvas");
  probe.width = probe.height = 1;
  const context = probe.getContext("2d");
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return ((204 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** Fit map and panel into the width there is; false while there is none. */
function layOut(view) {
  const width = Math.floor(view.ruler.clientWidth);
  if (width < 40) return false;
  const ratio = window.devicePixelRatio || 1;
  const ctx = view.canvas.getContext("2d");
  const edge = 1;
  let port = { x: edge, y: edge, w: 0, h: 0 };
  view.plan = null;
  let height = 120;
  let used = width;
  if (view.codes) {
    const plan = planPanel(ctx, view);
    const roomy = width - plan.width >= 140;
    view.plan = roomy ? plan : null;
    const room = width - 2 * edge - (roomy ? plan.width : 0);
    // Map, tools and what stands below should be in sight together.
    const most = view.model.get("height") || clamp(0.68 * window.innerHeight, 440, 900);
    const k = Math.min(room / view.grid.width, most / view.grid.height);
    const w = Math.max(1, Math.round(view.grid.width * k));
    const h = Math.max(1, Math.round(view.grid.height * k));
    port = { x: edge, y: edge, w, h };
    // A flat map still needs room for the bar, its words and the legend beside it.
    height = Math.max(h + 2 * edge, roomy ? leastHeight(plan, view.theme) : 0);
    used = Math.ceil(port.w + 2 * edge + (roomy ? plan.width : 0));
  }
  view.port = port;
  view.stage = { w: used, h: height };
  const w = Math.round(used * ratio);
  const h = Math.round(height * ratio);
  if (view.canvas.width !== w) view.canvas.width = w;
  if (view.canvas.height !== h) view.canvas.height = h;
  view.canvas.style.width = `${used}px`;
  view.canvas.style.height = `${height}px`;
  view.ratio = ratio;
  if (view.codes) moveCamera(view, view.camera.u, view.camera.v);
  return true;
}
