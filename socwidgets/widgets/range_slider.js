// Two handles on one track. The model's value is only written when a person moves something.

const END_WORDS = ["lower end", "upper end"];

function make(tag, name, parent) {
  const made = document.createElement(tag);
  made.className = name;
  parent.append(made);
  return made;
}

/** A number as `.3f`, `.2e` or `.4g` says, with a true minus sign. */
function words(value, format) {
  const [, digits, kind] = /\.(\d+)([feg])$/.exec(format) ?? [null, "3", "g"];
  const text =
    kind === "f" ? value.toFixed(+digits) : kind === "e" ? value.toExponential(+digits) : String(+value.toPrecision(+digits || 1));
  return text.replace("-", "\u2212");
}

function render({ model, el }) {
  const root = make("div", "socw-range", el);
  const label = make("span", "socw-range-label", root);
  const track = make("div", "socw-range-track", root);
  const bar = make("div", "socw-range-bar", track);
  const handles = END_WORDS.map((_, end) => make("div", `socw-handle socw-handle-${end ? "upper" : "lower"}`, track));
  const readout = make("span", "socw-range-readout", root);
  const abort = new AbortController();
  let drag = null; // { end: 0, 1 or -1 for both, at, from }
  let shown = [0, 1];

  const ends = () => [model.get("min"), model.get("max")];
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function draw() {
    const [least, most] = ends();
    const span = most - least || 1;
    const share = shown.map((value) => 100 * clamp((value - least) / span, 0, 1));
    const disabled = model.get("disabled");
    const format = model.get("readout_format");
    const name = model.get("description");
    label.textContent = name;
    label.style.width = model.get("name_width");
    label.style.display = name ? "" : "none";
    root.title = model.get("tooltip") ?? "";
    root.classList.toggle("is-disabled", disabled);
    bar.style.left = `${share[0]}%`;
    bar.style.width = `${share[1] - share[0]}%`;
    const near = -Math.floor(Math.log10(Math.abs(span) / 200));
    const spoken = format || `.${clamp(Number.isFinite(near) ? near : 3, 0, 6)}f`;
    handles.forEach((handle, end) => {
      const set = (key, value) => handle.setAttribute(key, value);
      handle.style.left = `${share[end]}%`;
      // Two handles on one spot: the one that can still move is on top.
      handle.style.zIndex = end === 0 && share[0] > 50 ? 2 : 1;
      set("role", "slider");
      set("tabindex", disabled ? "-1" : "0");
      set("aria-disabled", String(disabled));
      set("aria-label", `${name || model.get("tooltip") || "Range"}, ${END_WORDS[end]}`);
      set("aria-valuemin", String(end ? shown[0] : least));
      set("aria-valuemax", String(end ? most : shown[1]));
      set("aria-valuenow", String(shown[end]));
      set("aria-valuetext", words(shown[end], spoken));
    });
    readout.style.display = format ? "" : "none";
    readout.textContent = format ? shown.map((value) => words(value, format)).join(" \u2013 ") : "";
  }

  function take() {
    if (drag) return; // what the kernel says is about where the handle was
    shown = [...model.get("value")];
    draw();
  }

  function say(next) {
    if (next[0] === shown[0] && next[1] === shown[1]) return;
    shown = next;
    draw();
    model.set("value", [...shown]);
    model.save_changes();
  }

  /** On a step counted from the lower end; the ends themselves are always there. */
  function onStep(value) {
    const [least, most] = ends();
    const step = model.get("step");
    if (!(step > 0)) return clamp(value, least, most);
    const snapped = least + Math.round((value - least) / step) * step;
    return snapped > most - step / 2 ? most : clamp(snapped, least, most);
  }

  function moveEnd(end, value) {
    const [least, most] = ends();
    const step = model.get("step") || 0;
    const next = [...shown];
    next[end] = end ? clamp(value, Math.min(shown[0] + step, most), most) : clamp(value, least, Math.max(shown[1] - step, least));
    if (next[0] < next[1]) say(next);
  }

  function moveBoth(distance, from) {
    const [least, most] = ends();
    const step = model.get("step") || 1;
    const whole = clamp(Math.round(distance / step) * step, least - from[0], most - from[1]);
    say([from[0] + whole, from[1] + whole]);
  }

  function valueAt(event) {
    const box = track.getBoundingClientRect();
    const [least, most] = ends();
    return least + ((event.clientX - box.left) / (box.width || 1)) * (most - least);
  }

  const on = (target, name, action) => target.addEventListener(name, action, { signal: abort.signal });

  on(track, "pointerdown", (event) => {
    if (model.get("disabled") || event.button) return;
    const value = valueAt(event);
    let end = handles.indexOf(event.target);
    const [least, most] = ends();
    const all = shown[0] <= least && shown[1] >= most;
    const both = event.target === bar && !all;
    if (end < 0 && !both) end = Math.abs(value - shown[0]) <= Math.abs(value - shown[1]) ? 0 : 1;
    drag = { end: both ? -1 : end, at: value, from: [...shown] };
    track.setPointerCapture(event.pointerId);
    event.preventDefault(); // no selection of words
    if (!both) {
      handles[end].focus({ preventScroll: true });
      if (event.target !== handles[end]) moveEnd(end, onStep(value));
      else drag.grip = value - shown[end];
    }
  });
  on(track, "pointermove", (event) => {
    if (!drag) return;
    const value = valueAt(event);
    if (drag.end < 0) moveBoth(value - drag.at, drag.from);
    else moveEnd(drag.end, onStep(value - (drag.grip ?? 0)));
  });
  const release = () => {
    if (!drag) return;
    drag = null;
    take();
  };
  on(track, "pointerup", release);
  on(track, "pointercancel", release);
  on(track, "lostpointercapture", release);

  handles.forEach((handle, end) =>
    on(handle, "keydown", (event) => {
      if (model.get("disabled") || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = model.get("step");
      const [least, most] = ends();
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      const to = { Home: least, End: most }[event.key];
      if (by === undefined && to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      // Beside the step where the value lies beside it: a key moves by one step, never to the next mark.
      moveEnd(end, to ?? clamp(shown[end] + by * (event.shiftKey ? 10 : 1) * step, least, most));
    }),
  );

  const heard = ["min", "max", "step", "value", "description", "tooltip", "name_width", "readout_format", "disabled"];
  heard.forEach((name) => model.on(`change:${name}`, take));
  take();
  return () => {
    heard.forEach((name) => model.off(`change:${name}`, take));
    abort.abort();
  };
}

export default { initialize, render };
