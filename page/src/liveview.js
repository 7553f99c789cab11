// What the page shows of PEARL: the running cheetah between two frames, its belief and its speed.

import { t } from "./words.js";
import { signed } from "./view/canvas.js";
import { drawBelief, drawSpeed } from "./view/charts.js";
import { drawScene } from "./view/scene.js";
import { DT, HORIZON } from "./tasks.js";

const KEPT = 10 / DT; // frames: the last ten seconds

export class LiveView {
  constructor(elements) {
    this.elements = elements;
    this.clear();
  }

  clear() {
    this.frames = [];
    this.arrived = 0;
  }

  add(frame) {
    if (this.frames.length && frame.time <= this.frames.at(-1).time) this.clear(); // it started over
    this.frames.push(frame);
    if (this.frames.length > KEPT) this.frames.shift();
    this.arrived = performance.now();
  }

  get last() {
    return this.frames.at(-1);
  }

  /** Draws the moment `now` in ms: the positions between the last two frames. */
  draw(now, shape, { tilt, family, still }) {
    if (!this.frames.length) return;
    const [a, b] = [this.frames.at(-2) ?? this.last, this.last];
    const share = still ? 1 : Math.min(1, Math.max(0, (now - this.arrived) / (DT * 1000)));
    const positions = b.position.map((value, i) => a.position[i] + share * (value - a.position[i]));
    drawScene(this.elements.scene, shape, [{ positions, colour: "pearl" }], { centre: positions[0], tilt });
    if (this.drawn === b) return;
    this.drawn = b;
    drawBelief(this.elements.belief, this.frames);
    drawSpeed(this.elements.speed, this.frames, family);
    this.describe(family);
  }

  describe(family) {
    const frame = this.last;
    const wanted = family === "velocity" ? frame.task.toFixed(1) : t(frame.task > 0 ? "forward" : "backward");
    const [speed, total] = [signed(frame.speed, 1), signed(frame.total)];
    const values = { wanted, speed, total, count: frame.spent % HORIZON };
    let words = t(family === "velocity" ? "readoutVelocity" : "readoutDirection", values);
    if (frame.lie !== null) {
      const lie = family === "velocity" ? ` ${frame.lie.toFixed(1)} m/s` : t(frame.lie > 0 ? "forward" : "backward");
      words += ` ${t("lying", { lie })}`;
    }
    this.elements.readout.textContent = words;
    if (frame.spent % 20 === 0 || !this.labelled) this.label(); // once a second is enough for who reads them
  }

  /** Describes the charts in words. */
  label() {
    this.labelled = this.frames.length > 0;
    if (!this.labelled) return;
    const list = (numbers) => numbers.map((value) => signed(value, 1)).join(", ");
    const { speed, belief } = this.last;
    const { mean, std } = belief;
    this.elements.belief.setAttribute("aria-label", t("beliefAlt", { means: list(mean), stds: list(std) }));
    this.elements.speed.setAttribute("aria-label", t("speedAlt", { speed: signed(speed, 1) }));
  }
}
