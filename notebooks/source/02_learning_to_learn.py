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
# # Learning to learn
#
# **After this lesson you can**
#
# 1. state the two-level problem: adapt to a task; choose the start so that adapting works,
# 2. explain why the best start is not the best average,
# 3. take a gradient step that a derivative can pass through, by hand and with `higher`,
# 4. meta-train a network that learns a new sine wave in one step,
# 5. recognise, from a picture, a meta-training that learned nothing about adapting.
#
# **Time:** about 60 minutes. **Builds on:** lesson 00, which also has the table of symbols. There is no
# reinforcement learning in here: one idea at a time. **You need:** the chain rule and a little PyTorch.
#
# Lesson 01 ended with a price: each new task was learned from nothing, with many steps. Tasks that are alike should
# not cost that much. What can be learned *in advance*, before the task is known?

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from mpsearch.exercises import lesson_02 as exercises
from mpsearch.maml.inner import higher, spread_over_tasks
from mpsearch.policies import TaskLinear
from mpsearch.seeding import Streams
from mpsearch.view import plots
from mpsearch.view.live import LiveCurve, show_source
from mpsearch.view.plots import landscape
from mpsearch.view.widgets import InnerStepExplorer
from mpsearch.view.widgets.inner_step import take_inner_steps

SEED = 0  # of all random numbers below: change it, run all, and see what still holds

# %% [markdown]
# ## 1. A family of tasks
#
# Here is a task: learn the curve $y = A \sin(x - \varphi)$ from a few of its points. Its **amplitude** $A$ is drawn
# between 0.1 and 5 and its **phase** $\varphi$ between 0 and $\pi$. This is the family of Finn et al. (2017).
# A task $\mathcal{T}$ is a pair $(A, \varphi)$. The task distribution $p(\mathcal{T})$ is the rule that draws it. (In
# this lesson $A$ is an amplitude, not an advantage.)
#
# Each task comes with **practice points**, to learn from, and **test points**, to judge what was learned. (The usual
# names are *support* and *query*.)

# %%
POINTS = 20  # practice points of a task, and as many test points while training


def draw_tasks(count, rng):
    """K tasks: amplitudes and phases [K, 2]."""
    return rng.uniform([0.1, 0.0], [5.0, math.pi], size=(count, 2))


def on_curve(tasks, x):
    """The points at x [K, N] on the curves of the tasks: x and y, each [K, N, 1], as tensors."""
    y = tasks[:, :1] * np.sin(x - tasks[:, 1:])
    return tuple(torch.tensor(part[..., None], dtype=torch.float32) for part in (x, y))


def draw_points(tasks, rng):
    return on_curve(tasks, rng.uniform(-5, 5, size=(len(tasks), POINTS)))


streams = Streams(SEED)  # independent streams of random numbers, each with a name
examples = draw_tasks(4, streams.numpy("examples"))
practice = draw_points(examples, streams.numpy("example-points"))
for amplitude, phase in examples:
    print(f"amplitude {amplitude:.2f}, phase {phase:.2f}")

# %% jupyter={"source_hidden": true}
GRID = np.linspace(-5, 5, 101)

_, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for (amplitude, phase), x, y, dash, colour in zip(
    examples, *practice, ("-", "--", ":", "-."), list(plots.PALETTE.values())[:4], strict=True
):
    (line,) = axes.plot(GRID, amplitude * np.sin(GRID - phase), dash, color=colour)
    axes.plot(x, y, "o", color=line.get_color(), markersize=4)
axes.set(xlabel="x", ylabel="y")
axes.spines[["top", "right"]].set_visible(False)
words = f"Four tasks, each a sine wave with {POINTS} practice points on it, with amplitudes"
plots.show(axes, f"{words} {', '.join(f'{amplitude:.1f}' for amplitude in examples[:, 0])}.")

# %% [markdown]
# A network does not know that these are sine waves. From 20 points alone, gradient descent needs many steps to learn
# one of them (section 5 counts them). We want *one* step.

# %% [markdown]
# ## 2. Two levels
#
# Let $\theta$ be the start: the parameters *before* the task is known. $\mathcal{L}_{\mathcal{T}}(\theta)$ is the
# loss on a task, here the mean squared error.
#
# **Inner level: adapt.** One step of gradient descent on the task, with a step size $\alpha$, the **inner rate**:
#
# $$\theta' = \theta - \alpha\, \nabla_\theta \mathcal{L}_{\mathcal{T}}^{\text{practice}}(\theta)$$
#
# **Outer level: choose the start**, so that what comes *out* of that step is good on the test points, on average over
# the tasks:
#
# $$\min_\theta\; \mathbb{E}_{\mathcal{T} \sim p(\mathcal{T})}
# \big[ \mathcal{L}_{\mathcal{T}}^{\text{test}}(\theta') \big]$$
#
# Compare with training on all tasks at once, $\min_\theta \mathbb{E}\,[\mathcal{L}_{\mathcal{T}}(\theta)]$. One prime
# ($\theta'$ in the place of $\theta$) is the whole difference. It is often misread: the two-level problem does *not*
# look for a start that is already good on most tasks, nor for one that is near to all of them. Being good *before* the
# step is not asked for at all.

# %% [markdown]
# ### The smallest example
#
# One parameter, two tasks. The loss of each is a bowl with its bottom at $c$ and with steepness $h$ (its
# curvature, the second derivative):
#
# $$\mathcal{L}(\theta) = \tfrac{1}{2} h\, (\theta - c)^2
# \qquad \nabla_\theta \mathcal{L}(\theta) = h\, (\theta - c)$$
#
# The *steep* task has $h = 1, c = 1$. The *flat* one has $h = 0.1, c = 0$. (In a bowl, practice and test are the same.)
#
# The average is easy to minimise: at the best start the slopes add up to 0. Errors cost more on the steep task, so it
# lies near the bottom of that one:
#
# $$\sum_{\mathcal{T}} h (\theta - c) = 0 \quad\Rightarrow\quad
# \theta_{\text{average}} = \frac{\sum h c}{\sum h}$$
#
# Now with an inner step in between:
#
# $$
# \begin{aligned}
# \theta' &= \theta - \alpha h\, (\theta - c) && \text{the step} \\
# \theta' - c &= (1 - \alpha h)\, (\theta - c) && \text{take } c \text{ from both sides} \\
# \mathcal{L}(\theta') &= \tfrac{1}{2} h\, (1 - \alpha h)^2 (\theta - c)^2 && \text{put it into the loss}
# \end{aligned}
# $$
#
# As a function of the start this is a bowl again, with the same bottom and the steepness $h\, (1 - \alpha h)^2$. So the
# best start is found as before, with this in the place of $h$:
#
# $$\theta_{\text{meta}} = \frac{\sum h\, (1 - \alpha h)^2\, c}{\sum h\, (1 - \alpha h)^2}$$
#
# Where does the factor come from? The derivative goes *through the step*, by the chain rule:
#
# $$\frac{d \mathcal{L}(\theta')}{d \theta}
# = \underbrace{h\, (\theta' - c)}_{\text{slope after the step}} \cdot
# \underbrace{(1 - \alpha h)}_{d\theta' / d\theta}$$
#
# The second factor says how much of a change of the start survives the step. With $\alpha = 0.9$ that is 0.1 on the
# steep task: one step repairs nearly everything there, so the start need not care. On the flat task it is 0.91: a step
# does little, so the start had better be right already. The best start moves to where *steps do not reach*.

# %% tags=["nbval-check-output"]
TASKS = {"steep": (1.0, 1.0), "flat": (0.1, 0.0)}  # h and c
RATE = 0.9


def bowl(theta, task):
    steepness, bottom = task
    return 0.5 * steepness * (theta - bottom) ** 2


h, c = np.array(list(TASKS.values())).T
left = h * (1 - RATE * h) ** 2  # the steepness after the step
starts = {"average": (h * c).sum() / h.sum(), "meta": (left * c).sum() / left.sum()}
for name, theta in starts.items():
    after = 0.5 * left * (theta - c) ** 2
    before = bowl(theta, (h, c)).sum()
    print(f"{name:<8} start {theta:.3f}: loss {before:.4f} before the step, {after.sum():.4f} after it")

# %% [markdown]
# The meta start is far *worse* before the step, and far better after it. Read that line again: it is the point of
# this lesson.

# %% [markdown]
# ### Exercise 1: fill in
#
# For a network nobody wants to work out $d\theta'/d\theta$ on paper. PyTorch can do it, if the step is part of its
# graph. Write one step of gradient descent that returns *new* parameters, so that `backward` can go from them through
# the step to the old ones. You need `torch.autograd.grad`; look at its arguments.


# %% tags=["exercise"]
def take_step(loss, parameters, rate):
    """One step on loss(parameters), a function of a list of tensors -> list of new tensors, with their graph."""
    # begin solution: take_step
    gradients = torch.autograd.grad(loss(parameters), parameters, create_graph=True)
    return [p - rate * g for p, g in zip(parameters, gradients, strict=True)]
    # end solution


# %% tags=["check"]
exercises.take_step.check(take_step)
# exercises.take_step.hint()
# exercises.take_step.solution()

# %% [markdown]
# ## 3. `higher`: the inner loop as a differentiable program
#
# An ordinary optimiser changes parameters *in place*. The old values are overwritten, and with them the way back.
# The package `higher` makes two stand-ins: a **functional** copy of a module, which gets a new list of parameters at
# each step, and an optimiser that computes these with their graph. You write the inner loop as you always did.
#
# Here it is on the bowls, where we know the answer. `theta` is the start; `functional()` is what it has become.


# %% tags=["nbval-check-output"]
class Guess(nn.Module):
    """A network as small as can be: it returns its only parameter."""

    def __init__(self, start):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(start))

    def forward(self):
        return self.theta


def slope_of_start(guess, task, **options):
    """The derivative of the loss after one step, in the start before it."""
    sgd = torch.optim.SGD(guess.parameters(), lr=RATE)
    with higher.innerloop_ctx(guess, sgd, **options) as (functional, optimizer):
        optimizer.step(bowl(functional(), task))  # inner level
        bowl(functional(), task).backward()  # outer level
    slope, guess.theta.grad = guess.theta.grad, None
    return slope


theta = 0.5
for name, (steepness, bottom) in TASKS.items():
    by_hand = steepness * (1 - RATE * steepness) ** 2 * (theta - bottom)
    found = slope_of_start(Guess(theta), (steepness, bottom), copy_initial_weights=False)
    print(f"{name:<6} by hand {by_hand:+.4f}, by higher {found:+.4f}")
    assert math.isclose(by_hand, found, rel_tol=1e-4)

# %% [markdown]
# Two options decide whether this works, and neither complains if it is wrong:

# %% tags=["nbval-check-output"]
for options in (
    {"copy_initial_weights": False},
    {},  # the default is copy_initial_weights=True
    {"copy_initial_weights": False, "track_higher_grads": False},
):
    slope = slope_of_start(Guess(theta), TASKS["flat"], **options)
    print(f"{'None' if slope is None else f'{slope:.4f}':<6}  with {options}")

# %% [markdown]
# - `copy_initial_weights=False` makes the functional copy start *from the parameters of the module themselves*. By
#   default it starts from copies of their values: fine for adapting, but the derivative ends at the copies, and the
#   module's own gradient stays `None`. An outer optimiser skips parameters without a gradient, and so never learns.
#   (From section 4 on it makes no difference: there `update_params` replaces the copies by the start itself, spread
#   over the tasks, before anything is computed. We write it all the same.)
# - `track_higher_grads=True`, the default, keeps the graph through each step. `False` cuts it, which saves memory. It
#   is right for *using* a meta-trained start, and wrong for training one.

# %% [markdown]
# ## 4. Train
#
# The network has two hidden layers of 40, as in the paper. Its layers, `TaskLinear`, take either one set of weights
# or one for each of $K$ tasks. So all tasks adapt side by side, from $K$ views of one start:

# %%
show_source(spread_over_tasks, TaskLinear.forward)

# %% [markdown]
# Beside $x$ it gets ten more inputs, its **context**. They are parameters: zero at first, the same for every $x$. Why?
# A step on them shifts what the whole network sees. It is a short way to say "it is *this* task" (the "bias
# transformation" of Finn et al. 2017b). The average network has them too.
#
# Read `adapt` slowly. It is section 3 again, with two additions. Each tensor of parameters has its own inner rate,
# which is learned along with the start (Li et al. 2017). And the losses are *summed* over tasks: then each task's
# parameters get the gradient of that task alone.


# %%
class SineNet(nn.Module):
    """x [K, N, 1] -> y [K, N, 1]; with a context [10], or one a task [K, 10], beside each x."""

    def __init__(self, seed):
        super().__init__()
        self.context = nn.Parameter(torch.zeros(10))
        self.layers = nn.Sequential(TaskLinear(11, 40), nn.ReLU(), TaskLinear(40, 40), nn.ReLU(), TaskLinear(40, 1))
        generator = Streams(seed).torch("network")
        for layer in self.layers[::2]:  # their biases start at zero
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)

    def forward(self, x):
        context = self.context.unsqueeze(-2).expand(*x.shape[:-1], -1)
        return self.layers(torch.cat([x, context], dim=-1))


def predict(network, x):
    """x [K, N, 1] from -5 to 5 -> y [K, N, 1]."""
    return network(x / 5)


def errors(network, points):
    """The mean squared error on each task [K]."""
    x, y = points
    return (predict(network, x) - y).square().mean((1, 2))


def adapt(network, rates, practice, steps=1, track=True):
    """The network after its steps on the practice points of each task."""
    sgd = torch.optim.SGD([{"params": [p]} for p in network.parameters()], lr=1.0)  # a group, so a rate, each
    settings = {"copy_initial_weights": False, "track_higher_grads": track, "override": {"lr": list(rates)}}
    with higher.innerloop_ctx(network, sgd, **settings) as (functional, optimizer):
        functional.update_params(spread_over_tasks(network, len(practice[0])))
        for _ in range(steps):
            optimizer.step(errors(functional, practice).sum())
        return functional


def train(loss, *, seed=SEED, iterations=1500, watch=None):
    """Choose a start, and inner rates, so that loss(network, rates, practice, test) is low on fresh tasks."""
    rng = Streams(seed).numpy("training")
    network = SineNet(seed)
    parameters = list(network.parameters())
    log_rates = torch.full((len(parameters),), math.log(0.05), requires_grad=True)  # exp keeps the rates above 0
    adam = torch.optim.Adam([*parameters, log_rates], lr=0.01)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, iterations)
    recent = []
    for i in range(iterations):
        tasks = draw_tasks(25, rng)
        outer = loss(network, log_rates.exp(), draw_points(tasks, rng), draw_points(tasks, rng))
        adam.zero_grad()
        outer.backward()
        adam.step()
        slower.step()
        recent.append(outer.item())
        if watch and len(recent) == 25:
            watch(i + 1, np.mean(recent))
            recent.clear()
    return network, log_rates.exp().tolist()


# %% [markdown]
# The two levels and the average differ in one call, that of `adapt`:


# %%
def after_a_step(network, rates, practice, test):
    return errors(adapt(network, rates, practice), test).mean()


def on_the_average(network, rates, practice, test):
    return errors(network, test).mean()


# %% [markdown]
# ### Exercise 2: predict, then run
#
# First, the average: one network, all tasks, no inner step. It never knows which task it has. What will it draw,
# from $x = -5$ to $5$: a `"flat"` line near zero, a `"low wave"`, or a `"full wave"` as high as the mean amplitude?

# %% tags=["exercise", "check"]
# begin solution: average
prediction = "low wave"
# stub
# prediction = ...  # "flat", "low wave" or "full wave"
# end solution
exercises.average.predict(prediction)
# exercises.average.hint()

# %% tags=["nbval-ignore-output"]
LABELS = {"ylabel": "squared error on test points", "xlabel": "iterations"}

with LiveCurve("trained on the average", **LABELS) as curve:
    average, _ = train(on_the_average, watch=curve.add)

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
x, _ = on_curve(np.ones((1, 2)), GRID[None])
with torch.no_grad():
    drawn = predict(average, x)[0, :, 0].numpy()
mean_of_tasks = -2 / math.pi * (0.1 + 5.0) / 2 * np.cos(GRID)

_, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(GRID, drawn, color=plots.AFTER, label="trained on the average")
axes.plot(GRID, mean_of_tasks, "--", color=plots.TARGET, label="mean of all tasks, by formula")
axes.set(xlabel="x", ylabel="y", ylim=(-5, 5))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="upper right")
words = (
    f"What the network draws: a wave between {drawn.min():.1f} and {drawn.max():.1f}, close to the mean of all tasks."
)
plots.show(axes, words)
assert abs(drawn - mean_of_tasks).mean() < 0.4

# %% tags=["check"]
exercises.average.check(drawn)
# exercises.average.solution()

# %% [markdown]
# Why this wave? At each $x$ the least squared error is at the mean of the values, and amplitude and phase are
# independent, so the mean is a product:
#
# $$
# \begin{aligned}
# \mathbb{E}\,[A \sin(x - \varphi)]
# &= \mathbb{E}[A] \cdot \frac{1}{\pi} \int_0^{\pi} \sin(x - \varphi)\, d\varphi
# && \varphi \text{ is uniform on } [0, \pi] \\
# &= \mathbb{E}[A] \cdot \frac{1}{\pi} \Big[ \cos(x - \varphi) \Big]_{\varphi = 0}^{\varphi = \pi}
# && \text{its derivative in } \varphi \text{ is } \sin(x - \varphi) \\
# &= \mathbb{E}[A] \cdot \frac{1}{\pi} \big( -\cos x - \cos x \big) && \cos(x - \pi) = -\cos x \\
# &= -\frac{2}{\pi}\, \mathbb{E}[A]\, \cos x && \mathbb{E}[A] = (0.1 + 5) / 2 = 2.55
# \end{aligned}
# $$
#
# Did you expect a flat line? It would be one, if the phases covered a full circle.
#
# ### Now the two levels
#
# The same network, the same optimiser, as many tasks and test points. Only the loss has an inner step in it.

# %% tags=["nbval-ignore-output"]
with LiveCurve("trained to adapt", **LABELS) as curve:
    meta, rates = train(after_a_step, watch=curve.add)

# %% [markdown]
# ## 5. Compare
#
# A thousand new tasks. Both networks take the same steps on the same practice points. To be fair to the average, it
# gets the rate that suits its first step best among the six below, chosen on these very tasks.

# %% tags=["nbval-ignore-output"]
new_tasks = draw_tasks(1000, Streams(SEED + 1).numpy("tasks"))
new_practice = draw_points(new_tasks, Streams(SEED + 1).numpy("points"))
everywhere = on_curve(new_tasks, np.broadcast_to(GRID, (1000, len(GRID))))


def error_after(network, rates, steps):
    return errors(adapt(network, rates, new_practice, steps, track=False), everywhere).mean().item()


candidates = [0.001, 0.003, 0.01, 0.02, 0.05, 0.1]
best = min(candidates, key=lambda rate: error_after(average, [rate] * len(rates), 1))
print(f"best rate for the average: {best}")
print("learned rates:", ", ".join(f"{rate:.3f}" for rate in rates))

found = {
    "average": [error_after(average, [best] * len(rates), steps) for steps in range(4)],
    "meta": [error_after(meta, rates, steps) for steps in range(4)],
}
print("steps    " + "".join(f"{steps:7}" for steps in range(4)))
for name, after in found.items():
    print(f"{name:<9}" + "".join(f"{error:7.2f}" for error in after))

# %%
assert found["meta"][0] > 0.8 * found["average"][0]  # before the step it is no better
assert found["meta"][1] < 0.1 * found["average"][0]  # one step: a tenth of what the average has without
assert found["meta"][1] < 0.1 * found["average"][1]  # and a tenth of what it has after the same step
print("one step from the meta-trained start: less than a tenth of the error")

# %% [markdown]
# And a network that begins from nothing? Here it is on 50 of these tasks, each learned by plain gradient descent, with
# the better of two rates, again chosen on these very tasks:

# %% tags=["nbval-ignore-output"]
fifty_practice, fifty_everywhere = (tuple(part[:50] for part in points) for points in (new_practice, everywhere))
fresh = SineNet(SEED)
for steps in (1, 10, 100, 300):
    trials = {}
    for rate in (0.02, 0.05):
        alone = adapt(fresh, [rate] * len(rates), fifty_practice, steps, track=False)
        trials[rate] = errors(alone, fifty_everywhere).mean().item()
    rate, error = min(trials.items(), key=lambda trial: trial[1])
    print(f"from nothing, {steps:>3} steps of rate {rate}: error {error:.2f}")
assert error > found["meta"][1]  # hundreds of steps do less than one from the right start

# %% [markdown]
# Before the step the meta-trained network is no better than the average, as in the bowls. Here it is on one new task:

# %%
my_task = np.array([[4.0, 0.5]])  # amplitude and phase: change me, and run the next cell too

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
my_practice = draw_points(my_task, Streams(SEED + 2).numpy("points"))
my_curve = on_curve(my_task, GRID[None])

_, panels = plt.subplots(1, 2, figsize=(9.5, 3.6), sharey=True, layout="constrained")
words = f"A new task, amplitude {my_task[0, 0]:g}, phase {my_task[0, 1]:g}."
for axes, name, network, its_rates in (
    (panels[0], "average", average, [best] * len(rates)),
    (panels[1], "meta", meta, rates),
):
    axes.plot(GRID, my_curve[1][0, :, 0], ":", color=plots.TARGET, label="the task")
    axes.plot(*(part[0, :, 0] for part in my_practice), "o", color=plots.TARGET, label="practice points")
    for steps, when, colour, dash in ((0, "start", plots.BEFORE, "--"), (1, "after 1 step", plots.AFTER, "-")):
        adapted = adapt(network, its_rates, my_practice, steps, track=False)
        with torch.no_grad():
            axes.plot(GRID, predict(adapted, my_curve[0])[0, :, 0], dash, color=colour, label=when)
            error = errors(adapted, my_curve).item()
        words += f" {name}, {when}: error {error:.2f}."
    axes.set(xlabel="x", title=name)
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("y")
panels[0].legend(frameon=False, fontsize="small")
plots.show(panels[0], words)

# %% [markdown]
# **What it says.** Both starts look alike, and neither knows the task. What differs is not to be seen before the step:
# it is *where the step leads*. In the meta-trained network the parameters lie so that the gradient of 20 points bends
# the whole curve, also between the points, and bends it like a sine. That knowledge is in $\theta$. It was learned
# from the other tasks.
#
# Be fair, once more. The paper takes 10 points, one fixed rate and no context, and trains far longer. We take more
# points, learned rates and a context, so that it is done while you watch. And what was learned is knowledge about
# *this* family. It promises nothing for other curves.
#
# **Questions to play with**
#
# - Change `my_task` to an amplitude of 8, which no training task had. What does the step still get right?
# - Set `SEED = 1` in the first cell and run all. Do the learned rates look alike?
# - Set `POINTS = 10` in the first section and run all. What is left of the tenth?

# %% [markdown]
# ## 6. Move it
#
# A bowl again, now with two parameters: steep along one axis and flat along the other. Near its bottom it is like the
# bowls of section 2; far out its sides become straight, and there it has no curvature. The round mark is the start; the
# bottom of the bowl is the task.
#
# 1. **Predict first:** after one step, in which direction will the start still be off? Then drag the *task* around,
#    and look at where the step ends.
# 2. Add steps. How many until the flat direction is done as well?
# 3. Look at the arrows: the way a meta-gradient would move the start. The one *with* the second-order term is the
#    derivative through the step. Does it point at the task, or along the direction in which steps do little?
#    (The other arrow leaves a part of the derivative out. Lesson 04 tells you which.)

# %% tags=["nbval-ignore-output"]
InnerStepExplorer(task=[1.0, 0.6], start=[0.8, -0.4], steps=1, rate=0.5)

# %% tags=["nbval-check-output"]
shown = take_inner_steps(task=[1.0, 0.6], start=[0.8, -0.4], steps=3, rate=0.5, second_order=True)
off = np.abs((shown.path - shown.task) @ landscape.AXES)  # along the steep and the flat axis
for steps, (steep, flat) in enumerate(off):
    print(f"{steps} steps: off by {steep:.2f} along the steep axis, {flat:.2f} along the flat one")
steep, flat = off[-1] / off[0]
assert steep < flat  # steps repair the steep direction first

# %% [markdown]
# ## 7. A meta-training that learns nothing about adapting
#
# ### Exercise 3: find the bug
#
# A friend puts both levels into one function. There is no error message, and the loss goes down. But the step hardly
# helps, as the numbers below the next cells show. Run them, then repair the function.


# %% tags=["exercise"]
def meta_loss(network, rates, practice, test):
    """The error on the test points (x, y) after one step on the practice points (x, y) -> one number."""
    (x, y), (x_test, y_test) = practice, test
    sgd = torch.optim.SGD([{"params": [p]} for p in network.parameters()], lr=1.0)
    settings = {"copy_initial_weights": False, "override": {"lr": list(rates)}}
    with higher.innerloop_ctx(network, sgd, **settings) as (functional, optimizer):
        functional.update_params(spread_over_tasks(network, len(x)))
        optimizer.step((functional(x) - y).square().mean((1, 2)).sum())
        # begin solution: meta_loss
        return (functional(x_test) - y_test).square().mean()
        # stub
        # return (network(x_test) - y_test).square().mean()
        # end solution


# %% tags=["check"]
exercises.meta_loss.check(meta_loss)
# exercises.meta_loss.hint()
# exercises.meta_loss.solution()


# %%
def friends_loss(network, rates, practice, test):
    (x, y), (x_test, y_test) = practice, test
    return meta_loss(network, rates, (x / 5, y), (x_test / 5, y_test))


friends, friends_rates = train(friends_loss, iterations=300)
before, error = (error_after(friends, friends_rates, steps) for steps in (0, 1))
print(f"error before the step {before:.2f}, after it {error:.2f}; that of the average was {found['average'][0]:.2f}")
print("It learned to adapt." if error < 1.5 else "It did not learn to adapt.")

# %% [markdown]
# This bug has relatives: a start that is only a copy (section 3), the graph cut, the test points seen by the inner
# step. All run without an error. So measure after *every* meta-training, on new tasks: the error before the
# step, and after it. If the step changes little, adapting was not learned.

# %% [markdown]
# ## What you have learned
#
# - Two levels: the inner one adapts to a task, the outer one chooses the start by the loss *after* adapting.
# - The best start is not the best average: it may be bad everywhere, as long as a step repairs it.
# - The derivative goes through the step. In the bowl it is the slope after the step times $1 - \alpha h$.
# - `higher` keeps the graph of the inner loop; `copy_initial_weights=False` ties it to the start.
# - Judge on points that the step has not seen.
#
# **Next:** lesson 03 puts policies and environments in the place of curves, and reads a program that cannot learn.
# Lesson 04 takes the derivative through the step apart, term by term.
#
# <details><summary>Further reading</summary>
#
# - C. Finn, P. Abbeel, S. Levine: *Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks*, ICML 2017,
#   [arXiv:1703.03400](https://arxiv.org/abs/1703.03400). Section 5.1 has the sine waves.
# - C. Finn, T. Yu, T. Zhang, P. Abbeel, S. Levine: *One-Shot Visual Imitation Learning via Meta-Learning*, CoRL 2017,
#   [arXiv:1709.04905](https://arxiv.org/abs/1709.04905). "2017b"; the bias transformation is part of its network.
# - Z. Li, F. Zhou, F. Chen, H. Li: *Meta-SGD: Learning to Learn Quickly for Few-Shot Learning*, 2017,
#   [arXiv:1707.09835](https://arxiv.org/abs/1707.09835). Learned inner rates, one for each single parameter.
# - E. Grefenstette, B. Amos, D. Yarats, P. M. Htut, A. Molchanov, F. Meier, D. Kiela, K. Cho, S. Chintala:
#   *Generalized Inner Loop Meta-Learning*, 2019, [arXiv:1910.01727](https://arxiv.org/abs/1910.01727). The paper of
#   `higher`.
# - S. Thrun, L. Pratt (editors): *Learning to Learn*, Kluwer 1998. Where the name comes from.
#
# </details>
