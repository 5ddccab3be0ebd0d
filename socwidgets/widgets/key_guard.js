// JupyterLab's command-mode shortcuts apply to ":focus", so the attribute that switches them off
// must stand on the focused element itself; on an element around it, it comes too late. Lab may
// also look before we hear of a key, so the attribute is set when the element gets the focus. It
// goes away while Ctrl or Cmd is held: pressing that key alone comes before the shortcut, which
// then gets through.
const ATTRIBUTE = "data-lm-suppress-shortcuts";

// Parts of controls that ipywidgets leaves without a name: handles and numbers of sliders, fields
// that have a tooltip and no label.
const NAMELESS = ".noUi-handle, .widget-readout, input, textarea, select";
const NAMING_MS = 400;

function nameOf(part) {
  const control = part.closest(".jupyter-widgets");
  const label = control?.querySelector(".widget-label")?.textContent.trim();
  const hidden = control?.querySelector(".widget-label")?.title;
  const words = label || part.title || hidden || part.closest("[title]")?.title || "";
  if (part.classList.contains("noUi-handle-upper")) return `${words}, upper end`;
  const range = part.closest(".noUi-base")?.querySelectorAll(".noUi-handle").length > 1;
  return range ? `${words}, lower end` : words;
}

function nameParts(root) {
  for (const part of root.querySelectorAll(NAMELESS)) {
    const named = [...(part.labels ?? [])].some((label) => label.textContent.trim());
    if (named || part.getAttribute("aria-label")) continue;
    const words = nameOf(part);
    if (words) part.setAttribute("aria-label", words);
  }
}

function render({ model, el }) {
  el.style.display = "none";
  const around = () => el.closest("." + model.get("around"));
  const guard = (event) => {
    const { target } = event;
    const root = around();
    if (!(target instanceof Element) || !root || !root.contains(target)) return;
    if (event.ctrlKey || event.metaKey) target.removeAttribute(ATTRIBUTE);
    else target.setAttribute(ATTRIBUTE, "true");
  };
  const heard = ["keydown", "keyup", "focusin"];
  heard.forEach((name) => window.addEventListener(name, guard, true));
  // Views come and go; plots change all the time, and one look after a while is enough.
  let timer = 0;
  const look = () => {
    timer = 0;
    const root = around();
    if (root) nameParts(root);
  };
  const soon = () => (timer ||= setTimeout(look, NAMING_MS));
  const observer = new MutationObserver(soon);
  const start = setTimeout(() => {
    const root = around();
    if (root) observer.observe(root, { childList: true, subtree: true });
    soon();
  }, 0);
  return () => {
    heard.forEach((name) => window.removeEventListener(name, guard, true));
    observer.disconnect();
    clearTimeout(timer);
    clearTimeout(start);
  };
}

export default { initialize, render };
