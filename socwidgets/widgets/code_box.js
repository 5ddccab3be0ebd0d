// Python text with a button that copies it.
function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "socw-code";
  const text = document.createElement("pre");
  text.tabIndex = 0;
  text.setAttribute("aria-label", "Python call that does the same");
  text.setAttribute("data-lm-suppress-shortcuts", "true");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "socw-code-copy";
  button.title = "Copy this text";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  said.className = "socw-code-said";
  button.textContent = "Copy as code";
  box.append(button, said, text);
  el.append(box);
  const copy = async () => {
    const value = model.get("value");
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      // Without https the clipboard is closed: select the text, so that Ctrl+C copies it.
      const range = document.createRange();
      range.selectNodeContents(text);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      said.textContent = "Selected: press Ctrl+C";
      return;
    }
    said.textContent = "Copied";
    setTimeout(() => { said.textContent = ""; }, 2500);
  };
  button.addEventListener("click", copy);
  const fill = () => { text.textContent = model.get("value"); };
  model.on("change:value", fill);
  fill();
  return () => model.off("change:value", fill);
}

export default { initialize, render };
