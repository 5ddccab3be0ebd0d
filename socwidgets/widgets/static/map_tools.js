// The pointer: one gesture at a time, from press to release.

const CLICK_SLOP = 3; // pixels that a click may wander
const HANDLE_REACH = 8;
const DRAG_TOOLS = ["rectangle", "ellipse", "lasso"];

// -- what lies under the pointer ------------------------------------------------------------

/** Handles of a region: eight around its box, or one on each of a few vertices. */
function handlesOf(view, roi) {
  if (roi.type === "polygon" && roi.vertices.length <= FEW_VERTICES) {
    return roi.vertices.map(([x, y], index) => {
      const [sx, sy] = worldToScreen(view, x, y);
      return { index, sx, sy, round: true, cursor: "move" };
    });
  }
  const box = boxOf(roi);
  const mirrored = Math.sign(view.grid.dx) * Math.sign(view.grid.dy);
  const handles = [];
  for (const hx of [-1, 0, 1]) {
    for (const hy of [-1, 0, 1]) {
      if (!hx && !hy) continue;
      const x = hx < 0 ? box.x0 : hx > 0 ? box.x1 : (box.x0 + box.x1) / 2;
      const y = hy < 0 ? box.y0 : hy > 0 ? box.y1 : (box.y0 + box.y1) / 2;
      const [sx, sy] = worldToScreen(view, x, y);
      const diagonal = hx * hy * mirrored > 0 ? "nwse-resize" : "nesw-resize";
      const cursor = !hx ? "ns-resize" : !hy ? "ew-resize" : diagonal;
      handles.push({ hx, hy, sx, sy, cursor });
    }
  }
  return handles;
}

function handleAt(view, sx, sy) {
  const roi = selectedRegion(view);
  if (!roi || FREE_TOOLS.includes(view.tool)) return null;
  const near = (h) => Math.hypot(h.sx - sx, h.sy - sy) <= HANDLE_REACH;
  const handle = handlesOf(view, roi).find(near);
  return handle ? { ...handle, roi } : null;
}

const selectedRegion = (view) => shownRegions(view).find((roi) => roi.name === view.selected);

/** The region at a point: the selected one first, else the one drawn last. */
function regionAt(view, sx, sy) {
  const [x, y] = screenToWorld(view, sx, sy);
  const hits = shownRegions(view).filter((roi) => containsPoint(roi, x, y));
  return hits.find((roi) => roi.name === view.selected) ?? hits.at(-1);
}

function cursorAt(view, sx, sy) {
  if (!inPort(view, sx, sy)) return "default";
  const handle = handleAt(view, sx, sy);
  if (handle) return handle.cursor;
  if (!["pan", "threshold"].includes(view.tool)) return "crosshair";
  if (regionAt(view, sx, sy)) return "move";
  return view.camera.zoom > 1 ? "grab" : "default";
}

// -- gestures -------------------------------------------------------------------------------

function pressed(view, event) {
  view.canvas.focus({ preventScroll: true });
  if (!view.codes || view.gesture) return;
  const [sx, sy] = placeOf(view, event);
  if (!inPort(view, sx, sy) || (event.button !== 0 && event.button !== 1)) return;
  const gesture = startGesture(view, event, sx, sy);
  if (!gesture) return;
  event.preventDefault();
  view.canvas.setPointerCapture(event.pointerId);
  view.gesture = { sx, sy, start: screenToWorld(view, sx, sy), moved: false, ...gesture };
}

function startGesture(view, event, sx, sy) {
  if (event.button === 1) return { type: "pan", camera: view.camera };
  const handle = handleAt(view, sx, sy);
  if (handle && !view.draft) {
    return { type: handle.round ? "vertex" : "resize", handle, name: handle.roi.name,
             origin: plainShape(handle.roi) };
  }
  if (view.tool === "point") return { type: "point" };
  if (view.tool === "wand") return { type: "wand" };
  if (view.tool === "line") return { type: "line" };
  if (BRUSHES.includes(view.tool)) {
    const points = [screenToWorld(view, sx, sy)];
    view.draft = { stroke: { points, radius: brushRadius(view), erase: view.tool === "eraser" } };
    return { type: "stroke", points };
  }
  if (view.tool === "polygon") return { type: "corner" };
  if (DRAG_TOOLS.includes(view.tool)) return { type: view.tool, points: [screenToWorld(view, sx, sy)] };
  const roi = regionAt(view, sx, sy);
  if (roi) return { type: "move", name: roi.name, origin: plainShape(roi) };
  return { type: "pan", camera: view.camera };
}

function dragged(view, event) {
  const [sx, sy] = placeOf(view, event);
  view.hover = inPort(view, sx, sy) ? [sx, sy] : null;
  const gesture = view.gesture;
  if (!gesture) {
    view.canvas.style.cursor = cursorAt(view, sx, sy);
    if (view.draft?.points && view.hover) view.draft.cursor = screenToWorld(view, sx, sy);
    view.paint();
    return;
  }
  gesture.moved ||= Math.hypot(sx - gesture.sx, sy - gesture.sy) > CLICK_SLOP;
  if (gesture.moved) GESTURES[gesture.type]?.(view, gesture, sx, sy, event);
  view.paint();
}

/** What each gesture does while the pointer moves. */
const GESTURES = {
  pan(view, { camera, sx: x0, sy: y0 }, sx, sy) {
    const k = scaleOf(view);
    view.canvas.style.cursor = "grabbing";
    moveCamera(view, camera.u - (sx - x0) / k, camera.v - (sy - y0) / k);
  },
  point(view, _gesture, sx, sy) {
    view.point = screenToWorld(view, sx, sy);
    const [x, y] = view.point;
    emitLive(view, "point", { x, y });
  },
  move(view, { name, origin, start }, sx, sy) {
    const [x, y] = screenToWorld(view, sx, sy);
    selectRegion(view, name);
    editing(view, name, moveShape(view, origin, x - start[0], y - start[1]));
  },
  resize(view, { name, origin, handle }, sx, sy) {
    const [x, y] = screenToWorld(view, sx, sy);
    const from = boxOf(origin);
    const to = { ...from };
    if (handle.hx) to[handle.hx < 0 ? "x0" : "x1"] = x;
    if (handle.hy) to[handle.hy < 0 ? "y0" : "y1"] = y;
    if (hasArea(view, to)) editing(view, name, fitToBox(origin, from, to));
  },
  vertex(view, { name, origin, handle }, sx, sy) {
    const vertices = origin.vertices.map((p) => [...p]);
    vertices[handle.index] = screenToWorld(view, sx, sy);
    const shape = { type: "polygon", vertices };
    if (hasArea(view, boxOf(shape))) editing(view, name, shape);
  },
  rectangle: (view, gesture, sx, sy, event) => dragBox(view, gesture, sx, sy, event.shiftKey),
  ellipse: (view, gesture, sx, sy, event) => dragBox(view, gesture, sx, sy, event.shiftKey),
  wand(view, gesture, sx) {
    emitLive(view, "grow", wandFields(view, gesture, sx));
  },
  line(view, gesture, sx, sy) {
    view.draft = { line: [gesture.start, screenToWorld(view, sx, sy)] };
    emitLive(view, "line", { points: view.draft.line });
  },
  stroke(view, gesture, _sx, _sy, event) {
    const fresh = event.getCoalescedEvents?.() ?? [];
    for (const e of fresh.length ? fresh : [event]) {
      gesture.points.push(screenToWorld(view, ...placeOf(view, e)));
    }
  },
  lasso(view, gesture, sx, sy, event) {
    const fresh = event.getCoalescedEvents?.() ?? [];
    for (const e of fresh.length ? fresh : [event]) {
      gesture.points.push(screenToWorld(view, ...placeOf(view, e)));
    }
    view.draft = { points: gesture.points };
    if (gesture.points.length > 3) {
      emitLive(view, "live", { shape: lassoShape(view, gesture.points) });
    }
  },
};

function dragBox(view, gesture, sx, sy, square) {
  let [x1, y1] = screenToWorld(view, sx, sy);
  const [x0, y0] = gesture.start;
  if (square) {
    const side = Math.min(Math.abs(x1 - x0), Math.abs(y1 - y0));
    x1 = x0 + Math.sign(x1 - x0) * side;
    y1 = y0 + Math.sign(y1 - y0) * side;
  }
  const box = { x0, y0, x1, y1 };
  view.draft = hasArea(view, box) ? { shape: shapeInBox(gesture.type, box) } : null;
  if (view.draft) emitLive(view, "live", { shape: view.draft.shape });
}

function editing(view, name, shape) {
  view.edit = { name, shape };
  emitLive(view, "live", { name, shape });
}

/** At least a pixel of the screen each way, so that nothing collapses into a line. */
function hasArea(view, { x0, y0, x1, y1 }) {
  const k = scaleOf(view);
  const { sx, sy } = view.grid;
  return Math.abs(x1 - x0) * k * sx >= 1 && Math.abs(y1 - y0) * k * sy >= 1;
}

function lassoShape(view, points) {
  return { type: "polygon", vertices: simplify(points, 0.75 / (scaleOf(view) * Math.max(view.grid.sx, view.grid.sy))) };
}

function released(view, event) {
  const gesture = view.gesture;
  if (!gesture) return;
  const [sx, sy] = placeOf(view, event);
  view.gesture = null;
  if (gesture.moved) finishDrag(view, gesture, sx, sy);
  else clicked(view, gesture, sx, sy);
  view.canvas.style.cursor = cursorAt(view, sx, sy);
  view.paint();
}

function finishDrag(view, gesture, sx, sy) {
  const { draft, edit } = view;
  if (gesture.type === "point") reportPoint(view, sx, sy);
  if (gesture.type === "corner") addCorner(view, sx, sy);
  else view.draft = null;
  view.edit = null;
  if (["wand", "stroke", "line"].includes(gesture.type)) {
    finishFree(view, gesture, sx, draft);
    return;
  }
  if (edit) commit(view, "edit", edit.name, edit.shape);
  else if (draft?.shape) commit(view, "draw", "", draft.shape);
  else if (gesture.type === "lasso") {
    const shape = lassoShape(view, gesture.points);
    if (shape.vertices.length >= 3 && hasArea(view, boxOf(shape))) commit(view, "draw", "", shape);
  }
}

function clicked(view, gesture, sx, sy) {
  if (gesture.type === "line") return;
  if (gesture.type === "stroke") {
    view.draft = null;
    commitStroke(view, gesture.points.slice(0, 1));
    return;
  }
  if (gesture.type === "wand") {
    const [x, y] = gesture.start;
    emit(view, "wand", { x, y, mode: view.mode });
    return;
  }
  if (gesture.type === "point") reportPoint(view, sx, sy);
  else if (gesture.type === "corner") addCorner(view, sx, sy);
  else selectRegion(view, regionAt(view, sx, sy)?.name ?? "");
}

function reportPoint(view, sx, sy) {
  stopLive(view);
  const [x, y] = screenToWorld(view, sx, sy);
  view.model.set("point", [x, y]);
  emit(view, "point", { x, y });
}

// -- polygon by clicks ----------------------------------------------------------------------

function addCorner(view, sx, sy) {
  const points = view.draft?.points ?? [];
  const near = (p, reach) => {
    const [px, py] = worldToScreen(view, ...p);
    return Math.hypot(px - sx, py - sy) <= reach;
  };
  if (points.length >= 3 && near(points[0], HANDLE_REACH)) {
    closePolygon(view);
    return;
  }
  // The second press of a double click adds no second corner in the same place.
  if (points.length && near(points.at(-1), CLICK_SLOP)) return;
  const corner = screenToWorld(view, sx, sy);
  view.draft = { points: [...points, corner], cursor: corner };
  if (view.draft.points.length >= 3) {
    emitLive(view, "live", { shape: { type: "polygon", vertices: view.draft.points } });
  }
}

function closePolygon(view) {
  const vertices = view.draft?.points ?? [];
  view.draft = null;
  stopLive(view);
  if (vertices.length < 3) return;
  const shape = { type: "polygon", vertices };
  if (hasArea(view, boxOf(shape))) commit(view, "draw", "", shape);
}

function doubleClicked(view, event) {
  event.preventDefault();
  if (view.draft?.points) closePolygon(view);
  else if (view.tool !== "polygon") view.camera = { zoom: 1, u: 0, v: 0 };
  view.paint();
}

/** Back to how it was before the press; the kernel hears that no drag goes on any more. */
function cancelGesture(view) {
  const had = Boolean(view.gesture || view.draft || view.edit);
  stopLive(view);
  if (view.draft || view.edit) emit(view, "select", { name: view.selected });
  view.gesture = null;
  view.draft = null;
  view.edit = null;
  view.paint();
  return had;
}

function wheeled(view, event) {
  const [sx, sy] = placeOf(view, event);
  if (!view.codes || !inPort(view, sx, sy) || passingBy(view, event)) return;
  const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  const before = view.camera;
  zoomAbout(view, Math.exp(-event.deltaY * lines * 0.0016), sx, sy);
  // At the end of the zoom the page scrolls on.
  if (view.camera.zoom === before.zoom) return;
  event.preventDefault();
  view.paint();
}

/** A scroll through the page that happens to pass over the map does not zoom it. */
function passingBy(view, event) {
  if (event.ctrlKey || event.metaKey) return false;
  if (event.timeStamp - view.scrolledAt > 250) return false;
  view.scrolledAt = event.timeStamp;
  return true;
}

function placeOf(view, event) {
  const box = view.canvas.getBoundingClientRect();
  // A notebook may be shown scaled: screen pixels back to layout pixels.
  const sx = box.width ? view.stage.w / box.width : 1;
  const sy = box.height ? view.stage.h / box.height : 1;
  return [(event.clientX - box.left) * sx, (event.clientY - box.top) * sy];
}
