// Stands before the text of every module here, in one scope.
//
// anywidget gives a module two seconds to arrive. On a slow page it takes longer, and from then on
// every message of the kernel to that model is thrown away: the view shows what it had and never
// follows again. Here the messages of the kernel go to the model itself, past that wait, and where
// the two seconds were over the model asks for its state once.

/** The model behind the one that a module is given: it is named by its own events. */
function modelBehind(model) {
  let found = null;
  const take = (real) => (found = real);
  const before = model.get("_seen");
  model.on("change:_seen", take);
  model.set("_seen", !before);
  model.set("_seen", before);
  model.off("change:_seen", take);
  return found;
}

function initialize({ model }) {
  const real = modelBehind(model);
  const { comm } = real ?? {};
  if (!comm) return; // no kernel: an exported page
  const waits = real._handle_comm_msg;
  const owner = Object.hasOwn(real.constructor.prototype, "_handle_comm_msg") && real.constructor.prototype;
  const plain = owner && Object.getPrototypeOf(owner)._handle_comm_msg;
  if (!plain) return; // another anywidget, that does not wait
  comm.on_msg(plain.bind(real));
  const nothing = { content: { data: { method: "nothing" } } };
  waits.call(real, nothing).catch(() => comm.send({ method: "request_state" }, real.callbacks()));
}
