// The visible part of a map that came binned, in full resolution, asked of the kernel after a zoom.

const WINDOW_MS = 250;

/** Ask for what is visible, when the view has come to rest. */
function askWindow(view) {
  const { meta, camera } = view;
  if (!meta || meta.phases || Math.max(...meta.factors) === 1) return;
  const key = camera.zoom > 1.4 ? [camera.zoom, camera.u, camera.v].join(" ") : "";
  if (key === view.window.key) return;
  view.window.key = key;
  clearTimeout(view.window.timer);
  if (!key) {
    view.window.patch = null;
    return;
  }
  view.window.timer = setTimeout(() => {
    if (view.signal.aborted || !view.codes) return;
    const { grid } = view;
    const [w, h] = [grid.width / camera.zoom, grid.height / camera.zoom];
    const extent = [
      ...mapToWorld(grid, camera.u, camera.v), ...mapToWorld(grid, camera.u + w, camera.v + h),
    ];
    view.model.send({ type: "map_window", view: view.id, for: key, extent });
  }, WINDOW_MS);
}

function answeredWindow(view, message, buffers) {
  const codes = asCodes(buffers?.[0]);
  if (message.for !== view.window.key || !codes) return;
  const [ny, nx] = message.shape;
  if (codes.length !== ny * nx) return;
  const bitmap = document.createElement("canvas");
  bitmap.width = nx;
  bitmap.height = ny;
  view.window.patch = { ...message, codes, bitmap };
  paintPatch(view);
  view.paint("ground");
}

/** Color the part like the map. */
function paintPatch(view) {
  const { patch } = view.window;
  if (!patch) return;
  const context = patch.bitmap.getContext("2d");
  const image = context.createImageData(patch.bitmap.width, patch.bitmap.height);
  const table = colorTable({ ...view.meta, scale: patch.scale, offset: patch.offset }, view.lut, view.clim);
  paintPixels(patch.codes, table, new Uint32Array(image.data.buffer));
  context.putImageData(image, 0, 0);
}

function drawPatch(ctx, view, ratio) {
  const { patch } = view.window;
  if (!patch) return;
  const { grid, port, camera, meta } = view;
  const k = scaleOf(view);
  const [px, py] = [grid.px / meta.factors[1], grid.py / meta.factors[0]];
  const x = port.x + (patch.col * px - camera.u) * k;
  const y = port.y + (patch.row * py - camera.v) * k;
  const [w, h] = [patch.bitmap.width * patch.step * px * k, patch.bitmap.height * patch.step * py * k];
  ctx.imageSmoothingEnabled = w < patch.bitmap.width * ratio && !meta.flags.length;
  // What was binned lies below: pixels without a value must not show their group's mean.
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, w, h);
  ctx.clip();
  drawHatch(ctx, view);
  ctx.drawImage(patch.bitmap, x, y, w, h);
  ctx.restore();
}
