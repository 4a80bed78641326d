// Shows a drawing that came as HTML from Python, every text in it escaped there, and tells Python what was clicked.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".bl-pictured");
  if (root.innerHTML !== data.html) root.innerHTML = data.html;
  root.onclick = (event) => {
    const beat = event.target.closest("[data-pick]");
    const axis = event.target.closest("[data-from]");
    if (beat) {
      setTriggerValue("picked", { sample: Number(beat.dataset.pick) });
    } else if (axis) {
      const box = axis.getBoundingClientRect();
      const from = Number(axis.dataset.from), to = Number(axis.dataset.to);
      setTriggerValue("picked", { seconds: from + ((to - from) * (event.clientX - box.left)) / box.width });
    }
  };
}
