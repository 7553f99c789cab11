# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own tasks, and more machines
#
# **After this lesson you can**
#
# 1. write a task distribution in thirty lines, or make one from a gymnasium environment in twelve,
# 2. have it diagnosed before you train, and mend what the diagnosis says,
# 3. read from the metrics which of four faults a training has,
# 4. train in several processes, and say what a hundred machines would bring,
# 5. find your way in the field and its tools, and check a project of your own by a rubric.
#
# **Time:** two sittings: about 55 minutes for all but the larger exercise of section 4, and 20 for that. The capstone
# of section 8 is a project of your own, for another day. **Builds on:** lessons 08 (Which one, when?) and 09 (Five
# applications). Code that only draws or prints is folded away.

# %%
import inspect
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import gymnasium
import matplotlib.pyplot as plt
import numpy as np

from mpsearch import MAML, PEARL, Batch, GymnasiumTasks, MAMLConfig, PEARLConfig, TaskDistribution
from mpsearch.diagnosis import check_family, report
from mpsearch.evaluation import difference, evaluate, held_out
from mpsearch.exercises import lesson_10 as exercises
from mpsearch.view import plots
from mpsearch.view.widgets import AdaptationExplorer

SEED = 0

# %% [markdown]
# ## 1. A family in thirty lines
#
# A hotel shower. Each guest likes another temperature, and nobody says which. *What varies* is that one number. *What
# is shared* is the tap: an action in [-1, 1] aims at 32 to 44 degrees, and the water follows with a delay. *What is
# seen* is the temperature. The *reward* is how far off it is, with a minus.
#
# A family is two classes. The **distribution** declares sizes, names and ranges. The **batch** simulates $K$ guests
# with $E$ episodes each, all at once: every array begins with the axes [K, E].


# %%
class FirstShower(TaskDistribution):
    """A shower. Task: the temperature that this guest likes, in degrees C."""

    id = "shower"
    horizon, observation_dim, action_dim = 30, 1, 1
    parameter_names = ("liked",)
    low, high = np.array([34.0]), np.array([42.0])

    def make_batch(self, tasks, episodes, *, threads=0):
        return FirstWater(self.check(tasks), episodes, action_dim=1)


class FirstWater(Batch):
    """K x E showers with water of `warmth` [K, E] in degrees C."""

    def _reset(self, rng):
        self.warmth = rng.normal(38.0, 1.0, self.shape)

    def _step(self, actions):
        aim = 38.0 + 6.0 * actions[..., 0]
        self.warmth = self.warmth + 0.5 * (aim - self.warmth)
        return -np.abs(self.warmth - self.tasks[:, 0]) / 4

    def observe(self):
        return self.warmth[..., None]

    positions = observe


# %% [markdown]
# Now one could train for an hour, and wonder. Or ask first: `mpsearch check FAMILY` on the command line, where FAMILY
# may be `my_file.py:MyClass`, or here:

# %%
broken = check_family(FirstShower(), seed=SEED)
print(broken[-1].name, "FAIL:", broken[-1].detail.rpartition(" (")[0])
assert not broken[-1].ok

# %% [markdown]
# The checks of the **contract** end at the first one that fails: it is an error in `_step`, with shapes (3, 2) and
# (3,).
#
# ### Exercise 1: find the bug
#
# This is the line of `_step`, alone. It must give the reward [K, E] of each shower for *its* guest. When would it
# not even have raised an error?


# %% tags=["exercise"]
def comfort(warmth, tasks):
    """The rewards [K, E] of water of this warmth [K, E] for guests who like tasks [K, 1]."""
    # begin solution: comfort
    return -np.abs(warmth - tasks[:, :1]) / 4
    # stub
    # return -np.abs(warmth - tasks[:, 0]) / 4
    # end solution


# %% tags=["check"]
exercises.comfort.check(comfort)
# exercises.comfort.hint()
# exercises.comfort.solution()

# %% [markdown]
# ## 2. Mend what the diagnosis says
#
# With this line mended the contract holds, and the diagnosis goes on. It looks for what makes learning hard or
# useless. Here it has one thing to say:


# %%
class Water(FirstWater):
    def _step(self, actions):
        aim = 38.0 + 6.0 * actions[..., 0]
        self.warmth = self.warmth + 0.5 * (aim - self.warmth)
        return -np.abs(self.warmth - self.tasks[:, :1]) / 4


class SecondShower(FirstShower):
    def make_batch(self, tasks, episodes, *, threads=0):
        return Water(self.check(tasks), episodes, action_dim=1)


# %%
notes = [finding for finding in check_family(SecondShower(), seed=SEED) if not finding.ok]
print(*(f"note: {note.name}: {note.detail}\n-> {note.advice}" for note in notes), sep="\n")
assert [note.name for note in notes] == ["observations"]

# %% [markdown]
# Networks want numbers of order one. The advice, a scale of 38 by which the policy divides, would satisfy the check,
# and you should see further than it: $38 \pm 4$ divided by 38 is $1 \pm 0.1$, and what matters is in the small part.
# Subtract first:


# %%
class Shower(FirstShower):
    """A shower. Task: the temperature that this guest likes, 34 to 42 degrees C.

    Observation: the water's temperature, from 38 degrees, in units of 4 degrees. Action: the tap. Reward: minus the
    difference to what the guest likes, in units of 4 degrees.
    """

    def make_batch(self, tasks, episodes, *, threads=0):
        return CentredWater(self.check(tasks), episodes, action_dim=1)


class CentredWater(Water):
    def observe(self):
        return (self.warmth[..., None] - 38.0) / 4.0

    positions = observe


# %%
findings = check_family(Shower(), seed=SEED)
print(report(findings))
assert all(finding.ok for finding in findings)

# %% [markdown]
# Read the last three lines of the table. *Tasks can be told*: a small probe names the guest from transitions, and its
# control, with shuffled guests, cannot. *One policy*: the best behaviour for each guest, against the best single one.
# The distance between these two numbers is what adapting can be worth.
#
# ### A family from gymnasium
#
# Any environment with continuous actions becomes a family by a function `make(task)`: a pendulum of unknown mass and
# length.


# %%
def make(task):
    env = gymnasium.make("Pendulum-v1")
    env.unwrapped.m, env.unwrapped.l = task
    return env


pendulum = GymnasiumTasks(
    make,
    low=[0.5, 0.5],
    high=[2.0, 1.5],
    parameter_names=["mass", "length"],
    id="pendulum",
    horizon=100,
)
found = check_family(pendulum, seed=SEED)
print(found[-1].name, "-", "ok:" if found[-1].ok else "note:", found[-1].detail)
assert all(finding.ok for finding in found if finding.needed)

# %% [markdown]
# Nothing is broken. But compare *the best for each task* with *the best single one*: they are close. Among random
# behaviours at least, one does for all pendulums, and that is no promise of a large gain. The shower had a wide gap.
#
# ## 3. Train, and evaluate with intervals
#
# Both algorithms, seconds each, at a size that suits the family: 30 steps need a short discount and small networks.

# %%
MAML_SETTINGS = {"tasks_per_iteration": 20, "episodes": 10, "discount": 0.9, "hidden": (16, 16)}
PEARL_SETTINGS = {
    "training_tasks": 40,
    "tasks_per_iteration": 10,
    "gradient_steps": 50,
    "hidden": (64, 64),
    "encoder_hidden": (32, 32),
    "latent": 2,
    "context": 60,
    "least_context": 5,
    "kl_weight": 0.1,
    "discount": 0.8,
    "rate": 3e-3,
    "evaluate_every": 1000,
}


def train(kind, family, iterations, **settings):
    """A trained agent, and its records of metrics, one an iteration."""
    config, given = (MAMLConfig, MAML_SETTINGS) if kind is MAML else (PEARLConfig, PEARL_SETTINGS)
    agent, records = kind(family, config(**{**given, **settings})), []
    agent.train(iterations, seed=SEED, progress=False, callback=records.append)
    return agent, records


maml, maml_records = train(MAML, Shower(), 12)
pearl, pearl_records = train(PEARL, Shower(), 14)
average, _ = train(MAML, Shower(), 12, inner_steps=0, shared_scale=True)

# %%
guests = held_out(Shower(), 12)
results = {
    "average policy": evaluate(average, guests, range(5), steps=0),
    "MAML": evaluate(maml, guests, range(5), steps=1),
    "PEARL": evaluate(pearl, guests, range(5)),
}
for name, result in results.items():
    low, high = result.interval()[-1]
    print(f"{name:<15} first {result.mean[0]:6.1f}, last {result.mean[-1]:6.1f} [{low:.1f}, {high:.1f}]", end="")
    print(f", worst {result.worst[-1]:.1f}, {result.env_steps[-1]:,.0f} steps")
gap, low, high = difference(results["MAML"], results["average policy"])
print(f"MAML above the average policy by {gap:.1f} [{low:.1f}, {high:.1f}], other guests drawn")
assert low > 0

# %% [markdown]
# The first interval is over seeds, on these guests; the last is over guests (lesson 08). Both are of *one* training.
# Look at PEARL's worst, too: after so short a training some guests freeze. A claim about the recipes would need more
# trainings, and longer ones.
#
# The explorer of the earlier lessons takes any family. **Move the guest**, and press Run. Does MAML's step help with
# every guest? And with whom does PEARL freeze, or burn?

# %%
AdaptationExplorer(maml, pearl, steps=1)

# %% [markdown]
# ## 4. Read the curve
#
# A training that goes wrong rarely stops with an error. It draws a flat line. Four faults, each made on purpose:
#
# - **A dead gradient.** A cold morning: the pipes are slow, and a guest only says "good" within half a degree. No
#   episode gets there, all rewards are 0, and so are all advantages.
# - **An exploding ratio.** The clipped outer loop (`outer="clipped"`) has no trust region that says no, and here its
#   rate is a thousand times too large. The gradient is right for the old policy, and $\pi_{new} / \pi_{old}$ runs away.
# - **A dead belief.** PEARL's bottleneck weighs too much: to say nothing is cheapest.
# - **A task that cannot be told apart.** The guest mumbles: noise drowns what she says.


# %%
class Cold(CentredWater):
    def _reset(self, rng):
        self.warmth = np.full(self.shape, 10.0)

    def _step(self, actions):
        self.warmth = self.warmth + 0.03 * (38.0 + 6.0 * actions[..., 0] - self.warmth)
        return (np.abs(self.warmth - self.tasks[:, :1]) < 0.5).astype(float)


class Mumbled(CentredWater):
    def _reset(self, rng):
        super()._reset(rng)
        self.noise = rng.spawn(1)[0]

    def _step(self, actions):
        return super()._step(actions) + self.noise.normal(0.0, 30.0, self.shape)


def shower_of(kind):
    """The family of showers with this batch."""
    make_batch = lambda self, tasks, episodes, *, threads=0: kind(self.check(tasks), episodes, 1)  # noqa: E731
    return type(f"{kind.__name__}Shower", (Shower,), {"make_batch": make_batch})()


curves = {
    "healthy MAML": maml_records,
    "dead gradient": train(MAML, shower_of(Cold), 6)[1],
    "exploding ratio": train(MAML, Shower(), 6, outer="clipped", outer_rate=1.0)[1],
    "cannot be told": train(MAML, shower_of(Mumbled), 10)[1],
    "healthy PEARL": pearl_records,
    "dead belief": train(PEARL, Shower(), 12, kl_weight=30.0)[1],
}


# %% jupyter={"source_hidden": true}
def tail(records, name):
    """The mean of a metric over the last five records; lists are summed first."""
    return float(np.mean([np.sum(record[name]) for record in records[-5:]]))


print(f"{'last five iterations':<22}{'before':>8}{'after':>8}{'loss improves by':>18}{'KL of the belief':>18}")
signs = {}
for name, records in curves.items():
    sign = "loss_improvement" if "loss_improvement" in records[0] else "kl"
    signs[name] = {key: tail(records, key) for key in ("before", "after", sign)}
    print(f"{name:<22}{signs[name]['before']:8.1f}{signs[name]['after']:8.1f}", end="")
    print(f"{signs[name][sign]:18.4f}" if sign != "kl" else f"{signs[name][sign]:36.3f}")

_, places = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
for name, records in curves.items():
    iterations = [record["iteration"] for record in records]
    if "loss_improvement" in records[0]:
        (line,) = places[0].plot(iterations, [record["after"] for record in records], label=name, marker=".")
        places[0].plot(iterations, [record["before"] for record in records], ":", color=line.get_color())
    else:
        places[1].plot(iterations, [np.sum(record["kl"]) for record in records], label=name, marker=".")
places[0].set(title="MAML: before (dotted) and after", xlabel="iteration", ylabel="return")
places[1].set(title="PEARL: KL of the belief, summed over z", xlabel="iteration", ylabel="nats", yscale="log")
for place in places:
    place.legend(frameon=False, fontsize=8)
told = "; ".join(f"{name} {sign['before']:.1f} and {sign['after']:.1f}" for name, sign in signs.items())
plots.show(places[0], f"MAML's returns and PEARL's KL. Mean returns before and after, last five iterations: {told}.")

# %%
assert signs["dead gradient"]["loss_improvement"] == 0 < signs["healthy MAML"]["loss_improvement"]
fell = {name: curves[name][0]["before"] - signs[name]["before"] for name in ("exploding ratio", "healthy MAML")}
assert fell["exploding ratio"] > 10 > 5 > fell["healthy MAML"]
assert signs["dead belief"]["kl"] < 0.1 < 1 < signs["healthy PEARL"]["kl"]
gains = {name: sign["after"] - sign["before"] for name, sign in signs.items()}
assert gains["healthy MAML"] > 3
assert max(gains["exploding ratio"], gains["cannot be told"]) < gains["healthy MAML"] / 2

# %% [markdown]
# - *Dead gradient*: exact zeros. The policy does not move, and no rate will help: let some random episode reach a
#   reward.
# - *Exploding ratio*: *before* collapses after the first update, far below a policy that has learned nothing, and
#   stays there. Take a smaller rate.
# - *Dead belief*: PEARL's KL, summed over $z$, is near 0, so that $z$ is the prior's noise, whoever the guest is.
#   Lower `kl_weight`, or raise `reward_scale`.
# - *Cannot be told*: everything moves, and *after* is not reliably above *before*. Only this one looks like bad luck,
#   and one more run tells nothing. But the diagnosis had said it before any training:

# %%
for kind, name in ((Cold, "rewards vary"), (Mumbled, "tasks can be told")):
    finding = next(one for one in check_family(shower_of(kind), seed=SEED) if one.name == name)
    print(f"{'ok' if finding.ok else 'note'}: {name}: {finding.detail}\n-> {finding.advice}")
    assert not finding.ok

# %% [markdown]
# ### Exercise 2, the larger one: a program that reads curves
#
# Write `fault(records)`, which returns the first of these that the **last five** records show:
#
# - `"dead gradient"`: MAML's `"loss_improvement"` is 0 in all five,
# - `"exploding ratio"`: the mean of MAML's `"before"` is below that of the *first* record by more than half its size,
# - `"dead belief"`: the mean of the sum of PEARL's `"kl"` is below 0.1,
# - `"no gain"`: the mean of `"after"` minus `"before"` is less than a tenth of the mean size of `"before"`,
# - `"healthy"`.
#
# A record is a dictionary. Only MAML's have `"loss_improvement"`. PEARL's `"kl"` is a list, one number for each part
# of $z$.


# %% tags=["exercise"]
def fault(records):
    """The fault that the metrics of a training show, or "healthy"."""
    # begin solution: fault
    last = records[-5:]
    if "loss_improvement" in last[0]:
        if not any(record["loss_improvement"] for record in last):
            return "dead gradient"
        start = records[0]["before"]
        if np.mean([record["before"] for record in last]) < start - abs(start) / 2:
            return "exploding ratio"
    elif np.mean([np.sum(record["kl"]) for record in last]) < 0.1:
        return "dead belief"
    gain = np.mean([record["after"] - record["before"] for record in last])
    size = np.mean([abs(record["before"]) for record in last])
    return "no gain" if gain < size / 10 else "healthy"
    # end solution


# %% tags=["check"]
exercises.fault.check(fault)
# exercises.fault.hint()
# exercises.fault.solution()

# %%
done = exercises.fault.verdict(fault).status == "right"
reads = fault if done else exercises.fault_of
for name, records in curves.items():
    print(f"{name:<16} -> {reads(records)}")
assert all(reads(curves[name]) == name for name in ("dead gradient", "exploding ratio", "dead belief"))

# %% [markdown]
# ## 5. Two processes
#
# When one machine is too slow, the tasks of an iteration can be shared: they do not depend on each other. `torchrun`,
# PyTorch's own launcher, starts $n$ copies of a program, called **ranks**, and tells each its number. Each rank draws
# the same tasks, simulates its share, and computes its share of the gradient. Then all ranks add up what they found
# (an *all-reduce*), so that all make the same step. Nobody is the master; rank 0 only writes the files.
#
# A rank is another process and cannot see this notebook, so a family must be in a file. Here the cells of sections 1
# and 2 are written into one, below their imports:

# %%
folder = Path(tempfile.mkdtemp())
file = folder / "shower.py"
head = "import numpy as np\n\nfrom mpsearch import Batch, TaskDistribution\n"
cells = ["".join(inspect.findsource(method)[0]) for method in (FirstWater._step, Water._step, CentredWater.observe)]
file.write_text("\n\n".join([head, *cells]), encoding="utf-8")

ITERATIONS = 4
command = [
    *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),  # = torchrun ...
    *("-m", "mpsearch", "train", "maml", f"{file}:Shower", f"--iterations={ITERATIONS}", f"--seed={SEED}"),
    *("--folder", str(folder / "two"), "--set", "tasks_per_iteration=20", "episodes=10", "discount=0.9"),
    *("hidden=[16,16]", "--patience=300"),  # s to wait for each other, on a busy machine
]
run = subprocess.run(
    command,
    capture_output=True,
    text=True,
    env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
)
print("torchrun --standalone --nproc-per-node=2", *command[5:7], "train maml shower.py:Shower ...")
print(run.stdout.split(": saved")[0].strip())
assert ": saved" in run.stdout, run.stderr

# %% [markdown]
# Did two ranks learn the same as one? Streams of random numbers belong to the *task's place*, not to the rank, so
# they must:

# %%
two = MAML.load(folder / "two", tasks=Shower())
one, one_records = train(MAML, Shower(), ITERATIONS)
apart = max(
    float((a - b).detach().abs().max()) for a, b in zip(one.policy.parameters(), two.policy.parameters(), strict=True)
)
print(f"largest difference of a parameter: {apart:.1e}")
assert apart < 1e-4

# %% [markdown]
# With more machines: the same line on each, with `--nnodes=2 --rdzv-endpoint=FIRST_MACHINE:29500`, and a folder that
# all of them see. If a rank dies, all stop with one sentence; `--resume` goes on from the last checkpoint, with as
# many ranks as you like, and torchrun's `--max-restarts=3` does it by itself.
#
# ## 6. What would a hundred machines do?
#
# A **cost model** has three parts: what is shared, $s$ seconds for all $K$ tasks; what every rank does alone, $a$; and
# the messages. In an all-reduce they go around a ring of all ranks, so they take $m$ seconds for each rank after the
# first. The rank with most tasks decides how long the others wait:
#
# $$ t(n) = s \, \frac{\lceil K / n \rceil}{K} + a + m \, (n - 1) $$
#
# ### Exercise 3: fill in


# %% tags=["exercise"]
def seconds(ranks, tasks, shared, alone, message):
    """The seconds of an iteration with this many ranks, by the model."""
    # begin solution: seconds
    share = np.ceil(tasks / ranks) / tasks
    return shared * share + alone + message * (ranks - 1)
    # end solution


# %% tags=["check"]
exercises.seconds.check(seconds)
# exercises.seconds.hint()
# exercises.seconds.solution()

# %% [markdown]
# ### Exercise 4: predict, then run
#
# MAML on the shower has 20 tasks in an iteration. On a hundred machines, how much faster is it than on one:
# `"at most 20"` times, `"about 50"`, or `"nearly 100"`?

# %% tags=["exercise", "check"]
# begin solution: hundred
prediction = "at most 20"
# stub
# prediction = ...  # "at most 20", "about 50" or "nearly 100"
# end solution
exercises.hundred.predict(prediction)
# exercises.hundred.hint()

# %% [markdown]
# The parts are measured here and now: iterations with 10 and 40 tasks in one process give $s$ and $a$ (a line through
# two points), and the run with two ranks gives $m$. With 20 tasks the line must pass near a third measurement.


# %% tags=["nbval-ignore-output"]
def seconds_measured(records):
    """The median seconds of an iteration after the first."""
    return float(np.median(np.diff([record["wall_seconds"] for record in records])))


few, many = (seconds_measured(train(MAML, Shower(), 5, tasks_per_iteration=k)[1]) for k in (10, 40))
each = max(many - few, 1e-9) / 30
parts = {"shared": 20 * each, "alone": max(few - 10 * each, 0.0)}
model = exercises.seconds.reference
lines = (folder / "two" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
with_two = seconds_measured([json.loads(line) for line in lines])
message = max(with_two - model(2, 20, **parts, message=0.0), 0.0)
print(f"shared {parts['shared']:.3f} s, alone {parts['alone']:.3f} s, messages {message:.3f} s")
alone = model(1, 20, **parts, message=message)
print(f"1 rank:   predicted {alone:.3f} s, measured {seconds_measured(one_records):.3f} s")
print(f"2 ranks:  without messages {model(2, 20, **parts, message=0.0):.3f} s, measured {with_two:.3f} s")
speedups = {n: alone / model(n, 20, **parts, message=message) for n in (1, 2, 4, 10, 20, 100)}
print("predicted speed-up by ranks:", ", ".join(f"{n}: {speedup:.1f}" for n, speedup in speedups.items()))
assert speedups[100] <= 20

# %% tags=["check"]
exercises.hundred.check(speedups[100])
# exercises.hundred.solution()

# %% [markdown]
# For so small a family, messages can cost more than they save; here two ranks also share one machine's cores. A
# cheetah's iteration takes seconds, and there the shared part is nearly all.
#
# **What does not scale.** More ranks than tasks wait. What each rank does alone (Amdahl 1967) is a ceiling. The ring
# of messages grows with each rank. To give a hundred machines work one takes more tasks in an iteration; each step is
# then better, but not a hundred times, and it is *another* training. The largest gain is often none of these: run
# five seeds on five machines, which share nothing. Lesson 08 needs them anyway.
#
# ## 7. Where to go next
#
# **The field's map.** How does an agent adapt? (Beck et al. 2023 survey it.)
#
# | by | examples | strong where | weak where |
# |---|---|---|---|
# | gradient | MAML, ProMP | more steps can go on improving | few steps |
# | inference | PEARL, VariBAD | the task is a few numbers | what the belief cannot say |
# | memory | RL2, in-context learning with transformers | adapting at each step | long training, new kinds of tasks |
#
# RL2 (Duan et al. 2016) gives a recurrent network its own rewards as inputs, and lets memory be the adaptation.
# VariBAD (Zintgraf et al. 2020) learns a belief like PEARL's, and a policy that acts on how *unsure* it is. In-context
# learning (Laskin et al. 2023) trains a transformer on whole histories of learning, until it continues them.
#
# **Tools**, as far as we know them at the end of 2026. Look before you build: software ages.
#
# | tool | what for | state |
# |---|---|---|
# | Gymnasium | environments | kept by the Farama Foundation, in the place of OpenAI's Gym, which has ended |
# | PyTorch | networks; `torch.func` for inner loops | maintained |
# | TorchRL | parts of RL programs, also distributed ones | maintained, with releases in 2026; we saw no MAML or PEARL |
# | Meta-World | 50 manipulation tasks, ML1 to ML45 | kept by the Farama Foundation |
# | XLand-MiniGrid | millions of grid-world tasks in JAX | public; made for memory-based agents |
# | learn2learn | meta-learning, mostly for images | its last activity that we found is years old |
# | garage | MAML, PEARL and RL2 in one toolkit | its releases that we found date from about 2020 |
# | higher | the inner loop of this course | works, but old; new programs can use `torch.func` |
#
# To compare with published numbers take Meta-World, and the checklist of lesson 08.
#
# ## 8. Capstone: a family of your own
#
# Take something that you know: a plant that needs water, a friend who likes some music, a lift in a house. Write it as
# a family, train, measure. `check` runs a rubric of seven points and says which are met:
#
# 1. *own*: it is not one of the course's families,
# 2. *contract* and 3. *diagnosis*: the checks of sections 1 and 2 find nothing,
# 4. *described*: its docstring says what varies, what is seen and done, and the reward, with units,
# 5. *made again*: a checkpoint can make it from its `config`,
# 6. *adapting pays*: the interval of the gain lies above 0, on guests that training never saw,
# 7. *needed*: your agent ends above an average policy, and the interval of the difference says so.
#
# The last two need an agent. Begin without: `check(MyTasks)`. (The solution is a small one: an archer in the wind.)


# %% tags=["exercise"]
# begin solution: MyTasks
class MyTasks(TaskDistribution):
    """An archer who cannot see the target. Task: the wind (x, y) that carries each arrow off, in m.

    Observation: the share of arrows that are left. Action: where to aim, x and y, in m. Reward: minus the distance of
    the arrow from the centre, in m. An episode has 20 arrows.
    """

    id = "blind-archer"
    horizon, observation_dim, action_dim = 20, 1, 2
    parameter_names = ("x", "y")
    low, high = np.full(2, -0.7), np.full(2, 0.7)

    def make_batch(self, tasks, episodes, *, threads=0):
        return Arrows(self.check(tasks), episodes, action_dim=2)


class Arrows(Batch):
    """K x E archers. `landed` [K, E, 2] is where the last arrow is, in m."""

    def _reset(self, rng):
        self.noise, self.landed = rng.spawn(1)[0], np.zeros((*self.shape, 2))

    def _step(self, actions):
        shaking = self.noise.normal(0.0, 0.05, actions.shape)
        self.landed = actions + self.tasks[:, None] + shaking
        return -np.linalg.norm(self.landed, axis=-1)

    def observe(self):
        return np.full((*self.shape, 1), 1 - self.time / 20)

    def positions(self):
        return self.landed.copy()


my_agent = train(MAML, MyTasks(), 8)[0]
my_average = train(MAML, MyTasks(), 8, inner_steps=0, shared_scale=True)[0]
# stub
# class MyTasks(TaskDistribution):
#     """What varies, what is seen, what an action does, and the reward, with units."""
#
#
# my_agent = my_average = None  # train them as in section 3
# end solution

# %% tags=["check"]
exercises.capstone.check(MyTasks, my_agent, my_average)
# exercises.capstone.hint()
# exercises.capstone.solution()

# %% [markdown]
# ## What you have learned
#
# - A family is thirty lines: a declaration, and a simulation of [K, E] episodes at once.
# - A diagnosis of seconds comes before a training of hours. What it cannot see, you can: read its numbers.
# - Curves tell faults apart: exact zeros, a return that collapses, a belief near 0, a gap that does not open.
# - Ranks share tasks, not steps; the busiest rank, the lonely part and the messages set the limit.
# - The field has three ways to adapt, and most of its tools are younger or older than they look.
#
# <details><summary>Further reading</summary>
#
# - Amdahl 1967, *Validity of the single processor approach to achieving large scale computing capabilities*, AFIPS.
# - Beck, Vuorio, Liu, Xiong, Zintgraf, Finn and Whiteson 2023, *A survey of meta-reinforcement learning*,
#   [arXiv:2301.08028](https://arxiv.org/abs/2301.08028).
# - Duan et al. 2016, *RL2: fast reinforcement learning via slow reinforcement learning*,
#   [arXiv:1611.02779](https://arxiv.org/abs/1611.02779).
# - Laskin et al. 2023, *In-context reinforcement learning with algorithm distillation*, ICLR,
#   [arXiv:2210.14215](https://arxiv.org/abs/2210.14215).
# - Nikulin et al. 2023, *XLand-MiniGrid: scalable meta-reinforcement learning environments in JAX*,
#   [arXiv:2312.12044](https://arxiv.org/abs/2312.12044).
# - Rothfuss, Lee, Clavera, Asfour and Abbeel 2019, *ProMP: proximal meta-policy search*, ICLR.
# - Yu et al. 2019, *Meta-World: a benchmark and evaluation for multi-task and meta reinforcement learning*, CoRL.
# - Zintgraf et al. 2020, *VariBAD: a very good method for Bayes-adaptive deep RL via meta-learning*, ICLR.
#
# </details>
