"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const words16 = (text) => new Uint16Array(bytes(text).buffer);
  const NONE = 65535, GRAY = 220, ACCENT = "#0072b2", MARK = "#d55e00", INK = "#1f2933", LINE = "#9aa5ad";
  const [left, right, bottom, top] = data.extent;
  const aspect = Math.abs((bottom - top) / (right - left));

  const decode = (item) => {
    const codes = words16(item.codes), values = new Float64Array(codes.length);
    for (let i = 0; i < codes.length; i += 1) values[i] = codes[i] === NONE ? NaN : item.offset + item.scale * codes[i];
    return values;
  };
  const maps = data.maps.map((m) => ({ ...m, values: decode(m), colors: bytes(m.colors) }));
  const cube = { ...data.cube, values: decode(data.cube), counts: words16(data.cube.count) };
  const state = { map: 0, range: null, lasso: [], drawing: false, spectrum: null, hover: null };
  const shown = () => maps[state.map];

  const digits = (span) => Math.min(7, Math.max(0, Math.ceil(2.5 - Math.log10(span || 1))));
  const number = (value, span) => (Number.isFinite(value) ? value.toFixed(digits(span)).replace("-", "\u2212") : "no value");
  const ticks = (low, high, most) => {
    const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-6); i * step <= high + 1e-6 * step; i += 1) found.push(i * step);
    return { found, places: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  };

  /** Canvas sized for the screen; returns its context and its size in CSS pixels. */
  const begin = (canvas, height) => {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
    if (height) canvas.style.height = `${height}px`;
    const tall = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(tall * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = "12px system-ui, 'DejaVu Sans', Arial, sans-serif";
    return [context, width, tall];
  };

  const color = (m, value) => {
    const [low, high] = m.limits;
    const i = Math.max(0, Math.min(255, Math.floor((256 * (value - low)) / (high - low))));
    return [m.colors[3 * i], m.colors[3 * i + 1], m.colors[3 * i + 2]];
  };

  const drawMap = () => {
    const m = shown(), [rows, columns] = m.shape, canvas = $("map");
    const [context, width, height] = begin(canvas, Math.min(canvas.clientWidth * aspect, 460));
    const picture = new ImageData(columns, rows);
    for (let i = 0; i < m.values.length; i += 1) {
      const value = m.values[i], out = Number.isNaN(value);
      const dim = !out && state.range && !(value >= state.range[0] && value <= state.range[1]);
      const [r, g, b] = out ? [GRAY, GRAY, GRAY] : color(m, value);
      const mix = (c) => (dim ? Math.round(0.18 * c + 0.82 * 245) : c);
      picture.data.set([mix(r), mix(g), mix(b), 255], 4 * i);
    }
    const small = document.createElement("canvas");
    [small.width, small.height] = [columns, rows];
    small.getContext("2d").putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = false;
    const view = port(width, height);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(small, view.x, view.y, view.width, view.height);
    drawBar(context, view);
    if (state.lasso.length > 1) {
      context.beginPath();
      state.lasso.forEach(([x, y], i) => {
        const place = [view.x + ((x - left) / (right - left)) * view.width, view.y + ((y - top) / (bottom - top)) * view.height];
        if (i) context.lineTo(...place); else context.moveTo(...place);
      });
      if (!state.drawing) context.closePath();
      for (const [style, size] of [["#fff", 4], [MARK, 2]]) {
        context.strokeStyle = style; context.lineWidth = size; context.stroke();
      }
    }
  };

  /** Part of the canvas that the map fills; equal scale on both axes. */
  const port = (width, height) => {
    const w = Math.min(width, height / aspect), h = w * aspect;
    return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
  };

  const drawBar = (context, view) => {
    const span = Math.abs(right - left), power = 10 ** Math.floor(Math.log10(span * 0.28));
    const length = [5, 2, 1].map((m) => m * power).find((l) => l <= span * 0.2801);
    const x = view.x + 10, y = view.y + view.height - 12, w = (length / span) * view.width;
    const text = data.units === "\u00b5m" && length < 0.9999 ? `${Number((1000 * length).toPrecision(3))} nm` : `${Number(length.toPrecision(3))} ${data.units}`;
    context.fillStyle = "rgba(255,255,255,0.85)";
    context.fillRect(x - 5, y - 19, Math.max(w, context.measureText(text).width) + 10, 26);
    context.fillStyle = INK;
    context.fillRect(x, y, w, 3);
    context.fillText(text, x, y - 5);
  };

  const drawScale = () => {
    const m = shown(), [context, width] = begin($("scale")), [low, high] = m.limits;
    for (let i = 0; i < 256; i += 1) {
      context.fillStyle = `rgb(${m.colors[3 * i]},${m.colors[3 * i + 1]},${m.colors[3 * i + 2]})`;
      context.fillRect(8 + (i * (width - 16)) / 256, 16, (width - 16) / 256 + 1, 9);
    }
    context.fillStyle = "#5b6770";
    context.fillText(m.words[0] ? `\u25c0 ${m.words[0]}` : "", 8, 11);
    context.textAlign = "right";
    context.fillText(m.words[1] ? `${m.words[1]} \u25b6` : "", width - 8, 11);
    context.textAlign = "center";
    const { found, places } = ticks(low, high, 5);
    for (const value of found) context.fillText(value.toFixed(places), Math.min(width - 14, Math.max(14, 8 + ((value - low) / (high - low)) * (width - 16))), 38);
    context.fillStyle = INK;
    context.fillText(m.label, width / 2, 53);
  };

  const axes = (context, width, height, [x0, x1], [y0, y1], xLabel, yLabel) => {
    const box = { x: yLabel ? 52 : 10, y: 10, width: width - (yLabel ? 62 : 20), height: height - 48 };
    const px = (v) => box.x + ((v - x0) / (x1 - x0)) * box.width;
    const py = (v) => box.y + box.height - ((v - y0) / (y1 - y0)) * box.height;
    context.strokeStyle = LINE; context.fillStyle = "#5b6770"; context.lineWidth = 1; context.textAlign = "center";
    context.beginPath(); context.moveTo(box.x, box.y + box.height); context.lineTo(box.x + box.width, box.y + box.height); context.stroke();
    const horizontal = ticks(x0, x1, 5);
    for (const v of horizontal.found) {
      const text = v.toFixed(horizontal.places);
      context.fillText(text, Math.min(px(v), width - context.measureText(text).width / 2 - 1), box.y + box.height + 15);
    }
    if (yLabel) {
      const vertical = ticks(y0, y1, 4);
      context.textAlign = "right";
      for (const v of vertical.found) context.fillText(v.toFixed(vertical.places).replace("-", "\u2212"), box.x - 5, py(v) + 4);
      context.save(); context.translate(11, box.y + box.height / 2); context.rotate(-Math.PI / 2);
      context.textAlign = "center"; context.fillStyle = INK; context.fillText(yLabel, 0, 0); context.restore();
    }
    context.textAlign = "center"; context.fillStyle = INK;
    context.fillText(xLabel, box.x + box.width / 2, height - 4);
    return { box, px, py };
  };

  /** Mean spectrum over the blocks that `inside` accepts, weighted by their pixels. */
  const meanSpectrum = (inside) => {
    const [depth, rows, columns] = cube.shape, sums = new Float64Array(depth);
    let count = 0;
    const dx = ((right - left) * cube.step) / state.full[1], dy = ((bottom - top) * cube.step) / state.full[0];
    for (let r = 0; r < rows; r += 1) for (let c = 0; c < columns; c += 1) {
      const i = r * columns + c, weight = cube.counts[i];
      if (!weight || !inside(left + (c + 0.5) * dx, top + (r + 0.5) * dy)) continue;
      count += weight;
      for (let k = 0; k < depth; k += 1) sums[k] += weight * cube.values[k * rows * columns + i];
    }
    return count ? { values: sums.map((s) => s / count), count } : null;
  };

  const inPolygon = (points) => (x, y) => {
    let inside = false;
    for (let i = 0, j = points.length - 1; i < points.length; j = i, i += 1) {
      const [xi, yi] = points[i], [xj, yj] = points[j];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
    return inside;
  };

  const drawSpectrum = () => {
    const [context, width, height] = begin($("spectrum"));
    const chosen = state.spectrum, lines = [[overall, "#7b8790", 1.5], [chosen, MARK, 2.2]].filter(([s]) => s);
    const all = lines.flatMap(([s]) => Array.from(s.values)), low = Math.min(...all, 0), high = Math.max(...all);
    const x = cube.axis, ends = [Math.min(...x), Math.max(...x)];
    const { px, py } = axes(context, width, height, ends, [low, high + 0.05 * (high - low || 1)], cube.axisLabel, cube.label);
    for (const [s, style, size] of lines) {
      context.beginPath(); context.strokeStyle = style; context.lineWidth = size;
      s.values.forEach((v, k) => (k ? context.lineTo(px(x[k]), py(v)) : context.moveTo(px(x[k]), py(v))));
      context.stroke();
    }
  };

  const histogram = () => {
    const m = shown(), values = Array.from(m.values).filter(Number.isFinite).sort((a, b) => a - b);
    if (!values.length) return null;
    let low = values[Math.floor(0.002 * values.length)], high = values[Math.min(values.length - 1, Math.floor(0.998 * values.length))];
    if (!(high > low)) [low, high] = [low - 0.5, low + 0.5];
    const pad = 0.03 * (high - low), bins = new Float64Array(60);
    [low, high] = [low - pad, high + pad];
    for (const v of values) { const i = Math.floor((60 * (v - low)) / (high - low)); if (i >= 0 && i < 60) bins[i] += 1; }
    return { low, high, bins, count: values.length };
  };

  const drawHistogram = () => {
    const [context, width, height] = begin($("histogram")), h = state.histogram;
    if (!h) return;
    const most = Math.max(...h.bins), m = shown();
    const { box, px, py } = axes(context, width, height, [h.low, h.high], [0, most * 1.05], m.label, "");
    state.toValue = (x) => h.low + ((x - box.x) / box.width) * (h.high - h.low);
    const step = (h.high - h.low) / h.bins.length;
    h.bins.forEach((count, i) => {
      const middle = h.low + (i + 0.5) * step, inside = !state.range || (middle >= state.range[0] && middle <= state.range[1]);
      context.fillStyle = inside ? ACCENT : "#c5d3dd";
      context.fillRect(px(h.low + i * step), py(count), box.width / h.bins.length - 0.5, box.y + box.height - py(count));
    });
    if (state.range) {
      context.strokeStyle = MARK; context.lineWidth = 2;
      for (const v of state.range) { const x = Math.min(box.x + box.width, Math.max(box.x, px(v))); context.beginPath(); context.moveTo(x, box.y); context.lineTo(x, box.y + box.height); context.stroke(); }
    }
  };

  /** Mean and standard deviation of the shown map where `inside` accepts the pixel. */
  const describe = (inside) => {
    const m = shown(), [rows, columns] = m.shape;
    let n = 0, sum = 0, squares = 0;
    for (let r = 0; r < rows; r += 1) for (let c = 0; c < columns; c += 1) {
      const v = m.values[r * columns + c];
      if (Number.isNaN(v) || !inside(left + ((c + 0.5) / columns) * (right - left), top + ((r + 0.5) / rows) * (bottom - top))) continue;
      n += 1; sum += v; squares += v * v;
    }
    return { n, mean: sum / n, sd: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)) };
  };

  const say = () => {
    const m = shown(), span = m.limits[1] - m.limits[0];
    const chosen = state.lasso.length > 2 && !state.drawing ? describe(inPolygon(state.lasso)) : null;
    if (!chosen) $("selection").textContent = "Gray: mean of all pixels with a value. Draw on the map for a region.";
    else if (!chosen.n) $("selection").textContent = "No pixel with a value in this region.";
    else $("selection").textContent = `Region: ${chosen.n} pixels, mean ${number(chosen.mean, span)}, sd ${number(chosen.sd, span)}`;
    const r = state.range;
    $("low").value = r ? Number(r[0].toPrecision(5)) : "";
    $("high").value = r ? Number(r[1].toPrecision(5)) : "";
    const known = Array.from(m.values).filter(Number.isFinite);
    $("share").textContent = r ? `${((100 * known.filter((v) => v >= r[0] && v <= r[1]).length) / known.length).toFixed(1)} % of pixels` : "drag on the histogram";
  };

  const redraw = () => { drawMap(); drawScale(); drawSpectrum(); drawHistogram(); say(); };
  const choose = (range) => { state.range = range && range[1] > range[0] ? range : null; drawMap(); drawHistogram(); say(); };

  const place = (event) => {
    const box = $("map").getBoundingClientRect(), view = port(box.width, box.height);
    return [left + ((event.clientX - box.left - view.x) / view.width) * (right - left), top + ((event.clientY - box.top - view.y) / view.height) * (bottom - top)];
  };
  const hover = (event) => {
    const m = shown(), [rows, columns] = m.shape, [x, y] = place(event);
    const c = Math.floor(((x - left) / (right - left)) * columns), r = Math.floor(((y - top) / (bottom - top)) * rows);
    const inside = r >= 0 && r < rows && c >= 0 && c < columns;
    $("hover").textContent = inside ? `${m.label}: ${number(m.values[r * columns + c], m.limits[1] - m.limits[0])}  at x ${x.toFixed(2)}, y ${y.toFixed(2)} ${data.units}` : "";
  };
  $("map").addEventListener("pointerdown", (event) => { $("map").setPointerCapture(event.pointerId); state.drawing = true; state.lasso = [place(event)]; });
  $("map").addEventListener("pointermove", (event) => { hover(event); if (state.drawing) { state.lasso.push(place(event)); drawMap(); } });
  $("map").addEventListener("pointerup", () => {
    state.drawing = false;
    if (state.lasso.length < 3) state.lasso = [];
    state.spectrum = state.lasso.length ? meanSpectrum(inPolygon(state.lasso)) : null;
    drawMap(); drawSpectrum(); say();
  });
  let start = null;
  const at = (event) => state.toValue(event.clientX - $("histogram").getBoundingClientRect().left);
  $("histogram").addEventListener("pointerdown", (event) => { $("histogram").setPointerCapture(event.pointerId); start = at(event); choose(null); });
  $("histogram").addEventListener("pointermove", (event) => { if (start !== null) choose([Math.min(start, at(event)), Math.max(start, at(event))]); });
  $("histogram").addEventListener("pointerup", () => { start = null; });
  for (const id of ["low", "high"]) $(id).addEventListener("change", () => {
    const h = state.histogram, [a, b] = [$("low").value, $("high").value];
    choose(a === "" && b === "" ? null : [a === "" ? h.low : Number(a), b === "" ? h.high : Number(b)]);
  });
  $("clear").addEventListener("click", () => { state.lasso = []; state.spectrum = null; state.range = null; redraw(); });
  maps.forEach((m, i) => { const option = document.createElement("option"); option.value = i; option.textContent = m.label; $("which").append(option); });
  $("which").addEventListener("change", () => { state.map = Number($("which").value); state.range = null; state.histogram = histogram(); redraw(); });

  state.full = data.pixels;
  const overall = meanSpectrum(() => true);
  state.histogram = histogram();
  $("dead").hidden = true;
  $("app").hidden = false;
  new ResizeObserver(redraw).observe($("app"));
  redraw();
  window.socwidgets = { state, meanSpectrum, inPolygon, describe };
})();
