// The keyboard does all that the mouse does.

const KEY_COMMIT_MS = 350; // a run of arrow keys is one change, and one step of the undo
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOL_KEYS = { v: "pan", p: "point", r: "rectangle", e: "ellipse", g: "polygon", l: "lasso",
                    n: "line", w: "wand", t: "threshold", b: "brush", x: "eraser" };

function keyPressed(view, event) {
  // JupyterLab would take a letter for a command and insert or delete cells.
  event.stopPropagation();
  if (event.target !== view.canvas || !view.codes) {
    if (event.key === "Escape") cancelGesture(view);
    return;
  }
  const modified = event.ctrlKey || event.metaKey;
  const done = modified ? undoKey(view, event) : event.altKey ? false : plainKey(view, event);
  if (done) event.preventDefault();
}

function undoKey(view, event) {
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return false;
  flushKeys(view);
  emit(view, key === "y" || event.shiftKey ? "redo" : "undo");
  return true;
}

function plainKey(view, event) {
  const arrow = ARROWS[event.key];
  if (arrow) return arrowKey(view, arrow, event.shiftKey);
  const middle = [view.port.x + view.port.w / 2, view.port.y + view.port.h / 2];
  switch (event.key) {
    case "Enter":
      return enterKey(view);
    case "Escape":
      clearTimeout(view.keyTimer);
      view.keyTimer = 0;
      return cancelGesture(view);
    case "Delete":
    case "Backspace":
      if (view.draft?.points) view.draft.points = view.draft.points.slice(0, -1);
      else deleteSelected(view);
      if (view.draft?.points?.length === 0) view.draft = null;
      view.paint();
      return true;
    case "+":
    case "=":
      zoomAbout(view, 1.5, ...middle);
      break;
    case "-":
      zoomAbout(view, 1 / 1.5, ...middle);
      break;
    case "[":
    case "]":
      view.model.set("brush_um", brushRadius(view) * (event.key === "]" ? 1.25 : 0.8));
      emit(view, "brush", { radius: brushRadius(view) });
      break;
    case "0":
      view.camera = { zoom: 1, u: 0, v: 0 };
      break;
    default: {
      const tool = TOOL_KEYS[event.key.toLowerCase()];
      if (tool && !view.gesture) chooseTool(view, tool);
      return Boolean(tool);
    }
  }
  view.paint();
  return true;
}

/** Closes a polygon; commits a run of arrows; else a new shape in the middle of the view. */
function enterKey(view) {
  if (view.draft?.points) closePolygon(view);
  else if (view.edit && !view.gesture) flushKeys(view);
  else if (view.tool === "wand" && !view.gesture) {
    const { x, y, w, h } = view.port;
    const at = view.point.length ? view.point : screenToWorld(view, x + w / 2, y + h / 2);
    emit(view, "wand", { x: at[0], y: at[1], mode: view.mode });
  } else if (["rectangle", "ellipse"].includes(view.tool) && !view.gesture) {
    const { x, y, w, h } = view.port;
    const [x0, y0] = screenToWorld(view, x + w * 0.375, y + h * 0.375);
    const [x1, y1] = screenToWorld(view, x + w * 0.625, y + h * 0.625);
    commit(view, "draw", "", shapeInBox(view.tool, { x0, y0, x1, y1 }));
  }
  return true;
}

/** Arrows move the point of the point tool, else the selected region, else the view. */
function arrowKey(view, [right, down], shift) {
  if (view.gesture) return true;
  const { grid } = view;
  if (view.tool === "point" && view.point.length === 2) {
    const [u, v] = worldToMap(grid, ...view.point);
    const un = clamp(u + right * grid.px, grid.px / 2, grid.width - grid.px / 2);
    const vn = clamp(v + down * grid.py, grid.py / 2, grid.height - grid.py / 2);
    const [x, y] = mapToWorld(grid, un, vn);
    view.model.set("point", [x, y]);
    emitLive(view, "point", { x, y });
    return true;
  }
  const roi = selectedRegion(view);
  if (!roi) {
    const { u, v, zoom } = view.camera;
    const stride = 0.1 / zoom;
    moveCamera(view, u + right * stride * grid.width, v + down * stride * grid.height);
    view.paint();
    return true;
  }
  const shape = shift ? grown(view, roi, right, down) : nudged(view, roi, right, down);
  if (!shape) return true;
  editing(view, roi.name, shape);
  clearTimeout(view.keyTimer);
  view.keyTimer = setTimeout(() => flushKeys(view), KEY_COMMIT_MS);
  view.paint();
  return true;
}

const nudged = (view, roi, right, down) =>
  moveShape(view, plainShape(roi), right * view.grid.dx, down * view.grid.dy);

/** One pixel wider (right, down) or narrower (left, up); the other edges stay. */
function grown(view, roi, right, down) {
  const { dx, dy, px, py } = view.grid;
  const from = boxOf(roi);
  const to = { ...from };
  to[dx > 0 ? "x1" : "x0"] += right * dx;
  to[dy > 0 ? "y1" : "y0"] += down * dy;
  if (to.x1 - to.x0 < px / 2 || to.y1 - to.y0 < py / 2) return null;
  return fitToBox(plainShape(roi), from, to);
}

/** Send what the arrows have done so far. */
function flushKeys(view) {
  clearTimeout(view.keyTimer);
  view.keyTimer = 0;
  if (!view.edit || view.gesture) return;
  const { name, shape } = view.edit;
  view.edit = null;
  commit(view, "edit", name, shape);
}
