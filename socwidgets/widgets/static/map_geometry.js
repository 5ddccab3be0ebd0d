// Geometry: pixels <-> micrometers <-> screen, and shapes as plain objects. No DOM here.
// "Map lengths" (u, v) are measured in um from the top-left corner, rightwards and downwards;
// world coordinates (x, y) are those of the data and may run the other way.

const FEW_VERTICES = 40; // up to here each vertex has a handle of its own
const MOST_VERTICES = 300;
const RINGED = ["polygon", "area"];
const MOST_ASPECT = 10;

/** The grid of a map. A strip of a few rows would be a line: its short side is drawn larger, `sx` or
    `sy` times, up to a tenth of the long one. */
function gridOf(meta) {
  const [ny, nx] = meta.shape;
  const [x0, dx] = meta.x;
  const [y0, dy] = meta.y;
  const aspect = (nx * Math.abs(dx)) / (ny * Math.abs(dy));
  const sx = Math.max(1, 1 / aspect / MOST_ASPECT);
  const sy = Math.max(1, aspect / MOST_ASPECT);
  const px = Math.abs(dx) * sx;
  const py = Math.abs(dy) * sy;
  return { nx, ny, x0, dx, y0, dy, px, py, sx, sy, width: nx * px, height: ny * py };
}

/** Whether two grids cover the same place, up to a pixel of the coarser one: a coarse map of the
    same sample must not move what a person looks at. */
function alikeGrid(a, b) {
  if (!a || !b || a.dx * b.dx < 0 || a.dy * b.dy < 0) return false;
  const near = (p, q, step) => Math.abs(p - q) <= step * 1.001;
  const px = a.nx === b.nx ? 0 : Math.max(a.px, b.px);
  const py = a.ny === b.ny ? 0 : Math.max(a.py, b.py);
  const corners = [mapToWorld(a, 0, 0), mapToWorld(b, 0, 0)];
  return (
    near(a.width, b.width, px) && near(a.height, b.height, py) &&
    near(corners[0][0], corners[1][0], px) && near(corners[0][1], corners[1][1], py)
  );
}

const worldToMap = (g, x, y) => [
  ((x - g.x0) / g.dx + 0.5) * g.px,
  ((y - g.y0) / g.dy + 0.5) * g.py,
];

const mapToWorld = (g, u, v) => [g.x0 + (u / g.px - 0.5) * g.dx, g.y0 + (v / g.py - 0.5) * g.dy];

/** Pixels of the screen per um, along the side that is not drawn larger. */
const scaleOf = (view) => (view.port.w / view.grid.width) * view.camera.zoom;

function worldToScreen(view, x, y) {
  const [u, v] = worldToMap(view.grid, x, y);
  const k = scaleOf(view);
  return [view.port.x + (u - view.camera.u) * k, view.port.y + (v - view.camera.v) * k];
}

/** World coordinates of a point of the screen, kept inside the map. */
function screenToWorld(view, sx, sy) {
  const { grid, port, camera } = view;
  const k = scaleOf(view);
  const u = clamp((sx - port.x) / k + camera.u, 0, grid.width);
  const v = clamp((sy - port.y) / k + camera.v, 0, grid.height);
  return mapToWorld(grid, u, v);
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const inPort = ({ port }, sx, sy) =>
  sx >= port.x && sy >= port.y && sx < port.x + port.w && sy < port.y + port.h;

/** Zoom about a point of the screen; the map always fills its frame. */
function zoomAbout(view, factor, sx, sy) {
  const { camera, grid, port } = view;
  const most = Math.max(grid.width / (4 * grid.px), grid.height / (4 * grid.py), 1);
  const before = scaleOf(view);
  const zoom = clamp(camera.zoom * factor, 1, most);
  const after = (before / camera.zoom) * zoom;
  const du = sx - port.x;
  const dv = sy - port.y;
  moveCamera(view, camera.u + du / before - du / after, camera.v + dv / before - dv / after, zoom);
}

function moveCamera(view, u, v, zoom = view.camera.zoom) {
  const { grid } = view;
  view.camera = {
    zoom,
    u: clamp(u, 0, grid.width * (1 - 1 / zoom)),
    v: clamp(v, 0, grid.height * (1 - 1 / zoom)),
  };
}

// -- shapes ---------------------------------------------------------------------------------

/** Bounding box in world coordinates. */
function boxOf(shape) {
  if (shape.type === "ellipse") {
    const { cx, cy, rx, ry } = shape;
    return { x0: cx - rx, y0: cy - ry, x1: cx + rx, y1: cy + ry };
  }
  const points = pointsOf(shape);
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (const [x, y] of points) {
    box.x0 = Math.min(box.x0, x);
    box.y0 = Math.min(box.y0, y);
    box.x1 = Math.max(box.x1, x);
    box.y1 = Math.max(box.y1, y);
  }
  return box;
}

const pointsOf = (shape) =>
  shape.type === "polygon"
    ? shape.vertices
    : shape.type === "area"
    ? shape.rings.flat()
    : [[shape.x0, shape.y0], [shape.x1, shape.y0], [shape.x1, shape.y1], [shape.x0, shape.y1]];

function shapeInBox(type, box) {
  const x0 = Math.min(box.x0, box.x1);
  const x1 = Math.max(box.x0, box.x1);
  const y0 = Math.min(box.y0, box.y1);
  const y1 = Math.max(box.y0, box.y1);
  if (type === "rectangle") return { type, x0, y0, x1, y1 };
  return { type, cx: (x0 + x1) / 2, cy: (y0 + y1) / 2, rx: (x1 - x0) / 2, ry: (y1 - y0) / 2 };
}

/** The shape after its bounding box became another one. */
function fitToBox(shape, from, to) {
  if (!RINGED.includes(shape.type)) return shapeInBox(shape.type, to);
  const sx = (to.x1 - to.x0) / (from.x1 - from.x0 || 1);
  const sy = (to.y1 - to.y0) / (from.y1 - from.y0 || 1);
  const place = ([x, y]) => [to.x0 + (x - from.x0) * sx, to.y0 + (y - from.y0) * sy];
  if (shape.type === "area") {
    return { type: "area", rings: shape.rings.map((ring) => ring.map(place)) };
  }
  return { type: "polygon", vertices: shape.vertices.map(place) };
}

/** Moved shape; its center stays on the map so that it cannot get lost. */
function moveShape(view, shape, dx, dy) {
  const box = boxOf(shape);
  const [xa, ya] = mapToWorld(view.grid, 0, 0);
  const [xb, yb] = mapToWorld(view.grid, view.grid.width, view.grid.height);
  const cx = (box.x0 + box.x1) / 2;
  const cy = (box.y0 + box.y1) / 2;
  const mx = clamp(cx + dx, Math.min(xa, xb), Math.max(xa, xb)) - cx;
  const my = clamp(cy + dy, Math.min(ya, yb), Math.max(ya, yb)) - cy;
  const to = { x0: box.x0 + mx, y0: box.y0 + my, x1: box.x1 + mx, y1: box.y1 + my };
  return fitToBox(shape, box, to);
}

function containsPoint(shape, x, y) {
  if (shape.type === "ellipse") {
    return ((x - shape.cx) / shape.rx) ** 2 + ((y - shape.cy) / shape.ry) ** 2 <= 1;
  }
  if (shape.type === "area") {
    const odd = (ring) => containsPoint({ type: "polygon", vertices: ring }, x, y);
    return shape.rings.filter(odd).length % 2 === 1;
  }
  const points = pointsOf(shape);
  let inside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i, i += 1) {
    const [xi, yi] = points[i];
    const [xj, yj] = points[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** Geometry of a region or a drawing without its name and color. */
function plainShape(shape) {
  if (shape.type === "polygon") return { type: "polygon", vertices: shape.vertices.map((p) => [...p]) };
  if (shape.type === "area") return { type: "area", rings: shape.rings };
  return shapeInBox(shape.type, boxOf(shape));
}

/** Whether a shape has an outline to draw (thresholds have none). */
const hasOutline = (roi) => ["rectangle", "ellipse", "polygon", "area"].includes(roi.type);

/** Douglas and Peucker (1973); tolerance in um, raised until the outline is short enough. */
function simplify(points, tolerance) {
  let kept = points;
  for (let t = tolerance; ; t *= 1.5) {
    kept = thin(points, t);
    if (kept.length <= MOST_VERTICES) return kept.length >= 3 ? kept : points;
  }
}

function thin(points, tolerance) {
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const spans = [[0, points.length - 1]];
  while (spans.length) {
    const [first, last] = spans.pop();
    let worst = tolerance;
    let at = -1;
    for (let i = first + 1; i < last; i += 1) {
      const d = distanceToSegment(points[i], points[first], points[last]);
      if (d > worst) [worst, at] = [d, i];
    }
    if (at > 0) {
      keep[at] = 1;
      spans.push([first, at], [at, last]);
    }
  }
  return points.filter((_, i) => keep[i]);
}

function distanceToSegment([x, y], [xa, ya], [xb, yb]) {
  const dx = xb - xa;
  const dy = yb - ya;
  const length = dx * dx + dy * dy;
  const t = length ? clamp(((x - xa) * dx + (y - ya) * dy) / length, 0, 1) : 0;
  return Math.hypot(x - xa - t * dx, y - ya - t * dy);
}
