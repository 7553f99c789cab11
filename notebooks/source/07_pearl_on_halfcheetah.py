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
# # PEARL on HalfCheetah
#
# **After this lesson you can**
#
# 1. look into the space of $z$, and say what a meta-policy has stored there,
# 2. say how many steps it needs to know a task, and why so few, and make it obey a lie,
# 3. let it adapt within its first episode, and say where that does not help,
# 4. tell two kinds of shuffling apart: one that changes nothing, and one that changes everything,
# 5. draw the contexts that an encoder learns from, and show which part of a transition carries the task.
#
# **Time:** two sittings: about 60 minutes for all but the larger exercise of section 7, and 20 for that. **Builds on:**
# lesson 00, and the lesson before this one, where the theory of PEARL is. Code that only draws or prints, and what may
# wait, is folded away: a click opens it.
#
# What we need of the theory. A **context** $c$ is a set of transitions $(s, a, r, s')$ of one task. An
# **encoder** turns each of them into a Gaussian over a small vector $z$, and multiplies them, together with the
# prior $\mathcal{N}(0, 1)$, into the belief $q(z \mid c)$. The **actor** $\pi_\theta(a \mid s, z)$ acts on a $z$
# drawn from that belief. To adapt, no weight changes: only $c$ grows.

# %%
import json
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import torch

import mpsearch
from mpsearch import zoo
from mpsearch.evidence import results
from mpsearch.exercises import lesson_07 as exercises
from mpsearch.pearl.encoder import Encoder
from mpsearch.pearl.probing import act_on, believe, explored, explored_context
from mpsearch.view import plots
from mpsearch.view.live import show_source
from mpsearch.view.player import play
from mpsearch.view.widgets import FirstEpisodeExplorer, LieExplorer

# %% [markdown]
# ## 1. Two speeds it has never met
#
# Here is the PEARL that came with the package, and two wanted speeds. Has it met them? Its training tasks are
# stored with it, so we can look.

# %% tags=["nbval-ignore-output"]
agent = mpsearch.load("pearl-cheetah-velocity")
family = agent.tasks
pair = np.array([[0.75], [2.25]])  # m/s
labels = [f"{speed} m/s" for speed in pair[:, 0]]

print(f"trained on {len(agent.training_tasks)} speeds, z has {agent.config.latent} numbers")
for label, gap in zip(labels, abs(agent.training_tasks - pair.T).min(0), strict=True):
    print(f"{label}: the nearest training task is {gap:.3f} m/s away")

result = agent.adapt(pair, seed=0)
for k, label in enumerate(labels):
    stages = ", ".join(
        f"{name} {value:.0f}" for name, value in zip(result.stage_names, result.returns[k, :, 0], strict=True)
    )
    print(f"{label}: {stages}")
assert result.after.mean() > result.before.mean() + 50

# %% [markdown]
# Each number is one episode. The first acts on $z$ from the **prior**, a guess. The second acts on $z$ from the
# posterior after one episode, the third on the posterior's mean after two. The grey cheetah runs at the wanted speed.

# %% tags=["nbval-ignore-output"]
play(result, 1, target=pair[1, 0], title=f"wanted: {labels[1]}")

# %% [markdown]
# Does each episode improve on the one before? Five seeds, each with another guess:

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
five = np.stack([agent.adapt(pair, seed=seed).returns[..., 0] for seed in range(5)])  # [seeds, K, S]
for k, label in enumerate(labels):
    first, last = five[:, k, 0], five[:, k, -1]
    print(
        f"{label}, five seeds: first episode {first.min():.0f} to {first.max():.0f}, last {last.min():.0f} to", end=" "
    )
    print(f"{last.max():.0f}; the last is worse than the first on {np.sum(last < first)} of 5")

# %% [markdown]
# With $z$ from the prior comes some speed, by chance. Where the last episode is worse than the first, that speed
# happened to be the wanted one. Compare the two ranges: what adaptation brings is that the *bad* guesses are gone.

# %% [markdown]
# ## 2. A map of sixty speeds
#
# What is in $z$? Let the agent explore sixty speeds for two episodes each, and keep for each the mean of its belief.
# Three helpers look into an agent: `explored_context` gives what it sees while it explores, a context $[K, N, C]$;
# `believe` gives $q(z \mid c)$; `act_on` acts on a $z$ that we choose.


# %%
def speed_of(episodes):
    """The speeds [K] of the second half of an episode, in m/s."""
    x = episodes.positions[:, :, 0]
    half = family.horizon // 2
    return (x[:, -1] - x[:, half]) / (half * plots.CONTROL_STEP)


sixty = family.spread(60)
speeds = sixty[:, 0]
contexts = explored_context(agent, sixty, seed=0)
means = believe(agent, contexts).mean.numpy()
print(f"contexts: {contexts.shape[0]} tasks, {contexts.shape[1]} transitions of {contexts.shape[2]} numbers")
print(f"the longest context in training: {agent.config.context} transitions")

# %%
words = plots.describe_latent_space(means, speeds, "wanted speed (m/s)")
plots.show(plots.plot_latent_space(means, speeds, "wanted speed (m/s)"), words)

# %% [markdown]
# Nobody told the agent that the tasks are speeds, or that they are ordered. Yet along one axis they come in order. And
# the others? Two questions to each dimension. Does it go with the speed? And does it come out alike when the same sixty
# speeds are explored a second time, with other luck?

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
again = believe(agent, explored_context(agent, sixty, seed=1)).mean.numpy()
dimensions = range(means.shape[1])
correlation = np.array([np.corrcoef(means[:, dim], speeds)[0, 1] for dim in dimensions])
repeated = np.array([np.corrcoef(means[:, dim], again[:, dim])[0, 1] for dim in dimensions])
print("      correlation with the wanted speed   with a second exploration")
for dim in dimensions:
    print(f"z[{dim}] {correlation[dim]:20.2f} {repeated[dim]:26.2f}")
carrier = abs(correlation).argmax()
print(f"the speed is in z[{carrier}]")
assert abs(correlation[carrier]) > 0.9 > 0.6 > np.delete(abs(correlation), carrier).max()
assert repeated[carrier] > 0.9 > 0.85 > np.delete(abs(repeated), carrier).max()

# %% [markdown]
# One dimension carries the speed, and comes out alike. Here it is, both explorations of each speed joined by a line:

# %% jupyter={"source_hidden": true}
_, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
axes.vlines(speeds, means[:, carrier], again[:, carrier], color="0.6", linewidth=1)
for values, mark, colour, name in ((means, "o", plots.AFTER, "first"), (again, "D", plots.BEFORE, "second")):
    axes.plot(speeds, values[:, carrier], mark, color=colour, markersize=4, label=f"{name} exploration")
axes.set(xlabel="wanted speed (m/s)", ylabel=f"mean of z[{carrier}]")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
gap = abs(means - again)[:, carrier].mean()
words = (
    f"Mean of z[{carrier}] of sixty speeds, explored twice; it goes from {means[speeds.argmin(), carrier]:.1f} at the"
)
words += (
    f" slowest to {means[speeds.argmax(), carrier]:.1f} at the fastest, and the two explorations differ by {gap:.2f}"
)
plots.show(axes, f"{words} on average.")

# %% [markdown]
# The other dimensions bend with the speed (look at the map), and hold what happened on the way, too. The lesson
# before said that an encoder leaves out what does not help. The KL makes it *cheap* to leave out; it forbids nothing.
# What does it cost? Twelve of the speeds, three explorations each: act on the mean of the belief, then with every
# number but the carrier set to 0, and for other lengths of the context.

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
some = sixty[2::5]  # twelve of the sixty
MANY = family.horizon * 2
KINDS = ("all", "all, other z at 0", "first 64", "random 64", "last 64")
table = np.zeros((3, len(KINDS)))  # [seeds, kinds]
for seed in range(3):
    context = explored_context(agent, some, seed=seed)
    random = torch.from_numpy(np.random.default_rng(seed).permutation(MANY)[:64])
    parts = (context, context, context[:, :64], context[:, random], context[:, -64:])
    for column, (kind, part) in enumerate(zip(KINDS, parts, strict=True)):
        z = believe(agent, part).mean.clone()
        if kind == KINDS[1]:
            z[:, np.delete(np.arange(z.shape[1]), carrier)] = 0
        table[seed, column] = act_on(agent, some, z, seed=1).returns.mean()
others = np.delete(np.arange(means.shape[1]), carrier)
claimed = believe(agent, contexts).stddev.numpy()[:, others].mean(0)
print("claimed width of the other dimensions:", claimed.round(2), "their spread:", means[:, others].std(0).round(2))
for kind, column in zip(KINDS, table.T, strict=True):
    print(f"{kind:<18} return {column.mean():6.1f}   (three explorations: {column.round(1).tolist()})")
best = table.mean(0).argmax()
print(f"best here: {KINDS[best]}; what the other numbers of z cost: {table[:, 1].mean() - table[:, 0].mean():.1f}")

# %% [markdown]
# The actor listens to the other numbers: setting them to 0 changes the return. A longer context is not always better,
# since each further transition adds its share to them, too.
#
# <details><summary>Is it the length, or which transitions? And two cautions</summary>
#
# If the trouble were that 400 are more than any context in training, *random 64* would be clearly better than *all*.
# *Which* transitions counts as well: the last 64 were made at about the wanted speed, where $|v - v^*|$ is small
# whatever $v^*$ is; the first 64 start from rest.
#
# Correlation sees straight lines only. And $z$ does not *mean* speed: another training may put it elsewhere, or turn
# it round.
#
# </details>
#
# ### Exercise 1: fill in
#
# How well can the speed be read from $z$? Fit a straight line on some tasks and read the speeds of others off it: a
# **linear probe**. Each speed is a weighted sum of the numbers in $z$, plus a constant.


# %% tags=["exercise"]
def read_velocity(means, velocities, new_means):
    """Speeds [M] of tasks with new_means [M, Z], from a line through velocities [K] at means [K, Z]."""
    # begin solution: read_velocity
    known = np.hstack([means, np.ones((len(means), 1))])
    new = np.hstack([new_means, np.ones((len(new_means), 1))])
    weights = np.linalg.lstsq(known, velocities, rcond=None)[0]
    return new @ weights
    # end solution


# %% tags=["check"]
exercises.read_velocity.check(read_velocity)
# exercises.read_velocity.hint()
# exercises.read_velocity.solution()

# %% [markdown]
# Every second task to fit, the others to test. (As in all cells below an exercise, we use the library's copy of the
# function, so that the lesson goes on if yours is not done.)

# %%
known, new = slice(0, None, 2), slice(1, None, 2)
read = exercises.linear_velocities(means[known], speeds[known], means[new])
probe_error = abs(read - speeds[new]).mean()
guess_error = abs(speeds[known].mean() - speeds[new]).mean()
print(f"mean error: {probe_error:.2f} m/s with the probe, {guess_error:.2f} m/s by guessing the mean")
assert probe_error < guess_error / 3

# %% [markdown]
# ## 3. How many steps until it knows?
#
# The belief is a product, so each transition can only sharpen it: precisions add, $1/\sigma^2 = 1 + \sum_n
# 1/\sigma_n^2$, with $\sigma_n$ for the standard deviation of transition $n$'s Gaussian. We give the encoder the first
# $k$ transitions of each context.
#
# **Predict first.** An episode has 200 steps, ten seconds. After how many will the cheetah know its speed?

# %%
counts = np.array([0, 1, 2, 5, 10, 20, 50, 100, 200, 400])
std = np.stack([believe(agent, contexts[:, :k]).stddev.mean(0).numpy() for k in counts])
plots.show(plots.plot_contraction(counts, std), plots.describe_contraction(counts, std))

# %%
print("transitions:", *counts)
print(f"std of z[{carrier}]:", *(f"{value:.3f}" for value in std[:, carrier]))
assert (np.diff(std, axis=0) <= 0).all()  # each transition sharpens, in every dimension
assert std[1, carrier] < 0.1
assert carrier == std[1].argmin()

# %% [markdown]
# A *single* transition tells nearly all about the dimension that carries the speed, and less about the others.
# (After 200 the second episode begins. It already runs at about the wanted speed, and the encoder gives such
# transitions more weight.)
#
# But is the belief right, or only sure of itself? Act on its mean after $k$ transitions, in a new episode:

# %% tags=["nbval-ignore-output"]
errors, returns = [], []
for k in counts:
    z = believe(agent, contexts[2::5, :k]).mean
    episode = act_on(agent, some, z, seed=1)
    returns.append(episode.returns.mean())
    errors.append(abs(speed_of(episode) - some[:, 0]).mean())
    print(f"{k:3d} transitions, {k * plots.CONTROL_STEP:5.2f} s: return {returns[-1]:5.0f}, {errors[-1]:.2f} m/s off")
assert errors[1] < errors[0] / 3
assert errors[3] < errors[0] / 4

# %% [markdown]
# One step of a twentieth of a second, and the error nearly vanishes. (The belief goes on sharpening, the return does
# not go on rising: section 2 said why.) This is no magic. Look at the reward:
#
# $$r = -\,|v - v^*| - 0.05\, |a|^2$$
#
# where $v$ is the speed and $v^*$ the wanted one. At the start the cheetah stands, so $v < v^*$, and
#
# $$
# \begin{aligned}
# r &= -(v^* - v) - 0.05\, |a|^2 && \text{too slow, so } |v - v^*| = v^* - v \\
# v^* &= v - r - 0.05\, |a|^2 && \text{solved for } v^*
# \end{aligned}
# $$
#
# By hand, from the first step of the two speeds of section 1:

# %%
first = explored_context(agent, pair, seed=0)[:, 0].numpy()  # the first transition of each task
actions, reward = first[:, 17:23], first[:, 23]
velocity = (result.trajectories[:, 0, 1, 0] - result.trajectories[:, 0, 0, 0]) / plots.CONTROL_STEP
solved = velocity - reward - 0.05 * (actions**2).sum(1)
for label, speed in zip(labels, solved, strict=True):
    print(f"wanted {label}: one transition says {speed:.3f} m/s")
assert np.allclose(solved, pair[:, 0], atol=0.01)

# %% [markdown]
# Has the encoder learned to solve this equation? Then *one number* must decide how fast the cheetah runs. Let us forge
# it.
#
# ### Exercise 2: lie to the cheetah
#
# The cheetah made one step with `action` at `velocity`. Return the reward that a cheetah which is `told` to run at
# another speed would have got for the same step.


# %% tags=["exercise"]
def forged_reward(velocity, action, told):
    """The reward of a step at velocity (m/s) with action [A], if the wanted speed were told (m/s)."""
    # begin solution: forged_reward
    return -abs(velocity - told) - 0.05 * (action**2).sum()
    # end solution


# %% tags=["check"]
exercises.forged_reward.check(forged_reward)
# exercises.forged_reward.hint()
# exercises.forged_reward.solution()

# %% [markdown]
# Now use it on the step that the 0.75 m/s cheetah made. It keeps being *paid* for 0.75 m/s; only this one number of its
# context is a lie.

# %% tags=["nbval-ignore-output"]
forge = exercises.forged_reward.reference
REWARD = 23  # its place in a row: after 17 numbers of s and 6 of a
TOLD = (1.0, 1.7, 2.4)
lies = torch.from_numpy(first[:1]).repeat(len(TOLD), 1)[:, None]  # [lies, 1, C]: a context of one transition each
for row, told in zip(lies, TOLD, strict=True):
    row[0, REWARD] = forge(velocity[0], actions[0], told)
obeyed = speed_of(act_on(agent, np.full((len(TOLD), 1), 0.75), believe(agent, lies).mean, seed=0))
for told, ran in zip(TOLD, obeyed, strict=True):
    print(f"told {told} m/s by one forged reward: it runs at {ran:.2f} m/s")
assert abs(obeyed - TOLD).max() < 0.4

# %% [markdown]
# It obeys. Move the lie. **Look for two failures:** a slow lie that it does not obey to the letter, and one that makes
# it run much *faster* than told. Try seeds 1 and 4.

# %% tags=["nbval-ignore-output"]
lie = LieExplorer(agent)
lie

# %% [markdown]
# **Not to the letter.** Is it the lie? Ask for slow speeds honestly, with 400 honest transitions:

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
slow = np.array([[0.1], [0.2], [0.3], [0.5], [0.75]])
honest = speed_of(act_on(agent, slow, believe(agent, explored_context(agent, slow, seed=0)).mean, seed=1))
for wish, ran in zip(slow[:, 0], honest, strict=True):
    print(f"wanted {wish:.2f} m/s, told the truth: it runs at {ran + 0.0:.2f} m/s")

# %% [markdown]
# Where it misses here as well, the lie is innocent: so slow a run is hardly in its repertoire, and to miss by 0.1 m/s
# costs little, $0.1$ a step. A belief is worth no more than what the actor can make of it.
#
# **Too fast for a slow lie.** We solved the equation for $v < v^*$. If the step was *faster* than told, the sign
# turns. The reward is a distance, and a distance has two sides:

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
moved = lie.told(4).moved  # the speed of the step that seed 4 saw
low, mirror = 0.2, 2 * moved - 0.2
pair_of_lies = [forge(moved, np.zeros(6), speed) for speed in (low, mirror)]
print(f"seed 4 moved at {moved:.2f} m/s. Told {low} m/s its reward is {pair_of_lies[0]:.3f},", end=" ")
print(f"told {mirror:.2f} m/s it is {pair_of_lies[1]:.3f}: no encoder can tell them apart.")
assert np.isclose(*pair_of_lies)

# %% [markdown]
# A second step, at another speed, settles it: here the product of Gaussians has work to do.
#
# So with a reward at every step, *finding out* the task is easy. The hard part is to run at any speed on demand, and
# *that* was learned in training.

# %% [markdown]
# ## 4. Adapting within the first episode
#
# A frequent misreading: PEARL needs whole episodes to adapt. That is how it is usually *tested*. Nothing forbids
# drawing $z$ again within one: `resample_every=n` renews the belief and draws $z$ anew every $n$ steps; 0 is one draw
# an episode.
#
# **Predict first.** How much of the return of the *first* episode is won by a draw every half second, 10 steps?

# %% tags=["nbval-ignore-output"]
EVERY = (0, 20, 10, 1)
seen = {n: agent.adapt(some, seed=0, steps=0, resample_every=n) for n in EVERY}
for n, adapted in seen.items():
    draws = len(adapted.belief_steps)
    print(f"{'one draw' if n == 0 else f'every {n} steps':<15} {draws:3d} draws: return {adapted.after.mean():6.1f}")
kept, renewed = seen[0].rewards[:, 0], seen[10].rewards[:, 0]  # [K, T]
assert renewed.sum(1).mean() > kept.sum(1).mean() / 2  # less than half of what was lost

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
_, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
styles = zip(seen.items(), ("o--", "v-.", "D-", "s:"), plots.PALETTE.values(), strict=False)
for (n, adapted), style, colour in styles:
    total = adapted.rewards[:, 0].mean(0).cumsum()
    name = {0: "one draw", 1: "a draw at each step"}.get(n, f"a draw every {n} steps")
    axes.plot(np.arange(1, len(total) + 1), total, style, color=colour, markevery=20, markersize=5, label=name)
axes.set(xlabel="steps seen of the first episode", ylabel="return so far")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower left")
half = family.horizon // 2
parts = "; ".join(
    f"{'one draw' if n == 0 else f'every {n} steps'}: {a.rewards[:, 0, :half].sum(1).mean():.0f} after {half} steps,"
    f" {a.after.mean():.0f} at the end"
    for n, a in seen.items()
)
plots.show(axes, f"Return so far in the first episode against steps seen, mean of twelve speeds. {parts}.")

# %% [markdown]
# Watch it: choose a speed, press **Run**, and below the cheetah the belief (its band is one standard deviation) and
# the speed settle. What do they do if $z$ is never drawn anew?

# %% tags=["nbval-ignore-output"]
FirstEpisodeExplorer(agent, seed=1)

# %% [markdown]
# That is adaptation within the very first episode. Why is it not always done so? Three families, as stored: return of
# the first episode with its interval over seeds.

# %% jupyter={"source_hidden": true}
NAMES = {"cheetah-direction": "direction", "cheetah-velocity": "velocity", "point-navigation": "sparse navigation"}
within = {tasks: {n: results.evaluation(f"pearl-{tasks}-every-{n}") for n in (0, 1, 5, 10, 20)} for tasks in NAMES}
for tasks, evaluations in within.items():
    print(f"{NAMES[tasks]}: {len(evaluations[0].seeds)} seeds x {len(evaluations[0].tasks)} tasks")
    for n, evaluation in evaluations.items():
        low, high = evaluation.interval()[0]
        goals = f", goal found in {evaluation.reached[0]:.0%}, at the end in {evaluation.reached[-1]:.0%}"
        words = f"first episode {evaluation.mean[0]:7.1f} [{low:.1f}, {high:.1f}], last {evaluation.mean[-1]:7.1f}"
        print(f"  every {n:2d}: {words}{goals if evaluation.sparse else ''}")
for tasks, evaluations in within.items():
    first = {n: e.mean[0] for n, e in evaluations.items()}
    best, goal = max(first, key=first.get), max(e.mean[-1] for e in evaluations.values())
    share = (first[best] - first[0]) / (goal - first[0])
    print(f"{NAMES[tasks]}: best every {best}; the first episode then goes {share:.0%} of the way to the best last one")
    assert share < 0.5 if tasks == "point-navigation" else share > 0.8
sparse = {n: e.reached[0] for n, e in within["point-navigation"].items()}
assert sparse[5] > max(sparse[0], sparse[1], sparse[20])

# %% [markdown]
# The two cheetahs win nearly all within the first second, because *one transition tells the task*. In sparse
# navigation a transition is silent until the goal is met, and no number of draws makes the first episode like the
# last. Several draws help there, too, not to know more, but to *try* more. And there is a best number of them. A guess
# must be **kept long enough to be tested**: to look at a far place one has to walk there. Who changes the goal at every
# step walks back and forth; who never changes it looks at one place only. (This agent was trained with a draw every 4
# steps, so it may be at its best near that.) That is what posterior sampling is good for: a draw that is kept turns a
# doubt into a plan.
#
# So, a rule: draw anew no sooner than the world can answer. On HalfCheetah the answer comes with each step; where it
# comes at the end of an episode, keep $z$ until then. (By default `adapt` draws as in training, so that "before" means
# before *any* adaptation, as it does for MAML.)

# %% [markdown]
# One thing is odd: in training, our agent kept its $z$ for an episode, and never met what it sees here. So let two
# agents go on from it, for equally long: one keeps $z$ for an episode as before, the other draws it anew every 2 steps
# whenever it explores. Then test each in both ways. **Predict first:** whose first episode is the best?

# %%
shipped = within["cheetah-velocity"]
tested = {
    "shipped": (shipped[0], results.evaluation("pearl-cheetah-velocity-every-2")),
    "longer": [results.evaluation(f"pearl-cheetah-velocity-longer{end}") for end in ("", "-every-2")],
    "longer, with draws": [results.evaluation(f"pearl-cheetah-velocity-within{end}") for end in ("-every-0", "")],
}
print("                       one draw an episode     a draw every 2 steps")
print("trained                first    last           first    last")
for name, (once, drawn) in tested.items():
    cells = (f"{found.mean[0]:7.1f} {found.mean[-1]:7.1f}" for found in (once, drawn))
    print(f"{name:<20}", "        ".join(cells))
firsts = {name: drawn.mean[0] for name, (_, drawn) in tested.items()}
lasts = {name: once.mean[-1] for name, (once, _) in tested.items()}
assert firsts["longer, with draws"] > firsts["longer"] + 4
assert min(lasts, key=lasts.get) == "longer, with draws"
assert abs(lasts["longer"] - lasts["shipped"]) < 5

# %% [markdown]
# With many draws, the one that had them in training beats both others, from its first episode on. With one draw an
# episode, it ends worst: an agent adapts well in the way in which its training had it adapt. Longer training alone
# brought less.

# %% [markdown]
# ## 5. Two ways to shuffle
#
# **Within a context.** Put its transitions into another order. A product does not care, nor does a sum of precisions:

# %%
show_source(Encoder.forward)

# %%
order = np.random.default_rng(0).permutation(contexts.shape[1])
before, after = believe(agent, contexts), believe(agent, contexts[:, order])
moved = max(abs(before.mean - after.mean).max().item(), abs(before.stddev - after.stddev).max().item())
print("the same but for rounding:", moved < 1e-4)
assert moved < 1e-4

# %% [markdown]
# So the encoder knows nothing of time, and it need not: each transition says by itself what state led where, and
# what it paid.
#
# **Between contexts.** Now exchange the contexts of *tasks*.
#
# ### Exercise 3: predict, then run
#
# Two cheetahs, asked for 0.75 and 2.25 m/s, paid for that, and given each other's context. What will each run at:
# `"its own"` speed, `"the other's"`, or `"between"`?

# %% tags=["exercise", "check"]
# begin solution: other_context
prediction = "the other's"
# stub
# prediction = ...  # "its own", "the other's" or "between"
# end solution
exercises.other_context.predict(prediction)
# exercises.other_context.hint()

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
pair_contexts = explored_context(agent, pair, seed=0)
own = act_on(agent, pair, believe(agent, pair_contexts).mean, seed=0)
other = act_on(agent, pair, believe(agent, pair_contexts.flip(0)).mean, seed=0)
own_speeds, other_speeds = speed_of(own), speed_of(other)
for k, label in enumerate(labels):
    print(f"wanted {label}: {own_speeds[k]:.2f} m/s and return {own.returns[k, 0]:.0f} with its own context,")
    print(f"{'':17}{other_speeds[k]:.2f} m/s and return {other.returns[k, 0]:.0f} with the other's")
assert abs(own_speeds - pair[:, 0]).max() < 0.3
assert abs(other_speeds - pair[::-1, 0]).max() < 0.3

# %% tags=["check"]
exercises.other_context.check(other_speeds, pair[:, 0], pair[::-1, 0])
# exercises.other_context.solution()

# %% [markdown]
# This is the control that every experiment with a task variable needs: the first shuffle *must* change nothing, the
# second *must* hurt.

# %% [markdown]
# ## 6. The reward tells
#
# Which of $s, a, r, s'$ tells the task? Body and ground are the same in all. Take the reward away:

# %% tags=["nbval-ignore-output"]
silent = pair_contexts.clone()
silent[..., REWARD] = 0
silent_speeds = speed_of(act_on(agent, pair, believe(agent, silent).mean, seed=0))
own_error = abs(own_speeds - pair[:, 0]).mean()
silent_error = abs(silent_speeds - pair[:, 0]).mean()
print(f"mean error: {own_error:.2f} m/s with rewards, {silent_error:.2f} m/s with zeros in their place")
assert silent_error > 2 * own_error

# %% [markdown]
# Zeros are not "no news": to the encoder they are the best rewards there are, and it makes a task of them.
#
# ### Exercise 4: find the bug
#
# A friend makes the rows of an episode, by a habit from policy gradients. It runs, shapes are right, no number is
# strange. Read it, see below what it does, then repair it.


# %% tags=["exercise"]
def context_rows(observations, actions, rewards):
    """Rows (s, a, r, s') [T, C] of an episode: observations [T + 1, O], actions [T, A], rewards [T]."""
    # begin solution: context_rows
    column = rewards[:, None]
    # stub
    # column = ((rewards - rewards.mean()) / rewards.std())[:, None]
    # end solution
    return np.hstack([observations[:-1], actions, column, observations[1:]])


# %% tags=["check"]
exercises.context_rows.check(context_rows)
# exercises.context_rows.hint()
# exercises.context_rows.solution()

# %% tags=["nbval-ignore-output"]
(episode,) = explored(agent, pair, seed=0, episodes=1)
friends = [context_rows(episode.observations[k, 0], episode.actions[k, 0], episode.rewards[k, 0]) for k in (0, 1)]
friends_belief = believe(agent, torch.from_numpy(np.stack(friends)).float())
friends_speeds = speed_of(act_on(agent, pair, friends_belief.mean, seed=0))
for label, speed in zip(labels, friends_speeds, strict=True):
    print(f"wanted {label}: the friend's context makes {round(float(speed), 1) + 0.0} m/s")

# %% [markdown]
# To scale rewards is good advice for advantages, where only *better than usual* counts. Here the level is the message.

# %% [markdown]
# ## 7. Whose transitions? A context sampler
#
# In training, somebody has to decide what a context *is*, and it matters (Rakelly et al. 2019): from the whole replay,
# the encoder sees what former agents did, some of which knew the task; from the latest explorations, it sees what it
# will see when it adapts. This lesson's agent learned from a sampler that does four things:
#
# - it takes each task's latest `recent` explorations (or all that are kept, if there are fewer),
# - of these, a **window** of `episodes` successive ones, each window equally likely, drawn anew for each task,
# - one size for the whole batch, uniform from `least` to `most`, both included,
# - so many transitions, with repetition: for each row any exploration of the window and any step, all equally likely.
#
# Explorations are kept in a ring: number $n$ of a task (counted from 0) is in slot $n$ modulo the number of slots, and
# `explored[k]` says how many there ever were.
#
# ### Exercise 5, the larger one: write it
#
# Twenty lines. `check` goes through it in stages, from shapes to probabilities; run it after each part that you write.


# %% tags=["exercise"]
def sample_contexts(observations, actions, rewards, explored, tasks, recent, episodes, least, most, rng):
    """A context for each of tasks [M]: rows (s, a, r, s') [M, N, C].

    observations [K, slots, T + 1, O], actions [K, slots, T, A], rewards [K, slots, T], explored [K]; rng is a NumPy
    generator.
    """
    # begin solution: sample_contexts
    slots, steps = rewards.shape[1:]
    size = rng.integers(least, most + 1)  # one size for the whole batch
    contexts = []
    for k in tasks:
        # The explorations to draw from have the numbers explored[k] - kept to explored[k] - 1.
        kept = min(explored[k], slots, recent)
        window = min(kept, episodes)
        first = explored[k] - kept + rng.integers(kept - window + 1)
        # For each row: which exploration of the window, and which of its steps.
        slot = (first + rng.integers(window, size=size)) % slots
        step = rng.integers(steps, size=size)
        s, following = observations[k, slot, step], observations[k, slot, step + 1]
        a, r = actions[k, slot, step], rewards[k, slot, step]
        contexts.append(np.hstack([s, a, r[:, None], following]))
    return np.stack(contexts)
    # end solution


# %% tags=["check"]
exercises.sample_contexts.check(sample_contexts)
# exercises.sample_contexts.hint()
# exercises.sample_contexts.solution()

# %% [markdown]
# Now it drives the robot. Twelve cheetahs explore three times each; your contexts of 1, 8 and 64 transitions go to the
# encoder, and the actor runs on what it believes.

# %% jupyter={"source_hidden": true} tags=["nbval-ignore-output"]
right = exercises.sample_contexts.verdict(sample_contexts).status == "right"
sampler = sample_contexts if right else exercises.right_contexts
explorations = [explored(agent, some, seed=seed, episodes=1)[0] for seed in (0, 1, 2)]
ring = [
    np.concatenate([getattr(e, name) for e in explorations], axis=1) for name in ("observations", "actions", "rewards")
]
everyone, counts_of = np.arange(len(some)), np.full(len(some), len(explorations))
print("with", "your" if right else "the library's", "sampler:")
driven = {}
for size in (1, 8, 64):
    drawn = sampler(*ring, counts_of, everyone, 3, 1, size, size, np.random.default_rng(0))
    episode = act_on(agent, some, believe(agent, torch.from_numpy(drawn).float()).mean, seed=1)
    driven[size] = abs(speed_of(episode) - some[:, 0]).mean()
    print(f"{size:3d} transitions: {driven[size]:.2f} m/s off, return {episode.returns.mean():.0f}")
assert driven[64] < errors[0] / 4

# %% [markdown]
# ## 8. What it cost
#
# Adaptation took a moment. Training did not. The learning curve came with the weights:

# %% jupyter={"source_hidden": true}
folder = zoo.find("pearl-cheetah-velocity")
records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
plots.show(plots.plot_learning_curve(records), plots.describe_learning_curve(records))

# %% jupyter={"source_hidden": true}
print(f"training: {agent.env_steps:,} steps, {agent.cpu_seconds / 60:.0f} minutes on one core and a GPU")
for number, command in enumerate([*(card["command"] for card in agent.history), agent.command], 1):
    print(f"command {number}:", textwrap.fill(command, 100, initial_indent="  ", subsequent_indent="      "), sep="\n")

# %% [markdown]
# (Gradient steps were made on the GPU, while the core explored.) At first both curves are alike: the
# agent cannot run yet, so knowledge does not help. Then *before*, which acts on a guess, cannot rise much, and *after*
# does. And the stored evaluation, on tasks that no training drew:

# %% jupyter={"source_hidden": true}
record, evaluation = results.read("pearl-cheetah-velocity"), results.evaluation("pearl-cheetah-velocity")
print(f"{len(evaluation.tasks)} speeds, {len(evaluation.seeds)} seeds of exploration; repeat it with")
print(f"  {record['command']}")
names = ["no episode", "one episode", "two episodes"]
for name, mean, (low, high) in zip(names, evaluation.mean, evaluation.interval(), strict=True):
    print(f"after {name:<13} return {mean:6.1f}, 95 % interval {low:6.1f} to {high:6.1f}")
mean = evaluation.mean
assert mean[1] - mean[0] > 5 * abs(mean[2] - mean[1])

# %% [markdown]
# The first episode brings nearly everything: section 3 said why. The interval is over seeds of *exploration*. How much
# another training would differ, it does not say.

# %% [markdown]
# ## What you have learned
#
# - In the space of $z$ the tasks lie in order, though nobody named the order. A line reads the speed off.
# - With a reward at every step, one transition says nearly all. To run at any speed was the hard part.
# - It can adapt within its first second where a transition tells the task. Where it takes a whole episode to test a
#   guess, a guess must be kept.
# - The order within a context does not matter. Whose context it is decides everything.
# - The reward carries the task: one forged number makes the cheetah obey. Do not normalise it away.
# - PEARL adapts at once because it paid in advance, once, for the whole family.
#
# **Questions to play with.** Which return do you get from a context of *random* actions? What does the cheetah do if
# you forge two rewards that contradict each other? Do the same with `pearl-cheetah-direction`: how does its map look,
# and what is a lie there?
#
# <details><summary>Further reading</summary>
#
# - K. Rakelly, A. Zhou, D. Quillen, C. Finn, S. Levine: *Efficient Off-Policy Meta-Reinforcement Learning via
#   Probabilistic Context Variables*, ICML 2019, [arXiv:1903.08254](https://arxiv.org/abs/1903.08254). PEARL.
# - M. Zaheer, S. Kottur, S. Ravanbakhsh, B. Póczos, R. Salakhutdinov, A. Smola: *Deep Sets*, NeurIPS 2017,
#   [arXiv:1703.06114](https://arxiv.org/abs/1703.06114). Functions of sets, for which order does not matter.
# - L. Zintgraf, K. Shiarlis, M. Igl, S. Schulze, Y. Gal, K. Hofmann, S. Whiteson: *VariBAD: A Very Good Method for
#   Bayes-Adaptive Deep RL via Meta-Learning*, ICLR 2020, [arXiv:1910.08348](https://arxiv.org/abs/1910.08348).
#   A belief that is updated at every step, within the first episode.
# - I. Osband, D. Russo, B. Van Roy: *(More) Efficient Reinforcement Learning via Posterior Sampling*, NeurIPS 2013,
#   [arXiv:1306.0940](https://arxiv.org/abs/1306.0940). Why a guess is kept for an episode.
# - G. Alain, Y. Bengio: *Understanding Intermediate Layers Using Linear Classifier Probes*, ICLR 2017 (workshop),
#   [arXiv:1610.01644](https://arxiv.org/abs/1610.01644). Linear probes.
#
# </details>
