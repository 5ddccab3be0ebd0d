// What lies below the regions: values, overlay, highlight; kept while only regions change.

/** What lies below the regions: values, part in full resolution, overlay, highlight. */
function drawGround(view, ctx, ratio) {
  drawHatch(ctx, view);
  drawBitmap(ctx, view, view.bitmap, ratio);
  drawPatch(ctx, view, ratio);
  if (view.overlay) drawBitmap(ctx, view, view.overlay, ratio);
  if (view.veil) drawVeil(ctx, view, ratio);
}

/** The ground of the screen, kept: a drag paints many times what has not changed. */
function keptGround(view, ratio) {
  const { camera, port, canvas } = view;
  const key = [canvas.width, canvas.height, ratio, ...Object.values(port), ...Object.values(camera)].join(" ");
  view.ground ??= { canvas: document.createElement("canvas"), key: "", patch: null };
  const { ground } = view;
  if (ground.key !== key || ground.patch !== view.window.patch) {
    ground.canvas.width = canvas.width; // clears it, too
    ground.canvas.height = canvas.height;
    const ctx = ground.canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawGround(view, ctx, ratio);
    ground.key = key;
    ground.patch = view.window.patch;
  }
  return ground.canvas;
}

function drawHatch(ctx, { port, theme }) {
  ctx.fillStyle = theme.nan;
  ctx.fillRect(port.x, port.y, port.w, port.h);
  ctx.strokeStyle = theme.nanLine;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let d = 0; d < port.w + port.h; d += 6) {
    ctx.moveTo(port.x + d - port.h, port.y + port.h);
    ctx.lineTo(port.x + d, port.y);
  }
  ctx.stroke();
}

/** Only the visible pixels, nearest neighbor; smoothed only where several share a dot. */
function drawBitmap(ctx, view, bitmap, ratio) {
  const { grid, port, camera, meta } = view;
  const k = scaleOf(view);
  const c0 = Math.max(0, Math.floor(camera.u / grid.px));
  const r0 = Math.max(0, Math.floor(camera.v / grid.py));
  const c1 = Math.min(grid.nx, Math.ceil((camera.u + port.w / k) / grid.px));
  const r1 = Math.min(grid.ny, Math.ceil((camera.v + port.h / k) / grid.py));
  const coarse = Math.min(grid.px, grid.py) * k * ratio >= 1;
  ctx.imageSmoothingEnabled = !coarse && !meta.flags.length;
  ctx.imageSmoothingQuality = "medium";
  ctx.drawImage(
    bitmap, c0, r0, c1 - c0, r1 - r0,
    port.x + (c0 * grid.px - camera.u) * k, port.y + (r0 * grid.py - camera.v) * k,
    (c1 - c0) * grid.px * k, (r1 - r0) * grid.py * k,
  );
}

function drawVeil(ctx, view, ratio) {
  drawBitmap(ctx, view, view.veil, ratio);
  if (!view.veilEdge) return;
  const { grid, port, camera } = view;
  const k = scaleOf(view);
  const place = new DOMMatrix([
    grid.px * k, 0, 0, grid.py * k, port.x - camera.u * k, port.y - camera.v * k,
  ]);
  const path = new Path2D();
  path.addPath(view.veilEdge, place);
  ctx.strokeStyle = view.theme.ink;
  ctx.lineWidth = 1;
  ctx.stroke(path);
}
