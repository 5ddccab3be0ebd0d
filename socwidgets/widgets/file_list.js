// A list of files and folders of the kernel's machine: arrows move, Enter or a double click opens,
// Backspace goes up, letters jump to a name. The browser never sees the files themselves.

function entry(view, item, index) {
  const row = document.createElement("div");
  row.className = `socw-file socw-file-${item.kind}`;
  row.id = `${view.id}-${index}`;
  row.setAttribute("role", "option");
  row.dataset.index = String(index);
  const icon = document.createElement("span");
  icon.className = "socw-file-icon";
  icon.setAttribute("aria-hidden", "true");
  icon.textContent = item.kind === "folder" ? "▸" : item.kind === "known" ? "●" : "○";
  const name = document.createElement("span");
  name.className = "socw-file-name";
  name.textContent = item.kind === "folder" ? `${item.name}/` : item.name;
  const note = document.createElement("span");
  note.className = "socw-file-note";
  note.textContent = item.note;
  row.append(icon, name, note);
  return row;
}

function render({ model, el }) {
  const view = { id: `socw-files-${Math.random().toString(36).slice(2, 8)}`, typed: "", at: 0 };
  const list = document.createElement("div");
  list.className = "socw-files";
  list.tabIndex = 0;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", model.get("label"));
  list.setAttribute("data-lm-suppress-shortcuts", "true");
  list.style.height = `${model.get("height")}px`;
  el.append(list);

  const entries = () => model.get("entries");
  const place = () => entries().findIndex((item) => item.name === model.get("chosen"));
  const mark = () => {
    const at = place();
    for (const row of list.children) row.setAttribute("aria-selected", String(Number(row.dataset.index) === at));
    if (at < 0) return list.removeAttribute("aria-activedescendant");
    list.setAttribute("aria-activedescendant", `${view.id}-${at}`);
    list.children[at].scrollIntoView({ block: "nearest" });
  };
  const fill = () => {
    list.replaceChildren(...entries().map((item, index) => entry(view, item, index)));
    if (!entries().length) {
      const empty = document.createElement("div");
      empty.className = "socw-file-note";
      empty.textContent = model.get("empty");
      list.append(empty);
    } else mark();
    list.scrollTop = 0;
  };
  const choose = (index) => {
    const items = entries();
    if (!items.length) return;
    model.set("chosen", items[Math.min(Math.max(index, 0), items.length - 1)].name);
    model.save_changes();
  };
  const open = (index) => {
    if (index >= 0) model.send({ type: "open", name: entries()[index].name });
  };
  const jump = (letter) => {
    view.typed = Date.now() - view.at < 800 ? view.typed + letter : letter;
    view.at = Date.now();
    const found = entries().findIndex((item) => item.name.toLowerCase().startsWith(view.typed.toLowerCase()));
    if (found >= 0) choose(found);
  };
  const keyed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const at = place();
    const moves = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: entries().length - 1, PageDown: at + 8, PageUp: at - 8 };
    if (event.key in moves) choose(moves[event.key]);
    else if (event.key === "Enter") open(at);
    else if (event.key === "Backspace") model.send({ type: "up" });
    else if (event.key.length === 1) jump(event.key);
    else return;
    event.preventDefault();
  };
  const indexOf = (event) => Number(event.target.closest(".socw-file")?.dataset.index ?? -1);
  list.addEventListener("keydown", keyed);
  list.addEventListener("click", (event) => indexOf(event) >= 0 && choose(indexOf(event)));
  list.addEventListener("dblclick", (event) => open(indexOf(event)));
  const heard = [["change:entries", fill], ["change:chosen", mark]];
  heard.forEach(([name, act]) => model.on(name, act));
  fill();
  return () => heard.forEach(([name, act]) => model.off(name, act));
}

export default { initialize, render };
