// A table of many rows: only those in sight are in the page. Numbers come as one binary block,
// sorting is done here, so that thousands of rows answer at once.

const ROW = 26;
const SPARE = 6;

function numbersOf(model) {
  const data = model.get("_values");
  if (!data || !data.byteLength) return new Float64Array(0);
  const { buffer = data, byteOffset = 0, byteLength } = data;
  return new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

function make(tag, attributes = {}, text = "") {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}

function written(value, column) {
  if (column.kind === "bool") return value ? "yes" : "no";
  if (!Number.isFinite(value)) return "–";
  if (column.digits === 0) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u2009");
  return value.toFixed(column.digits).replace("-", "−");
}

/** Rows in the order of the chosen column; those without a value last, ties by label. */
function sorted(view) {
  const [name, down] = view.model.get("sort");
  const at = Math.max(view.columns.findIndex((c) => c.name === name), 0);
  const { values, width } = view;
  const order = Array.from({ length: width ? values.length / width : 0 }, (_, i) => i);
  const sign = down ? -1 : 1;
  order.sort((a, b) => {
    const [p, q] = [values[a * width + at], values[b * width + at]];
    const [lost, gone] = [Number.isNaN(p), Number.isNaN(q)];
    if (lost || gone) return lost - gone;
    return sign * (p - q) || values[a * width] - values[b * width];
  });
  return order;
}

function read(view) {
  view.columns = view.model.get("columns");
  view.width = view.columns.length;
  view.values = numbersOf(view.model);
  view.order = sorted(view);
}

const labelAt = (view, place) => view.values[view.order[place] * view.width];
const placeOf = (view, label) => view.order.findIndex((r) => view.values[r * view.width] === label);

function drawHead(view) {
  const [name, down] = view.model.get("sort");
  view.head.replaceChildren(
    ...view.columns.map((column) => {
      const here = column.name === name;
      const cell = make("div", { class: "socw-th", role: "columnheader", title: column.help });
      cell.setAttribute("aria-sort", here ? (down ? "descending" : "ascending") : "none");
      const button = make("button", { type: "button", "aria-label": `Sort by ${column.title}` });
      const arrow = here ? (down ? "▼" : "▲") : "";
      button.append(make("span", { class: "socw-arrow", "aria-hidden": "true" }, arrow));
      button.append(make("span", {}, column.title));
      button.addEventListener("click", () => {
        view.model.set("sort", [column.name, here ? !down : column.kind !== "id"]);
        view.model.save_changes();
      });
      cell.append(button);
      return cell;
    }),
  );
  view.grid.style.setProperty("--columns", view.columns.map((c) => `minmax(${c.width}px, 1fr)`).join(" "));
}

function drawRow(view, place) {
  const row = view.order[place];
  const label = labelAt(view, place);
  const chosen = label === view.model.get("selected");
  const node = make("div", {
    class: "socw-tr", role: "row", id: `${view.id}-${label}`, "aria-rowindex": place + 2,
    "aria-selected": chosen, style: `top:${place * ROW}px`, "data-label": label,
  });
  view.columns.forEach((column, i) => {
    const text = written(view.values[row * view.width + i], column);
    node.append(make("div", { class: "socw-td", role: "gridcell" }, text));
  });
  return node;
}

/** Put the rows in sight into the page. */
function drawRows(view) {
  const { body, order } = view;
  view.space.style.height = `${order.length * ROW}px`;
  body.style.height = `${Math.min(view.model.get("height"), Math.max(order.length, 2) * ROW)}px`;
  const first = Math.max(Math.floor(body.scrollTop / ROW) - SPARE, 0);
  const last = Math.min(Math.ceil((body.scrollTop + body.clientHeight) / ROW) + SPARE, order.length);
  const rows = [];
  for (let place = first; place < last; place += 1) rows.push(drawRow(view, place));
  view.space.replaceChildren(...rows);
  view.grid.setAttribute("aria-rowcount", order.length + 1);
  const selected = view.model.get("selected");
  const known = selected > 0 && placeOf(view, selected) >= first;
  if (known) view.body.setAttribute("aria-activedescendant", `${view.id}-${selected}`);
  else view.body.removeAttribute("aria-activedescendant");
  view.note.textContent = order.length
    ? `${order.length.toLocaleString("en").replaceAll(",", "\u2009")} particles` + (selected > 0 ? `, particle ${selected} chosen` : "")
    : view.model.get("empty");
}

/** Bring the chosen row into sight, in the middle if it is far away. */
function reveal(view) {
  const place = placeOf(view, view.model.get("selected"));
  if (place < 0) return;
  const { body } = view;
  const [top, height] = [place * ROW, body.clientHeight];
  if (top >= body.scrollTop && top + ROW <= body.scrollTop + height) return;
  const near = Math.abs(top - body.scrollTop) < 2 * height;
  body.scrollTop = near
    ? (top < body.scrollTop ? top : top + ROW - height)
    : Math.max(top - height / 2, 0);
}

function choose(view, place) {
  if (!view.order.length) return;
  const at = Math.min(Math.max(place, 0), view.order.length - 1);
  view.model.set("selected", labelAt(view, at));
  view.model.save_changes();
}

function keyed(view, event) {
  const place = placeOf(view, view.model.get("selected"));
  const page = Math.max(Math.floor(view.body.clientHeight / ROW) - 1, 1);
  const moves = {
    ArrowDown: place + 1, ArrowUp: place < 0 ? 0 : place - 1, PageDown: place + page,
    PageUp: place - page, Home: 0, End: view.order.length - 1,
  };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  event.stopPropagation();
  if (event.key === "Escape") {
    view.model.set("selected", 0);
    view.model.save_changes();
  } else if (event.key in moves) {
    event.preventDefault();
    choose(view, moves[event.key]);
  }
}

function build(view, el) {
  view.grid = make("div", { class: "socw-table", role: "grid", "aria-label": "Particles" });
  view.scroll = make("div", { class: "socw-table-scroll" });
  view.head = make("div", { class: "socw-thead", role: "row" });
  view.body = make("div", { class: "socw-tbody", tabindex: "0", role: "rowgroup", "data-lm-suppress-shortcuts": "true" });
  view.body.setAttribute("aria-label", "Particles; arrow keys choose, Escape takes the choice away");
  view.space = make("div", { class: "socw-tspace" });
  view.note = make("div", { class: "socw-tnote", role: "status", "aria-live": "polite" });
  view.body.append(view.space);
  view.scroll.append(view.head, view.body);
  view.grid.append(view.scroll);
  el.append(view.grid, view.note);
}

function render({ model, el }) {
  const view = { model, id: `socw-row-${Math.random().toString(36).slice(2, 8)}` };
  build(view, el);
  const all = () => {
    read(view);
    drawHead(view);
    drawRows(view);
  };
  const resort = () => {
    all();
    reveal(view);
    drawRows(view);
  };
  const chosen = () => {
    reveal(view);
    drawRows(view);
  };
  const heard = [["change:_values", all], ["change:columns", all], ["change:sort", resort],
    ["change:selected", chosen], ["change:empty", all]];
  heard.forEach(([name, act]) => model.on(name, act));
  view.body.addEventListener("scroll", () => requestAnimationFrame(() => drawRows(view)), { passive: true });
  view.body.addEventListener("keydown", (event) => keyed(view, event));
  view.body.addEventListener("click", (event) => {
    const row = event.target.closest(".socw-tr");
    if (!row) return;
    const label = Number(row.dataset.label);
    model.set("selected", label === model.get("selected") ? 0 : label);
    model.save_changes();
  });
  const size = new ResizeObserver(() => drawRows(view));
  size.observe(view.body);
  all();
  reveal(view);
  return () => {
    size.disconnect();
    heard.forEach(([name, act]) => model.off(name, act));
  };
}

export default { initialize, render };
