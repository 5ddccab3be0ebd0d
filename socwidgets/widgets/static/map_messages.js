// What is told to the kernel. Custom messages with a sequence number, never trait changes.

const LIVE_MS = 60;
const LIVE_PATIENCE_MS = 1000; // no answer to a live message for so long: send another one

function emit(view, kind, fields = {}) {
  view.seq += 1;
  const plain = { name: "", shape: null, x: null, y: null };
  view.model.send({ type: "map_event", view: view.id, seq: view.seq, kind, ...plain, ...fields });
  return view.seq;
}

/** Tell the kernel of a drag that goes on: at most every 60 ms, and one message in flight. */
function emitLive(view, kind, fields) {
  const live = view.live;
  live.next = { kind, fields };
  if (live.timer) return;
  const now = performance.now();
  const busy = live.seq > view.acked && now - live.at < LIVE_PATIENCE_MS;
  const wait = busy ? LIVE_MS : Math.max(0, LIVE_MS - (now - live.at));
  live.timer = setTimeout(() => {
    live.timer = 0;
    const next = live.next;
    if (!next) return;
    if (live.seq > view.acked && performance.now() - live.at < LIVE_PATIENCE_MS) {
      emitLive(view, next.kind, next.fields);
      return;
    }
    live.next = null;
    live.at = performance.now();
    live.seq = emit(view, next.kind, next.fields);
  }, wait);
}

function stopLive(view) {
  clearTimeout(view.live.timer);
  view.live.timer = 0;
  view.live.next = null;
}

/** Send a finished change and keep showing it until the kernel has answered. */
function commit(view, kind, name, shape) {
  stopLive(view);
  const mode = kind === "draw" ? view.mode : "new";
  const seq = emit(view, kind, { name, shape, mode });
  view.pending = view.pending.filter((p) => !name || p.name !== name);
  view.pending.push({ seq, name, shape });
  view.paint();
}

function chooseMode(view, mode) {
  view.mode = mode;
  view.model.set("mode", mode); // all views of this model at once; the kernel follows
  emit(view, "mode", { name: mode });
  view.paint();
}

function chooseTool(view, tool) {
  cancelGesture(view);
  view.model.set("tool", tool); // all views of this model at once; the kernel follows
  emit(view, "tool", { name: tool });
}

function selectRegion(view, name) {
  if (name === view.selected) return;
  view.selected = name;
  view.model.set("selected", name);
  emit(view, "select", { name });
}

function deleteSelected(view) {
  if (!view.selected) return;
  commit(view, "delete", view.selected, null);
}
