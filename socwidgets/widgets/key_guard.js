// JupyterLab's command-mode shortcuts apply to ":focus", so the attribute that switches them off
// must stand on the focused element itself; on an element around it, it comes too late. Lab may
// also look before we hear of a key, so the attribute is set when the element gets the focus. It
// goes away while Ctrl or Cmd is held: pressing that key alone comes before the shortcut, which
// then gets through.
const ATTRIBUTE = "data-lm-suppress-shortcuts";

function render({ model, el }) {
  el.style.display = "none";
  const guard = (event) => {
    const { target } = event;
    const root = el.closest("." + model.get("around"));
    if (!(target instanceof Element) || !root || !root.contains(target)) return;
    if (event.ctrlKey || event.metaKey) target.removeAttribute(ATTRIBUTE);
    else target.setAttribute(ATTRIBUTE, "true");
  };
  const heard = ["keydown", "keyup", "focusin"];
  heard.forEach((name) => window.addEventListener(name, guard, true));
  return () => heard.forEach((name) => window.removeEventListener(name, guard, true));
}

export default { render };
