// Tools that draw no outline: magic wand, brush, eraser, and the line of the profile.

const BRUSHES = ["brush", "eraser"];
const FREE_TOOLS = ["point", "wand", "line", ...BRUSHES]; // take every press, also on a handle
const WAND_REACH = 250; // pixels of a drag that stand for the whole span of the colors

/** Radius of the brush in um: what was chosen, or a fortieth of the map. */
const brushRadius = (view) => view.model.get("brush_um") || view.grid.width / 40;

/** Like `simplify`, for an open line. */
function simplifyPath(points, tolerance) {
  let kept = points;
  for (let t = tolerance; ; t *= 1.5) {
    kept = thin(points, t);
    if (kept.length <= MOST_VERTICES) return kept;
  }
}

/** Where the wand was put, and how far values may differ: the more, the longer the drag. */
function wandFields(view, { start, sx: from }, sx) {
  const [x, y] = start;
  const share = Math.abs(sx - from) / WAND_REACH;
  return { x, y, tolerance: share * (view.clim[1] - view.clim[0]), mode: view.mode };
}

function finishFree(view, gesture, sx, draft) {
  stopLive(view);
  if (gesture.type === "wand") emit(view, "wand", wandFields(view, gesture, sx));
  else if (gesture.type === "stroke") commitStroke(view, gesture.points);
  else if (draft?.line) {
    view.line = draft.line.flat(); // shown until the kernel's own comes
    emit(view, "line", { points: draft.line });
  }
}

/** A finished stroke of the brush or the eraser, shown until the kernel has answered. */
function commitStroke(view, points) {
  stopLive(view);
  const erase = view.tool === "eraser";
  const radius = brushRadius(view);
  const path = points.length > 2 ? simplifyPath(points, 0.5 / scaleOf(view)) : points;
  const seq = emit(view, "stroke", { name: erase ? "erase" : "paint", points: path, radius });
  view.pending.push({ seq, name: "", shape: null, stroke: { points: path, radius, erase } });
  view.paint();
}

/** The way of a brush, as wide as it paints; red where it erases. */
function drawStroke(ctx, view, { points, radius, erase }) {
  const path = new Path2D();
  points.forEach(([x, y], i) => path[i ? "lineTo" : "moveTo"](...worldToScreen(view, x, y)));
  if (points.length === 1) path.lineTo(...worldToScreen(view, ...points[0]));
  ctx.save();
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.globalAlpha = 0.55;
  ctx.strokeStyle = erase ? "#b3261e" : "#ffffff";
  ctx.lineWidth = 2 * radius * scaleOf(view);
  ctx.stroke(path);
  ctx.restore();
}

/** The line of the profile: with a bar at each end, so that it differs from an outline. */
function drawLine(ctx, view, [a, b]) {
  const [ax, ay] = worldToScreen(view, ...a);
  const [bx, by] = worldToScreen(view, ...b);
  const length = Math.hypot(bx - ax, by - ay) || 1;
  const [nx, ny] = [(-(by - ay) / length) * 6, ((bx - ax) / length) * 6];
  const path = new Path2D();
  path.moveTo(ax, ay);
  path.lineTo(bx, by);
  for (const [x, y] of [[ax, ay], [bx, by]]) {
    path.moveTo(x - nx, y - ny);
    path.lineTo(x + nx, y + ny);
  }
  outline(ctx, path, view.theme.draft, 2);
}

/** Circle of the brush under the pointer. */
function drawBrush(ctx, view) {
  if (!view.hover || !BRUSHES.includes(view.tool)) return;
  const path = new Path2D();
  path.arc(...view.hover, brushRadius(view) * scaleOf(view), 0, 2 * Math.PI);
  outline(ctx, path, view.theme.draft, 1.25);
}
