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
# # Five applications
#
# **After this lesson you can**
#
# 1. describe an application as a task distribution: what varies, what is shared, what exploring costs,
# 2. say how much adapting is worth, between a policy that does not adapt and the optimum,
# 3. find the faults in a task distribution that no algorithm can mend,
# 4. say what adaptation does to those on whom it explores, to rare cases, and when the task changes,
# 5. decide by three questions when *not* to use meta-policy search.
#
# **Time:** about 60 minutes, 20 of them for the larger exercise of section 8, which may wait. **Builds on:**
# lessons 05 (MAML on HalfCheetah) and 07 (PEARL on HalfCheetah). Code that only draws or prints is folded away.
#
# Texts on meta-learning end with a list of fields that are waiting for it: robots, games, recommendation, medicine,
# trading. Here each becomes a program. All five are toys, and section 10 says how far from practice. But toys have
# something that practice has not: for four of them we know the best that can be done, and how near we come.

# %%
import matplotlib.pyplot as plt
import numpy as np

import mpsearch
from mpsearch import MAML, Dosing, MAMLConfig, Market
from mpsearch.evaluation import held_out
from mpsearch.evidence import results
from mpsearch.exercises import lesson_09 as exercises
from mpsearch.tasks.applications import rule_returns
from mpsearch.tasks.applications.dosing import overdose
from mpsearch.view import plots
from mpsearch.view.applications import picture_of
from mpsearch.view.player import play
from mpsearch.view.widgets import AdaptationExplorer

SEED = 0
FAMILIES = ("weak-leg", "penalty-kicks", "taste", "dosing", "market")

# %% [markdown]
# ## 1. One form for all
#
# A **task distribution** says three things. *What varies* is a row of numbers that the agent is not told. *What is
# shared* is everything else: what it sees, what it can do, how the world answers. And the *reward* says what is
# wanted. `MAML` and `PEARL` know nothing of robots or patients. They see observations, actions and rewards, and they
# are the same two classes as in all lessons before.

# %% jupyter={"source_hidden": true}
for name in FAMILIES:
    family = mpsearch.make_distribution(name)
    hidden = ", ".join(
        f"{parameter} from {low:g} to {high:g}"
        for parameter, low, high in zip(family.parameter_names, family.low.round(2), family.high.round(2), strict=True)
    )
    print(f"{name:<14}hidden: {hidden}")
    print(f"{'':<14}sees {family.observation_dim} numbers, acts by {family.action_dim}, {family.horizon} steps")
    assert f"maml-{name}" in mpsearch.available()


# %% [markdown]
# `help(Dosing)` shows the whole model of a family, with the sources of its numbers. The next five sections have one
# form: what varies, what is shared, what exploring costs, and one adaptation to look at.


# %% jupyter={"source_hidden": true}
def look(name, method="pearl", share=0.8, seed=SEED):
    """Adapt to the task at this place between the first and the last of the spread, and draw its episodes."""
    agent = mpsearch.load(f"{method}-{name}")
    tasks = agent.tasks.spread(11)
    task = tasks[round(share * 10)]
    result = agent.adapt(task[None], seed=seed)
    print(f"{method.upper()}, not told: {agent.tasks.describe_task(task)}.", end=" ")
    episodes = result.returns.shape[-1]
    what = "Return" if episodes == 1 else f"Mean return of {episodes} episodes"
    print(f"{what} {result.before[0]:.1f} before, {result.after[0]:.1f} after {result.env_steps[-1]:,} steps.")
    if picture := picture_of(name):
        halves = plt.figure(figsize=(9.5, 4.2), layout="constrained").subfigures(1, 2)
        for stage, words, half in zip((0, -1), ("before", "after"), halves, strict=True):
            half.suptitle(f"{words} adaptation", fontsize=10)
            axes = picture.plot(result, 0, stage, half.subplots())
        before, after = (picture.describe(result, 0, stage) for stage in (0, -1))
        plots.show(axes, f"Before adaptation: {before} After: {after}")
    return result


# %% [markdown]
# ## 2. Robots: a weak leg
#
# *What varies:* which leg of the cheetah is weak, and how much. *What is shared:* the wish to run forward. In lessons
# 05 and 07 the goal was hidden; here it is the **body**. *What exploring costs:* to drive a damaged leg strains it.
# So the agent must find out which leg to spare, and its own joints do not tell: it has to try.

# %%
robot = look("weak-leg")
play(robot, faded=mpsearch.make_distribution("weak-leg").weak_parts(robot.tasks[0]))

# %% [markdown]
# The weak leg is drawn hollow. A robot with a broken leg that walks on is the best-known success of this field (Cully
# et al. 2015). Nobody can compute the best way to run. So an **oracle** takes the place of the optimum: a policy that
# is trained like the average one, but *told* which leg is weak and how much.
#
# ## 3. Games: a penalty taker
#
# *What varies:* the shooter's habits: her usual place, how her run-up gives her away, and how she reacts when she is
# read. *What is shared:* the goal, the reach of a keeper. *What exploring costs:* a few shots let in. This opponent
# answers: where she shoots next depends on what we did. So the best response looks ahead.

# %%
game = look("penalty-kicks", method="maml")

# %% [markdown]
# ## 4. Recommendation: a user's taste
#
# *What varies:* the point in the space of items that this user likes best. *What is shared:* how a rating falls with
# distance, and that everybody is bored by the same thing again. *What exploring costs:* some bad suggestions, and
# perhaps the user, who leaves. (Ours cannot leave; that is one of the ways in which it is a toy.)

# %%
user = look("taste")

# %% [markdown]
# ### Exercise 1: find the bug
#
# A friend writes a family of users. MAML and PEARL train on it for hours, and their returns never rise after
# adaptation. All she says of it is: "each episode gets its user here". Find the line.


# %% tags=["exercise"]
def users(tastes, episodes, rng):
    """The user's taste in each episode [K, E, 2], for tasks with the given tastes [K, 2]."""
    # begin solution: users
    return tastes[:, None].repeat(episodes, axis=1)
    # stub
    # return rng.uniform(-1, 1, size=(len(tastes), episodes, 2))
    # end solution


# %% tags=["check"]
exercises.users.check(users)
# exercises.users.hint()
# exercises.users.solution()

# %% [markdown]
# ## 5. Medicine: a patient's dose
#
# *What varies:* how fast this patient clears a drug, and how strongly she responds to it. *What is shared:* a
# published model (a dose $d$ raises the level $c$ by $\dot c = d / V - k\,c$) of theophylline, a drug for asthma
# whose helpful and harmful levels lie close together. *What exploring costs:* here it is a person. An overdose costs
# five times as much as an underdose of the same size.

# %%
patient = look("dosing")

# %% [markdown]
# ## 6. Trading: a market's regime
#
# *What varies:* whether prices trend or return to their mean, and how much they move. *What is shared:* the costs of
# trading, and the dislike of risk. *What exploring costs:* little, and that is special: who watches with an empty
# purse learns as much as who trades.

# %%
market = look("market", method="maml")

# %% [markdown]
# ### Move it
#
# All five can be moved: change the family, run the cell, and set the task.

# %% tags=["nbval-ignore-output"]
name = "dosing"  # change me: "weak-leg", "penalty-kicks", "taste", "dosing" or "market"

shipped = [agent for agent in (f"maml-{name}", f"pearl-{name}") if agent in mpsearch.available()]
AdaptationExplorer(*map(mpsearch.load, shipped), steps=1)

# %% [markdown]
# ## 7. What is it worth?
#
# A return of -3 says nothing by itself. Two others make it readable: that of the **average policy**, which was
# trained on all tasks but does not adapt, and the **optimum**, the best that is possible for one who *is told* the
# task. For the four toys without physics the optimum is computed, and a test compares it with a slow search; for the
# robot it is the oracle, which a better training could pass.
#
# ### Exercise 2: fill in
#
# Which share of the gap between the two does adapting close? `after`, `average` and `optimum` are the mean returns of
# K tasks. Beware of tasks where there was little to gain.


# %% tags=["exercise"]
def gap_closed(after, average, optimum):
    """The share of the gap from average to optimum that is closed, from returns [K] each."""
    # begin solution: gap_closed
    return (after.mean() - average.mean()) / (optimum.mean() - average.mean())
    # end solution


# %% tags=["check"]
exercises.gap_closed.check(gap_closed)
# exercises.gap_closed.hint()
# exercises.gap_closed.solution()

# %% [markdown]
# Now the stored results, on tasks that no training has seen. Each number can be repeated by the command that the cell
# prints.


# %% jupyter={"source_hidden": true}
def row(record, name, stage=-1):
    """The mean return [K] of one row of a record on each task."""
    return np.array(record["rows"][name]["returns"])[..., stage].mean(axis=0)


done = exercises.gap_closed.verdict(gap_closed).status == "right"
closed_by = gap_closed if done else exercises.gap_closed.reference
records = {name: results.read(name, "applications") for name in FAMILIES}
print(
    f"{'mean returns':<15}{'random':>8}{'standard':>10}{'average':>9}{'MAML':>8}{'PEARL':>8}{'optimum':>9}  gap closed"
)
share = {}
for name, record in records.items():
    means = {one: row(record, one).mean() for one in record["rows"]}
    standard = f"{means['standard']:.1f}" if "standard" in means else "none"
    print(f"{name:<15}{means['random']:8.1f}{standard:>10}", end="")
    print(f"{means['average']:9.1f}{means['maml']:8.1f}{means['pearl']:8.1f}{means['optimum']:9.1f}", end="  ")
    for method in ("maml", "pearl"):
        share[method, name] = closed_by(*(row(record, one) for one in (method, "average", "optimum")))
        print(f"{method.upper()} {share[method, name]:.0%}", end=" ")
    print()
print(f"\nto repeat one: {record['command']}")
print(f"standard: {', '.join(one['standard'] for one in records.values() if one['standard'])}")

# %% jupyter={"source_hidden": true}
EDGE = 1.2  # of the picture
_, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
for place, (method, colour, mark) in enumerate((("maml", plots.BEFORE, "o"), ("pearl", plots.AFTER, "D"))):
    heights = np.arange(len(FAMILIES))[::-1] + 0.15 - 0.3 * place
    closed = np.array([share[method, name] for name in FAMILIES])
    axes.plot(closed.clip(max=EDGE), heights, mark, color=colour, label=method.upper(), ms=8)
    for value, height in zip(closed, heights, strict=True):
        if value > EDGE:
            axes.text(EDGE - 0.03, height, f"{value:.0%}", ha="right", va="center", c=colour, backgroundcolor="w")
axes.axvline(0, color="0.5", linestyle=":")
axes.axvline(1, color="0.5", linestyle="--")
axes.set(xlabel="share of the gap closed (0: average policy, 1: optimum)", yticks=range(len(FAMILIES)))
axes.set_yticklabels(FAMILIES[::-1])
axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.15), ncols=2)
told = "; ".join(f"{name}: MAML {share['maml', name]:.0%}, PEARL {share['pearl', name]:.0%}" for name in FAMILIES)
plots.show(axes, f"Share of the gap between the average policy and the optimum that is closed. {told}.")
assert np.mean([value > 0.4 for value in share.values()]) > 0.7
oracle, average = (row(records["weak-leg"], one).mean() for one in ("optimum", "average"))
assert 1.1 < oracle / average < 1.2
assert share["maml", "weak-leg"] > 0.5
assert share["pearl", "weak-leg"] > 1

# %% [markdown]
# `RESULTS.md` has the intervals, and says where a method fails. The robot is the case to think about. Even being told
# gains only a seventh there for a policy of this kind, since most of running is the same on any legs. Trained from
# random weights, MAML gained nothing. The one here starts from the oracle, and what the oracle was told, the weakness,
# is the only number that its gradient steps change (`context_rate=1.5` for it, and `inner_rate=0` for all others;
# Zintgraf et al. 2019). Three noisy steps can find one number, but not a gait. PEARL's policies run better than this
# oracle, so it gains more. Elsewhere,
# nothing says that one method is better: each got settings that suit the family (see the `command` of its card), and
# no family was chosen to favour one.

# %% [markdown]
# ## 8. What a distribution leaves out
#
# What makes a good task distribution?
#
# - **Something stays**: a task is the same in all its episodes (exercise 1).
# - **Something varies that matters**: being told the task must be worth much, or the average policy is all one needs.
# - **It can be found out**, by transitions that cost less than what knowing it is worth.
# - **It covers what will come.** This is the one that fails in practice, because the rare cases are missing where
#   the data come from.
#
# Let us break the last one on purpose. A study has enrolled no rare patients: none whose sensitivity or clearance
# lies in an outer quarter of its range.
#
# ### Exercise 3, the larger one: change the distribution
#
# Write `Clinic(rare)`, a subclass of `Dosing`, with
#
# - `__init__(self, rare=0.1, **settings)`, which keeps `rare` and passes the other settings on, and `config`, a
#   property: that of `Dosing` and `"rare"`, so that a checkpoint can create the distribution again,
# - `is_rare(tasks)` [K] for tasks [K, 2]: on a logarithmic scale, as patients are drawn, does one number lie in the
#   lowest or the highest quarter of its range, from `self.low` to `self.high`?
# - `sample(n, rng)`, n patients [n, 2], each rare with the probability `rare`. Rare patients are uniform among rare
#   ones on that scale, and typical ones among typical ones.


# %% tags=["exercise"]
class Clinic(Dosing):
    """Patients of which a share `rare` is rare."""

    id = "clinic"

    # begin solution: Clinic
    def __init__(self, rare=0.1, **settings):
        super().__init__(**settings)
        self.rare = rare

    @property
    def config(self):
        return {**super().config, "rare": self.rare}

    def is_rare(self, tasks):
        places = np.log(tasks / self.low) / np.log(self.high / self.low)  # from 0 to 1
        return (np.abs(places - 0.5) > 0.25).any(axis=-1)

    def sample(self, n, rng):
        wanted = rng.random(n) < self.rare
        tasks = super().sample(n, rng)
        while (wrong := self.is_rare(tasks) != wanted).any():
            tasks[wrong] = super().sample(wrong.sum(), rng)
        return tasks

    # end solution


# %% tags=["check"]
exercises.clinic.check(Clinic)
# exercises.clinic.hint()
# exercises.clinic.solution()

# %% [markdown]
# Two MAMLs are now trained live: one where all patients of the study are typical, one where three quarters are rare,
# as in the full range. Then both meet the same new patients, rare and typical. (If your class is not done, a copy
# works.)
#
# ### Exercise 4: predict, then run
#
# After adaptation, who loses most by the narrow study: the `"rare"` patients, the `"typical"` ones, or `"neither"`?

# %% tags=["exercise", "check"]
# begin solution: breaks
prediction = "rare"
# stub
# prediction = ...  # "rare", "typical" or "neither"
# end solution
exercises.breaks.predict(prediction)
# exercises.breaks.hint()

# %%
right = exercises.clinic.verdict(Clinic).status == "right"
Study = Clinic if right else exercises.Clinic
SETTINGS = MAMLConfig(tasks_per_iteration=16, episodes=10, discount=0.95, max_kl=0.05, hidden=(32, 32))
ITERATIONS = 20

studies = {"no rare patients": 0.0, "three quarters rare": 0.75}
agents = {}
for words, rare in studies.items():
    agents[words] = MAML(Study(rare), SETTINGS)
    agents[words].train(ITERATIONS, seed=SEED, progress=False)
patients = held_out(Dosing(), 60)
is_rare = Study().is_rare(patients)
after = {words: agent.adapt(patients, seed=SEED + 1, steps=1).after for words, agent in agents.items()}
for words, returns in after.items():
    print(f"trained with {words:<20}", end="")
    print(f" typical patients {returns[~is_rare].mean():6.1f}, rare patients {returns[is_rare].mean():6.1f}")
narrow, wide = after.values()
assert (wide - narrow)[is_rare].mean() > max(5, (wide - narrow)[~is_rare].mean())

# %% tags=["check"]
exercises.breaks.check(narrow, wide, is_rare)
# exercises.breaks.solution()

# %% jupyter={"source_hidden": true}
_, axes = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
for (words, returns), mark in zip(after.items(), plots.MARKERS, strict=False):
    axes.plot(patients[:, 0], -returns, mark, label=words, color=list(plots.PALETTE.values())[mark == "s"])
low, high = Dosing.low[0] * (Dosing.high[0] / Dosing.low[0]) ** np.array([0.25, 0.75])
axes.axvspan(low, high, color="0.92", zorder=0, label="sensitivity of typical patients")
axes.set(xlabel="sensitivity of the patient (1: average)", ylabel="cost of a day", xscale="log", yscale="log")
axes.xaxis.set_major_formatter("{x:g}")
axes.xaxis.set_minor_formatter("{x:g}")
axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
outside = (patients[:, 0] < low) | (patients[:, 0] > high)
plots.show(
    axes,
    f"Cost of a day after adaptation against the patient's sensitivity. Among the {outside.sum()} patients of unusual"
    f" sensitivity it is {-narrow[outside].mean():.1f} on average after the narrow study, {-wide[outside].mean():.1f}"
    " after the wide one.",
)

# %% [markdown]
# ## 9. The price of exploring, and a task that changes
#
# Adaptation needs data, and the data come from somebody. Here is the share of hours above the toxic level for each
# stage:

# %% jupyter={"source_hidden": true}
dosing, rng = Dosing(), np.random.default_rng(SEED)
people = held_out(dosing, 40)
toxic = {}
for method in ("maml", "pearl"):
    result = mpsearch.load(f"{method}-dosing").adapt(people, seed=SEED)
    toxic[method] = overdose(result.trajectories).mean(axis=0)  # [S]
    print(f"{method.upper():<6}", *(f"{share:7.1%}" for share in toxic[method]), " by stage")
standard = rule_returns(dosing, dosing.standard, people, 5, rng)
best = rule_returns(dosing, dosing.optimum, people, 5, rng)
print(f"cost of a day: population dose {-standard.mean():.1f}, at worst {-standard.min():.0f};", end=" ")
print(f"optimum {-best.mean():.1f}, at worst {-best.min():.0f}")
assert all(share[-1] < share[0] for share in toxic.values())

# %% [markdown]
# Look at the first column. Before it has adapted, a meta-policy may well do *more* harm than the dose for everybody:
# it was trained for the return *after* exploring, and nobody told it that the first patients count. A patient is not
# a simulator. What can be done: put the price of exploring into the reward of training; begin near the standard; let
# a rule that is known to be safe overrule the policy; or explore in the model only, and treat with what was found.
#
# And a patient is the same tomorrow. A market need not be. `Turning` is a market that reverses its correlation in the
# middle of each episode:


# %%
class Turning(Market):
    """A market whose correlation changes its sign in the middle of an episode."""

    def make_batch(self, tasks, episodes, *, threads=0):
        batch = super().make_batch(tasks, episodes)
        step, half, regimes = batch._step, self.horizon // 2, batch.tasks.copy()

        def turning_step(actions):
            batch.tasks[:] = regimes * ([1, 1] if batch.time < half else [-1, 1])
            return step(actions)

        batch._step = turning_step
        return batch


strong = np.array([[sign * correlation, 1.0] for sign in (-1, 1) for correlation in (0.5, 0.6, 0.7)])

# %% [markdown]
# PEARL explores two episodes of a market that does not turn. Then the market turns in the middle of the third.
#
# ### Exercise 5: predict, then run
#
# In the second half of that episode, is its return `"above"` that of the average policy, which never adapted, or
# `"below"`?

# %% tags=["exercise", "check"]
# begin solution: turned
prediction = "below"
# stub
# prediction = ...  # "above" or "below"
# end solution
exercises.turned.predict(prediction)
# exercises.turned.hint()


# %% jupyter={"source_hidden": true}
def halves(rule, seed=SEED):
    """Mean returns [K, 2] of the two halves of 50 episodes in markets that turn, for a rule: batch -> actions."""
    turning, rewards = Turning(), []
    batch = turning.make_batch(strong, 50)
    batch.reset(np.random.default_rng(seed))
    for _ in range(turning.horizon):
        rewards.append(batch.step(rule(batch))[1].mean(axis=-1))
    return np.stack(rewards, axis=-1).reshape(len(strong), 2, -1).sum(axis=-1)


def acting(result, stage=-1):
    """The rule that acts with the policies of an adaptation."""
    return lambda batch: np.stack([result.policy(k, stage)(seen) for k, seen in enumerate(batch.observe())])


pearl, average = mpsearch.load("pearl-market"), mpsearch.load("average-market")
rows = {
    "average policy": acting(average.adapt(strong, seed=SEED, steps=0)),
    "PEARL, believes in the first half": acting(pearl.adapt(strong, seed=SEED)),
    "PEARL, believes in the second half": acting(pearl.adapt(strong * [-1, 1], seed=SEED)),
    "optimum, told at each step": Turning().optimum,
}
earned = {words: halves(rule) for words, rule in rows.items()}
for words, returns in earned.items():
    print(f"{words:<36} first half {returns[:, 0].mean():6.1f}, second half {returns[:, 1].mean():6.1f}")
stale, calm = earned["PEARL, believes in the first half"], earned["average policy"]

# %% tags=["check"]
exercises.turned.check(stale[:, 1], calm[:, 1])
# exercises.turned.solution()

# %% [markdown]
# The belief is right for half an episode, and wrong for the other half. New observations alone do not mend it:
# PEARL's belief is a *product* over all that it has seen (lesson 06), so yesterday's evidence counts for ever. An
# agent for a world that changes has to forget, or to be trained in a world that changes (Al-Shedivat et al. 2018).

# %% [markdown]
# ## 10. When not to use this
#
# Ask three questions before you meta-train anything.
#
# 1. *Does knowing the task change what to do?* Compare the average policy with one that is told. If they are near
#   each other, train the average policy, and be done. (`mpsearch check` measures it.)
# 2. *Can one just ask, or measure?* If the weight of the load can be read from a scale, put it into the observation.
# 3. *Are there hundreds of tasks like this one, in data or in a simulator, and is the next one among them?* If there
#    are five, learn each. If the next one differs in kind, no meta-policy will know.
#
# And how far are our toys from practice?
#
# - **Robots:** a real robot with six legs walks on with a broken leg after about two minutes (Cully et al. 2015), and
#   a small one adapts to a missing leg while it runs (Nagabandi et al. 2019). *Our toy leaves out* contact, wear, and
#   a body that can break.
# - **Games:** simulated wrestlers adapt to an opponent who learns, too (Al-Shedivat et al. 2018). *We leave out* that
#   will of her own.
# - **Recommendation:** a meta-learned model serves users with few ratings (Lee et al. 2019). *We leave out* a million
#   items, and a user who leaves.
# - **Medicine:** patients with HIV are treated, in simulation, whose differences are hidden (Killian et al. 2017).
#   *We leave out* slow laboratories, and all that no model knows.
# - **Trading:** the optimal rule is known for *known* predictability (Garleanu and Pedersen 2013). *We leave out*
#   that correlations are near 0, and everybody else who has read this lesson.
#
# Even in this list only the robots acted in the world. The rest is simulation, as ours is, or recorded data.
#
# ## What you have learned
#
# - An application is a task distribution: what varies, what is shared, and a reward. The algorithms stay as they are.
# - What adapting is worth lies between the average policy and the optimum. Measure both first.
# - A meta-policy adapts to what its distribution holds, and fails silently outside.
# - Exploring has a price that somebody pays, and a belief about yesterday's task can be worse than none.
#
# <details><summary>Further reading</summary>
#
# - Cully, Clune, Tarapore and Mouret 2015, *Robots that can adapt like animals*, Nature 521.
# - Nagabandi et al. 2019, *Learning to adapt in dynamic, real-world environments through meta-reinforcement
#   learning*, ICLR.
# - Al-Shedivat et al. 2018, *Continuous adaptation via meta-learning in nonstationary and competitive environments*,
#   ICLR.
# - Lee, Im, Jang, Cho and Chung 2019, *MeLU: meta-learned user preference estimator for cold-start recommendation*,
#   KDD.
# - Killian, Daulton, Konidaris and Doshi-Velez 2017, *Robust and efficient transfer learning with hidden parameter
#   Markov decision processes*, NeurIPS.
# - Garleanu and Pedersen 2013, *Dynamic trading with predictable returns and transaction costs*, Journal of Finance
#   68.
# - Holford, Black, Couch, Kennedy and Briant 1993, *Theophylline target concentration in severe airways obstruction*,
#   Clinical Pharmacokinetics 25.
#
# </details>
