// What the page shows of MAML: the swarm of each stage, again and again, and the race of before and after.

import { t } from "./words.js";
import { drawScene } from "./view/scene.js";
import { signed } from "./view/canvas.js";
import { DT, HORIZON } from "./tasks.js";

const SIZE = 9; // positions of a cheetah
const PACE = { swarm: 3, race: 1.5 }; // times real time

export const stageName = (n) => (n === 0 ? t("before") : n === 1 ? t("afterOne") : t("afterSteps", { n }));

export class SwarmView {
  constructor(elements) {
    this.elements = elements;
    this.clear();
  }

  clear() {
    this.stages = []; // of each: {frames: Float32Array [E * 9] for each step, returns}
    this.moved = null;
    this.showing = { kind: "swarm", stage: 0, time: 0 };
  }

  add(event) {
    const stage = (this.stages[event.stage] ??= { frames: [], returns: null, envSteps: 0 });
    if (event.kind === "step") stage.frames.push(event.positions);
    if (event.kind === "stage") Object.assign(stage, { returns: event.returns, envSteps: event.envSteps });
    if (event.kind === "gradient") this.moved = event.moved;
    if (event.kind === "step" && event.step === 0 && event.stage > 0) this.next = event.stage;
  }

  show(kind, stage) {
    this.showing = { kind, stage, time: 0 };
  }

  /** Draws, `passed` ms after the last drawing. Playing waits where the next step is not computed yet. */
  draw(passed, shape, { still }) {
    const { showing } = this;
    const known = this.runs().map((run) => run.length - 1);
    if (!known.length || Math.min(...known) < 0) return;
    const end = Math.min(...known) * DT;
    showing.time = still ? end : Math.min(end, showing.time + (PACE[showing.kind] * passed) / 1000);
    const runners = this.runners();
    const xs = runners.map(({ positions }) => positions[0]);
    const [low, high] = [Math.min(...xs), Math.max(...xs)];
    drawScene(this.elements.scene, shape, runners, { centre: (low + high) / 2, span: high - low });
    const whole = showing.time >= HORIZON * DT;
    if (whole && this.next > showing.stage && showing.kind === "swarm") this.show("swarm", showing.stage + 1);
    const words = { stage: stageName(showing.stage), time: showing.time.toFixed(1) };
    this.elements.readout.textContent = showing.kind === "race" ? raceWords(runners, words) : t("swarmNow", words);
  }

  runs() {
    const { kind, stage } = this.showing;
    const shown = kind === "race" ? [this.stages[0], this.stages.at(-1)] : [this.stages[stage]];
    return shown.filter(Boolean).map(({ frames }) => frames);
  }

  runners() {
    const { kind, time } = this.showing;
    if (kind === "race") {
      const [first, last] = this.runs();
      return [
        { positions: this.at(first, this.typical(0), time), colour: "soft", label: `■ ${t("before")}` },
        {
          positions: this.at(last, this.typical(this.stages.length - 1), time),
          colour: "maml",
          label: `■ ${stageName(this.stages.length - 1)}`,
        },
      ];
    }
    const [frames] = this.runs();
    const count = frames[0].length / SIZE;
    const one = (_, e) => ({ positions: this.at(frames, e, time), colour: "maml", alpha: e ? 0.3 : 1 });
    return Array.from({ length: count }, one).reverse(); // the first is drawn last, on top
  }

  /** The episode of a stage whose return is the median. */
  typical(stage) {
    const { returns } = this.stages[stage];
    const order = returns.map((value, e) => [value, e]).sort(([a], [b]) => a - b);
    return order[Math.floor(order.length / 2)][1];
  }

  /** The positions [9] of episode `e` at a time, between two steps. */
  at(frames, e, time) {
    const u = Math.min(time / DT, frames.length - 1);
    const i = Math.min(Math.floor(u), Math.max(0, frames.length - 2));
    const [a, b] = [frames[i], frames[Math.min(i + 1, frames.length - 1)]].map((all) => all.subarray(e * SIZE, e * SIZE + SIZE));
    return Array.from(a, (value, n) => value + (u - i) * (b[n] - value));
  }
}

function raceWords([a, b], { time }) {
  const metres = ({ positions }) => signed(positions[0], 1);
  return t("raceNow", { a: metres(a), b: metres(b), time });
}
