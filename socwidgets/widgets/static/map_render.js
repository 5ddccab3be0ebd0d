// Drawing the map itself: values, highlight, regions, scale bar.

/** Redo the colored bitmap from codes, color table and limits. */
function recolor(view) {
  const { codes, meta, grid } = view;
  if (!codes) return;
  if (view.bitmap.width !== grid.nx || view.bitmap.height !== grid.ny) {
    view.bitmap.width = grid.nx;
    view.bitmap.height = grid.ny;
    view.pixels = null;
  }
  const context = view.bitmap.getContext("2d");
  view.pixels ??= context.createImageData(grid.nx, grid.ny);
  const table = colorTable(meta, view.lut, view.clim);
  const pixels = new Uint32Array(view.pixels.data.buffer);
  const sigma = asBytes(view.model.get("_sigma"));
  if (sigma && sigma.length === codes.length && !meta.phases) {
    const span = view.clim[1] - view.clim[0];
    paintFaded(codes, table, pixels, sigma, view.model.get("_sigma_step"), span);
  } else paintPixels(codes, table, pixels);
  context.putImageData(view.pixels, 0, 0);
  paintPatch(view);
}

/** Redo the veil over the pixels that are not highlighted, and the outline of those that are. */
function reveil(view) {
  const { bits, grid } = view;
  view.veil = null;
  view.marked = 0;
  if (!bits || bits.byteLength !== Math.ceil((grid.nx * grid.ny) / 8)) return;
  const { nx, ny } = grid;
  const isSet = (i) => (bits[i >> 3] >> (i & 7)) & 1;
  const veil = document.createElement("canvas");
  veil.width = nx;
  veil.height = ny;
  const context = veil.getContext("2d");
  const image = context.createImageData(nx, ny);
  const pixels = new Uint32Array(image.data.buffer);
  const shade = view.theme.veil;
  for (let i = 0; i < pixels.length; i += 1) {
    if (isSet(i)) view.marked += 1;
    else pixels[i] = shade;
  }
  context.putImageData(image, 0, 0);
  view.veil = veil;
  view.veilEdge = view.marked <= 20000 ? edgeOf(isSet, nx, ny) : null;
}

/** The overlay as a bitmap: lines of particles, or a shade with a pattern over unusable pixels. */
function reoverlay(view) {
  const bits = asBytes(view.model.get("_overlay"));
  const { nx, ny } = view.grid;
  view.overlay = null;
  if (!bits || bits.byteLength !== Math.ceil((nx * ny) / 8)) return;
  const layer = document.createElement("canvas");
  layer.width = nx;
  layer.height = ny;
  const context = layer.getContext("2d");
  const image = context.createImageData(nx, ny);
  const pixels = new Uint32Array(image.data.buffer);
  const lines = view.model.get("_overlay_kind") === "labels";
  for (let i = 0; i < pixels.length; i += 1) {
    if (!((bits[i >> 3] >> (i & 7)) & 1)) continue;
    const dotted = ((i % nx) + Math.floor(i / nx)) % 4 < 2;
    // Light and dark in turns, so that the lines are seen on any color.
    pixels[i] = lines ? (dotted ? 0xffffffff : 0xff303030) : dotted ? 0xb0202020 : 0xb0e0e0e0;
  }
  context.putImageData(image, 0, 0);
  view.overlay = layer;
}

/** Outline of the set pixels in pixel coordinates. */
function edgeOf(isSet, nx, ny) {
  const path = new Path2D();
  const at = (r, c) => r >= 0 && c >= 0 && r < ny && c < nx && isSet(r * nx + c) === 1;
  for (let r = 0; r <= ny; r += 1) {
    for (let c = 0; c <= nx; c += 1) {
      const here = at(r, c);
      if (c < nx && here !== at(r - 1, c)) {
        path.moveTo(c, r);
        path.lineTo(c + 1, r);
      }
      if (r < ny && here !== at(r, c - 1)) {
        path.moveTo(c, r);
        path.lineTo(c, r + 1);
      }
    }
  }
  return path;
}

/** Everything, onto any context: the screen or a larger picture for a slide. */
function drawAll(view, ctx, ratio) {
  const { stage, port, theme } = view;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, stage.w, stage.h);
  ctx.textBaseline = "middle";
  if (!view.codes) {
    ctx.fillStyle = theme.soft;
    ctx.font = `${theme.size}px ${theme.font}`;
    ctx.textAlign = "left";
    ctx.fillText("No map yet", 12, stage.h / 2);
    return;
  }
  ctx.save();
  ctx.beginPath();
  ctx.rect(port.x, port.y, port.w, port.h);
  ctx.clip();
  if (ctx.canvas === view.canvas) {
    const ground = keptGround(view, ratio);
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(ground, 0, 0);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  } else drawGround(view, ctx, ratio);
  drawRegions(ctx, view);
  if (view.line?.length === 4 && !view.draft?.line) {
    drawLine(ctx, view, [view.line.slice(0, 2), view.line.slice(2)]);
  }
  drawPoint(ctx, view);
  drawBrush(ctx, view);
  drawScaleBar(ctx, view);
  ctx.restore();
  ctx.strokeStyle = theme.frame;
  ctx.lineWidth = 1;
  ctx.strokeRect(port.x - 0.5, port.y - 0.5, port.w + 1, port.h + 1);
  drawPanel(ctx, view);
}

// -- regions --------------------------------------------------------------------------------

/** Regions as they look now: the kernel's, with what this view has sent but not heard back. */
function shownRegions(view) {
  const waiting = new Map(view.pending.filter((p) => p.name).map((p) => [p.name, p.shape]));
  if (view.edit) waiting.set(view.edit.name, view.edit.shape);
  return view.rois
    .filter(hasOutline)
    .filter((roi) => waiting.get(roi.name) !== null)
    .map((roi) => ({ ...roi, ...(waiting.get(roi.name) ?? {}) }));
}

function tracePath(view, shape) {
  const path = new Path2D();
  if (shape.type === "ellipse") {
    const [cx, cy] = worldToScreen(view, shape.cx, shape.cy);
    const k = scaleOf(view);
    const { sx, sy } = view.grid;
    path.ellipse(cx, cy, Math.abs(shape.rx * k * sx), Math.abs(shape.ry * k * sy), 0, 0, 2 * Math.PI);
    return path;
  }
  for (const ring of shape.type === "area" ? shape.rings : [pointsOf(shape)]) {
    ring.forEach(([x, y], i) => {
      path[i ? "lineTo" : "moveTo"](...worldToScreen(view, x, y));
    });
    path.closePath();
  }
  return path;
}

function drawRegions(ctx, view) {
  ctx.lineJoin = "round";
  const shown = shownRegions(view);
  const rank = (roi) => (roi.name === view.selected ? 1 : 0);
  for (const roi of [...shown].sort((a, b) => rank(a) - rank(b))) {
    outline(ctx, tracePath(view, roi), roi.color, rank(roi) ? 2.5 : 1.75);
    drawName(ctx, view, roi);
  }
  const chosen = shown.find((roi) => roi.name === view.selected);
  if (chosen && !FREE_TOOLS.includes(view.tool)) {
    for (const handle of handlesOf(view, chosen)) drawHandle(ctx, handle, chosen.color);
  }
  for (const { name, shape, stroke } of view.pending) {
    if (!name && shape) outline(ctx, tracePath(view, shape), view.theme.draft, 2);
    if (stroke) drawStroke(ctx, view, stroke);
  }
  drawDraft(ctx, view);
}

/** A line that reads on any color: a light rim below it. */
function outline(ctx, path, color, width, dash = []) {
  ctx.setLineDash([]);
  ctx.strokeStyle = "rgba(255,255,255,0.85)";
  ctx.lineWidth = width + 2;
  ctx.stroke(path);
  ctx.setLineDash(dash);
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.stroke(path);
  ctx.setLineDash([]);
}

function drawDraft(ctx, view) {
  const { draft, theme } = view;
  if (!draft) return;
  if (draft.stroke) {
    drawStroke(ctx, view, draft.stroke);
    return;
  }
  if (draft.line) {
    drawLine(ctx, view, draft.line);
    return;
  }
  if (draft.shape) {
    outline(ctx, tracePath(view, draft.shape), theme.draft, 1.75, [5, 3]);
    return;
  }
  const path = new Path2D();
  const points = draft.cursor ? [...draft.points, draft.cursor] : draft.points;
  points.forEach(([x, y], i) => path[i ? "lineTo" : "moveTo"](...worldToScreen(view, x, y)));
  outline(ctx, path, theme.draft, 1.75, draft.cursor ? [5, 3] : []);
  if (!draft.cursor) return;
  draft.points.forEach(([x, y]) => {
    const [sx, sy] = worldToScreen(view, x, y);
    drawHandle(ctx, { sx, sy, round: true }, theme.draft);
  });
}

function drawHandle(ctx, { sx, sy, round }, color) {
  ctx.beginPath();
  if (round) ctx.arc(sx, sy, 4, 0, 2 * Math.PI);
  else ctx.rect(sx - 3.5, sy - 3.5, 7, 7);
  ctx.fillStyle = "#ffffff";
  ctx.fill();
  ctx.lineWidth = 1.75;
  ctx.strokeStyle = color;
  ctx.stroke();
}

function drawName(ctx, view, roi) {
  const { port, theme } = view;
  ctx.font = `600 ${theme.size - 1}px ${theme.font}`;
  const width = ctx.measureText(roi.name).width + 10;
  const box = boxOf(roi);
  const [xa, ya] = worldToScreen(view, box.x0, box.y0);
  const [xb, yb] = worldToScreen(view, box.x1, box.y1);
  const left = Math.min(xa, xb);
  const top = Math.min(ya, yb);
  if (left > port.x + port.w || Math.max(xa, xb) < port.x) return;
  if (top > port.y + port.h || Math.max(ya, yb) < port.y) return;
  const x = clamp(left, port.x + 2, port.x + port.w - width - 2);
  const y = clamp(top - 21, port.y + 2, port.y + port.h - 19);
  ctx.fillStyle = roi.color;
  ctx.beginPath();
  ctx.roundRect(x, y, width, 17, 3);
  ctx.fill();
  ctx.fillStyle = inkOn(roi.color);
  ctx.textAlign = "left";
  ctx.fillText(roi.name, x + 5, y + 9);
}

function drawPoint(ctx, view) {
  if (view.point.length !== 2) return;
  const [sx, sy] = worldToScreen(view, ...view.point);
  const path = new Path2D();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    path.moveTo(sx + 4 * dx, sy + 4 * dy);
    path.lineTo(sx + 11 * dx, sy + 11 * dy);
  }
  outline(ctx, path, view.theme.draft, 2);
}

function drawScaleBar(ctx, view) {
  const { port, theme, meta } = view;
  const k = scaleOf(view) * view.grid.sx;
  const length = roundLength(Math.max(port.w * 0.24, 36) / k);
  const width = length * k;
  const text = lengthText(length, meta.length_units);
  ctx.font = `600 ${theme.size}px ${theme.font}`;
  const w = Math.max(width, ctx.measureText(text).width) + 16;
  if (w > port.w - 16 || port.h < 60) return;
  const x = port.x + 8;
  const y = port.y + port.h - 42;
  ctx.fillStyle = theme.plate;
  ctx.beginPath();
  ctx.roundRect(x, y, w, 34, 4);
  ctx.fill();
  ctx.fillStyle = theme.ink;
  ctx.fillRect(x + (w - width) / 2, y + 24, width, 4);
  ctx.textAlign = "center";
  ctx.fillText(text, x + w / 2, y + 12);
}
