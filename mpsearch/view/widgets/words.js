// A line of text that screen readers read out when it changes. Its element stays and only the text changes: an element
// that is replaced is often not announced.

const PATIENCE = 3000; // ms without an answer until the reader is told
const SILENCE = "Python has not answered: it is busy, or it was restarted; then run this cell again.";

function render({ model, el }) {
  const line = document.createElement("p");
  const role = model.get("role");
  line.setAttribute("role", role);
  line.setAttribute("aria-live", role === "alert" ? "assertive" : "polite");
  line.className = `mpsearch-${role}`;
  el.append(line);

  let waiting = null;
  const show = () => { line.textContent = model.get("value"); };
  const answered = () => {
    clearTimeout(waiting);
    waiting = null;
    show();
  };
  // After a restart the explorer's controls would move and do nothing, so its reader is told if nothing comes back.
  const ask = () => {
    if (role !== "alert" || waiting) return;
    waiting = setTimeout(() => { line.textContent = SILENCE; }, PATIENCE);
    model.send("are you there?");
  };
  const usesIt = (event) => line.closest(".mpsearch-explorer")?.contains(event.target);
  const askIfUsed = (event) => { if (usesIt(event)) ask(); };
  // Jupyter Notebook would take Enter and the arrow keys for itself.
  const keepKeys = (event) => { if (usesIt(event)) event.target.dataset.lmSuppressShortcuts = "true"; };
  model.on("change:value", show);
  model.on("msg:custom", answered);
  model.on("comm_live_update", ask); // JupyterLab noticed a restart
  const deeds = ["click", "change", "keyup", "pointerup"];
  document.addEventListener("focusin", keepKeys);
  for (const deed of deeds) document.addEventListener(deed, askIfUsed, true);
  show();
  return () => {
    clearTimeout(waiting);
    model.off("change:value", show);
    model.off("msg:custom", answered);
    model.off("comm_live_update", ask);
    document.removeEventListener("focusin", keepKeys);
    for (const deed of deeds) document.removeEventListener(deed, askIfUsed, true);
  };
}

export default { render };
