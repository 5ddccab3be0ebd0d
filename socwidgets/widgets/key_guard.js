// JupyterLab listens for keys on the document, in the capture phase, and leaves those alone whose
// target lies inside an element with this attribute. The window hears a key even before the
// document does, so the attribute is set there, key by key.
const ATTRIBUTE = "data-lm-suppress-shortcuts";

function isOurs(event) {
  if (event.ctrlKey || event.metaKey) {
    return ["z", "y"].includes(event.key.toLowerCase());
  }
  return true;
}

function render({ model, el }) {
  el.style.display = "none";
  const onKey = (event) => {
    const root = el.closest("." + model.get("around"));
    if (!root || !(event.target instanceof Node) || !root.contains(event.target)) {
      return;
    }
    if (isOurs(event)) {
      root.setAttribute(ATTRIBUTE, "true");
    } else {
      root.removeAttribute(ATTRIBUTE);
    }
  };
  window.addEventListener("keydown", onKey, true);
  return () => window.removeEventListener("keydown", onKey, true);
}

export default { render };
