// A line of text that screen readers read out when it changes. The element stays the same and only its text changes,
// because screen readers often do not announce a new element.

const PATIENCE = 3000; // ms to wait for Python's answer before a message says that there is none
function render({ model, el }) {
  const line = document.createElement("p");
  const role = model.get("role");
  line.setAttribute("role", role);
  line.setAttribute("aria-live", role === "alert" ? "assertive" : "polite");
  line.className = `mpsearch-${role}`;
  el.append(line);

  const said = model.get("said");
  const silence = say(
    said, "Python has not answered: it is busy, or it was restarted. If it was restarted, run this cell again.");
  let waiting = null;
  const show = () => { line.textContent = model.get("value"); };
  const answered = () => {
    clearTimeout(waiting);
    waiting = null;
    show();
  };
  // After a restart of the kernel the controls still move but have no effect. So ask Python for an answer, and show a
  // message if none arrives.
  const ask = () => {
    if (role !== "alert" || waiting) return;
    waiting = setTimeout(() => { line.textContent = silence; }, PATIENCE);
    model.send("are you there?");
  };
  const usesIt = (event) => line.closest(".mpsearch-explorer")?.contains(event.target);
  const askIfUsed = (event) => { if (usesIt(event)) ask(); };
  // The attribute stops Jupyter Notebook from using Enter and the arrow keys as its own shortcuts.
  const keepKeys = (event) => { if (usesIt(event)) event.target.dataset.lmSuppressShortcuts = "true"; };
  model.on("change:value", show);
  model.on("msg:custom", answered);
  model.on("comm_live_update", ask); // JupyterLab sends this after a restart of the kernel
  const events = ["click", "change", "keyup", "pointerup"];
  document.addEventListener("focusin", keepKeys);
  for (const event of events) document.addEventListener(event, askIfUsed, true);
  show();
  return () => {
    clearTimeout(waiting);
    model.off("change:value", show);
    model.off("msg:custom", answered);
    model.off("comm_live_update", ask);
    document.removeEventListener("focusin", keepKeys);
    for (const event of events) document.removeEventListener(event, askIfUsed, true);
  };
}

export default { render };
