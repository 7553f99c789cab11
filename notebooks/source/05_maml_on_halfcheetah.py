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
# # MAML on HalfCheetah
#
# **After this lesson you can**
#
# 1. say how far a step takes a policy, and why the length of the step does not tell,
# 2. derive the trust region: from a bound with a penalty, to a constraint, to a step,
# 3. compute that step for thousands of parameters without a matrix,
# 4. read the library's meta-trainer from top to bottom, and run it,
# 5. write the whole inner loop, and adapt a cheetah with it,
# 6. judge a meta-policy against a random start, an average policy and a told one.
#
# **Time:** three sittings: about 40 minutes for sections 1 to 3, 15 for 4 to 6, 40 for 7 to 9. **Builds on:** lessons
# 01 and 04. **You need:** the chain rule for vectors, and logarithms.
#
# Lesson 04 took a step along the meta-gradient and did not explain it. Here it is. Then we train, and measure what it
# has brought. Side paths and drawing code are folded.

# %%
import itertools
import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.utils import parameters_to_vector

import mpsearch
from mpsearch import CheetahDirection, PointNavigation, PolicyNet
from mpsearch.evidence import baselines, results
from mpsearch.exercises import lesson_05 as exercises
from mpsearch.maml import MAML, MAMLConfig
from mpsearch.maml.inner import Steps, surrogate
from mpsearch.maml.outer import divergence, frozen, kl_metric, trust_region_update
from mpsearch.maml.trust_region import (
    conjugate_gradient,
    flat_gradient,
    hessian_product,
    trust_region_step,
)
from mpsearch.policies import with_parameters
from mpsearch.returns import task_advantages
from mpsearch.rollouts import collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.view import plots
from mpsearch.view.live import LiveCurve, show_source
from mpsearch.view.widgets import AdaptationExplorer
from mpsearch.zoo import ZOO

# %% [markdown]
# ## 1. How far is far?
#
# Introductions write MAML's outer step as a plain gradient step on $\theta$. How long should it be? Too short, and
# training takes forever. Too long, and the policy falls over, and draws useless data.
#
# The trouble is that "long" means nothing among parameters. Take one action $a \sim \mathcal{N}(\mu, \sigma^2)$.
# Move $\mu$ by 0.1. For a policy that explores widely, that is hardly a change. For one that has settled, it is
# another policy:

# %% jupyter={"source_hidden": true}
_, panels = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True, layout="constrained")
a = torch.linspace(-1.5, 1.5, 800)
for axes, std in zip(panels, (0.5, 0.05), strict=True):
    moved = {"before the step": (0.0, "--", plots.BEFORE), "after it": (0.1, "-", plots.AFTER)}
    shapes = {name: torch.exp(-0.5 * ((a - mean) / std) ** 2) for name, (mean, _, _) in moved.items()}
    for name, (_, dashes, colour) in moved.items():
        axes.plot(a, shapes[name], dashes, color=colour, label=name)
    axes.fill_between(a, torch.minimum(*shapes.values()), color="0.85", label="shared")
    axes.set(title=f"standard deviation {std}", xlabel="action", ylim=(0, 1.05))
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("density, share of its peak")
panels[1].legend(frameon=False, loc="upper left")
shared = [2 * Normal(0.0, std).cdf(torch.tensor(-0.05)).item() for std in (0.5, 0.05)]
words = (
    "Densities of an action before and after its mean moves by 0.1. With standard deviation 0.5"
    f" the two share {shared[0]:.0%} of their area; with 0.05, {shared[1]:.0%}."
)
plots.show(panels[0], words)

# %% [markdown]
# So let us measure between *distributions*. Draw actions from the old policy, and ask how much less likely the new one
# makes them, on average, in logarithms. That is the **Kullback-Leibler divergence**:
#
# $$\mathrm{KL}(\pi \,\|\, \tilde\pi) = \mathbb{E}_{a \sim \pi}\big[ \log \pi(a) - \log \tilde\pi(a) \big]$$
#
# It is 0 if the two are equal, and else above 0. For two normal distributions, $\log \pi(a) = -\log \sigma -
# (a-\mu)^2 / 2\sigma^2 - \tfrac12 \log 2\pi$. So
#
# $$
# \begin{aligned}
# \mathrm{KL} &= \mathbb{E}\Big[ \log \tilde\sigma - \log \sigma + \frac{(a - \tilde\mu)^2}{2\tilde\sigma^2} -
# \frac{(a - \mu)^2}{2\sigma^2} \Big] && \text{the constants cancel} \\
# &= \log \frac{\tilde\sigma}{\sigma} + \frac{\sigma^2 + (\mu - \tilde\mu)^2}{2\tilde\sigma^2} - \frac12
# && \text{as } \mathbb{E}(a - \mu)^2 = \sigma^2 \text{ and } \mathbb{E}(a - \tilde\mu)^2 = \sigma^2 +
# (\mu - \tilde\mu)^2
# \end{aligned}
# $$
#
# For actions of several numbers, the KLs of the numbers add up.
#
# ### Exercise 1: predict, then run
#
# The same step, 0.1 in the mean, for the two policies of the picture. How many times as large is the KL of the narrow
# one: `"1"`, `"10"` or `"100"` times?

# %% tags=["exercise", "check"]
# begin solution: same_step
prediction = "100"
# stub
# prediction = ...  # "1", "10" or "100"
# end solution
exercises.same_step.predict(prediction)
# exercises.same_step.hint()


# %%
def gaussian_kl(mean, std, new_mean, new_std):
    """The formula above."""
    return np.log(new_std / std) + (std**2 + (mean - new_mean) ** 2) / (2 * new_std**2) - 0.5


wide, narrow = gaussian_kl(0, 0.5, 0.1, 0.5), gaussian_kl(0, 0.05, 0.1, 0.05)
print(f"KL with standard deviation 0.5: {wide:.2f}, with 0.05: {narrow:.2f}")
library = kl_divergence(Normal(0.0, 0.5), Normal(0.3, 0.4)).item()
assert np.isclose(gaussian_kl(0, 0.5, 0.3, 0.4), library)

# %% tags=["check"]
exercises.same_step.check(wide, narrow)
# exercises.same_step.solution()

# %% [markdown]
# ## 2. What the surrogate promises
#
# Back to the point in the plane of lesson 01. It runs 100 episodes. From them come a surrogate loss and its
# gradient. Let us go down this gradient, further and further, and compare two numbers: what the surrogate *promises*,
# computed from the old episodes, and what *new* episodes really bring.

# %%
tasks = PointNavigation(horizon=30)
goal = np.array([0.4, 0.2])  # m
streams = Streams(0)

policy = PolicyNet(2, 2, hidden=(32, 32), observation_scale=tasks.observation_scale, initial_std=0.3)
policy.initialise(streams.torch("initial-policy"))
weights = list(policy.parameters())
start = parameters_to_vector(weights).detach()


def parts(theta):
    """The vector theta [P], cut into the policy's tensors."""
    pieces = theta.split([p.numel() for p in weights])
    return [piece.view_as(p) for piece, p in zip(pieces, weights, strict=True)]


def run(theta, number):
    """100 episodes by the policy with parameters theta."""
    actor = gaussian_actor(policy, parts(theta), streams.torch("actions", number))
    batch = tasks.make_batch([goal], episodes=100)
    return collect(batch, tasks.horizon, actor, streams.numpy("reset", number))


episodes = run(start, 0)
advantages = task_advantages(episodes, tasks.observation_scale, 0.9, gae_lambda=0.95)
data = Steps.of(episodes, advantages)
slope = flat_gradient(surrogate(policy, data).sum(), weights)
old = frozen(policy(data.observations))


@torch.no_grad()
def evaluate(theta):
    """The surrogate loss and the KL from the old policy, both on the old episodes."""
    new = with_parameters(policy, parts(theta))
    return surrogate(new, data).item(), divergence(old, new(data.observations)).item()


downhill = -slope / slope.norm()
lengths = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
promised, kls, reached = [], [], []
for number, length in enumerate(lengths):
    loss, kl = evaluate(start + length * downhill)
    promised.append(round(-loss, 3) + 0.0)  # + 0.0 turns -0.0 into 0.0
    kls.append(kl)
    reached.append(run(start + length * downhill, number).returns.mean())

# %% jupyter={"source_hidden": true}
_, panels = plt.subplots(1, 2, figsize=(9, 3.2), sharex=True, layout="constrained")
panels[0].plot(lengths, promised, "--o", color=plots.BEFORE)
panels[0].set(title="promised", xlabel="length of the step", ylabel="mean of ratio times advantage")
panels[1].plot(lengths, reached, "-D", color=plots.AFTER)
panels[1].set(title="reached", xlabel="length of the step", ylabel="mean return of new episodes")
for axes in panels:
    axes.axvspan(0, lengths[np.array(kls) < 0.1].max(), color="0.9", label="KL below 0.1")
    axes.spines[["top", "right"]].set_visible(False)
panels[0].legend(frameon=False)
rows = zip(lengths, kls, promised, reached, strict=True)
words = "One gradient, steps of different lengths: " + "; ".join(
    f"length {x:g}: KL {k:.2f}, promised {p:.2f}, return {r:.1f}" for x, k, p, r in rows
)
plots.show(panels[0], words + ".")
assert max(reached) > reached[0] + 4  # a short step helps
assert promised[-1] > promised[3]  # a long one promises more
assert reached[-1] < reached[0] - 3  # and harms

# %% [markdown]
# Near the start, promise and return rise together. Then they part: the promise grows, and the return falls
# below where it began. The surrogate is *not made* for such a distance. Why?
#
# ### Where the promise comes from
#
# Let $\pi$ be the old policy, with values $V$ and advantages $A$, and $\tilde\pi$ any other. How much better is it?
# Average the old advantages over episodes of the *new* policy:
#
# $$
# \begin{aligned}
# \mathbb{E}_{\tilde\pi}\Big[ \sum_t \gamma^t A(s_t, a_t) \Big]
# &= \mathbb{E}_{\tilde\pi}\Big[ \sum_t \gamma^t \big( r_t + \gamma V(s_{t+1}) - V(s_t) \big) \Big]
# && \text{what an advantage is} \\
# &= \mathbb{E}_{\tilde\pi}\Big[ \sum_t \gamma^t r_t \Big] - \mathbb{E}\big[ V(s_0) \big]
# && \text{all other values cancel} \\
# &= J(\tilde\pi) - J(\pi) && V(s_0) \text{ is the old mean return}
# \end{aligned}
# $$
#
# That is exact. But it asks for states that the new policy visits, and we have those of the old one. The surrogate
# takes these instead; the ratio $\rho$ of lesson 04 puts right the actions, and *nothing* puts right the states.
#
# ### How wrong can it be?
#
# <details><summary>The derivation, in two steps</summary>
#
# Say that in every state the two policies can be made to draw the same action, except with a chance of at most $q$
# (at best, their total variation distance; the $q$ of lesson 06 is another one). Let $A_{\max}$ be the largest $|A|$,
# and $\bar A(s) = \mathbb{E}_{a \sim \tilde\pi}[A(s, a)]$.
#
# - Under $\pi$, the mean of $A$ is 0 in any state. The new actions differ with chance $q$, so $|\bar A(s)| \le 2 q
#   A_{\max}$.
# - States can differ at step $t$ only if an action differed before: a chance of at most $t q$. So the two means of
#   $\bar A(s_t)$ differ by at most $2 \cdot t q \cdot 2 q A_{\max}$.
#
# Add up, with $\sum_t \gamma^t t = \gamma / (1-\gamma)^2$, and use that $q^2 \le \mathrm{KL}$ (Pinsker's inequality).
#
# </details>
#
# The promise is off by at most a multiple of the largest KL between the two policies in any state $s$:
#
# $$J(\tilde\pi) \;\ge\; J(\pi) \;+\; \underbrace{\mathbb{E}_{\pi}\Big[ \sum_t \gamma^t \rho_t A_t \Big]}_{
# \text{what the surrogate promises}} \;-\; \underbrace{C \max_s \mathrm{KL}\big(\pi \,\|\, \tilde\pi\big)}_{
# \text{penalty}}, \qquad C = \frac{4 \gamma A_{\max}}{(1-\gamma)^2}$$
#
# (Our program averages over steps where this adds them up, and drops $\gamma^t$, as in lesson 01.) At $\tilde\pi =
# \pi$ both sides are equal. So a policy that *maximises the right-hand side* is never worse than the old one. That is
# the **penalty view**.

# %%
for discount in (0.9, 0.99):
    print(f"gamma {discount}: C = {4 * discount / (1 - discount) ** 2:,.0f} times the largest advantage")

# %% [markdown]
# So nobody uses it as it stands: every step would be tiny. Keep the shape, and give up the guarantee: **maximise the
# promise, as long as KL is below $\kappa$**, a number that one can choose with sense. (Papers call it $\delta$, our
# code `max_kl`.) And take the *mean* over states: the maximum cannot be estimated from samples. This is trust-region
# policy optimisation (TRPO).

# %% [markdown]
# ## 3. The step
#
# Inside a small region, simple models will do. Let $g$ be the slope of the loss at $\theta$, and $d$ the step. The
# loss changes by $g^\top d$. And KL? At $d = 0$ it is 0, and it is never below 0, so its slope there is 0 as well.
# What is left is its curvature $M$. Expand the new logarithm around $\theta$, with the score
# $\psi = \nabla_\theta \log \pi_\theta(a \mid s)$ of lesson 04:
#
# $$
# \begin{aligned}
# \mathrm{KL}(\pi_\theta \,\|\, \pi_{\theta + d})
# &= \mathbb{E}\big[ \log \pi_\theta - \log \pi_{\theta + d} \big] && \text{what KL is} \\
# &\approx -\,\mathbb{E}[\psi]^\top d - \tfrac12\, d^\top\, \mathbb{E}\big[\nabla^2 \log \pi_\theta\big]\, d
# && \text{second order in } d \\
# &= \tfrac12\, d^\top M\, d, \qquad M = -\mathbb{E}\big[\nabla^2 \log \pi_\theta\big]
# && \text{a score has mean 0 (lesson 01)} \\
# &\phantom{=}\; M = \mathbb{E}\big[\psi\, \psi^\top\big]
# && \mathbb{E}[\nabla^2 \rho] = 0, \;\; \nabla^2 \rho = \psi\psi^\top + \nabla^2 \log \pi_\theta
# \end{aligned}
# $$
#
# $M$ is known as the *Fisher information matrix*. It translates lengths in parameters to
# lengths in distributions.
#
# Now minimise $g^\top d$ subject to $\tfrac12 d^\top M d \le \kappa$. With a multiplier $\eta$:
#
# $$
# \begin{aligned}
# 0 &= \nabla_d \big( g^\top d + \eta\, ( \tfrac12 d^\top M d - \kappa ) \big) = g + \eta\, M d
# && \text{at the best } d \\
# d &= \ell\, x \quad \text{with} \quad M x = -g, \;\; \ell = 1/\eta && \text{only the length is open} \\
# \kappa &= \tfrac12 \ell^2\, x^\top M x && \text{go to the edge of the region} \\
# \ell &= \sqrt{2 \kappa \,/\, x^\top M x}
# \end{aligned}
# $$
#
# The first line is the penalty view again, with $\eta$ for $C$. Penalty and constraint give the *same direction*, the
# **natural gradient**. They differ in what one chooses: a price, or a distance.
#
# <details><summary>What M is for one Gaussian</summary>
#
# Its parameters are $\mu$ and $\log \sigma$; they move by $m$ and $w$, so $\tilde\sigma =
# \sigma e^w$. Put that into the formula of section 1, and differentiate twice at $m = w = 0$:
#
# $$\mathrm{KL} = w + \frac{\sigma^2 + m^2}{2 \sigma^2}\, e^{-2w} - \frac12, \qquad
# \frac{\partial^2 \mathrm{KL}}{\partial m^2} = \frac{1}{\sigma^2}, \quad
# \frac{\partial^2 \mathrm{KL}}{\partial w^2} = 2, \quad
# \frac{\partial^2 \mathrm{KL}}{\partial m\, \partial w} = 0$$
#
# So $M$ is diagonal.
#
# </details>
#
# For one Gaussian, with the same slope $g$:

# %% jupyter={"source_hidden": true}
slope_2 = np.array([-1.0, 0.3])  # of a loss, in mean and log std
kappa, plain = 0.05, -0.15 * slope_2 / np.linalg.norm(slope_2)
d_mean, d_log = np.meshgrid(np.linspace(-0.25, 0.25, 121), np.linspace(-0.35, 0.35, 121))
_, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
ends = {}
for axes, std in zip(panels, (0.5, 0.1), strict=True):
    metric = np.diag([1 / std**2, 2.0])
    x = np.linalg.solve(metric, -slope_2)
    natural = np.sqrt(2 * kappa / (x @ metric @ x)) * x
    axes.contour(d_mean, d_log, gaussian_kl(0, std, d_mean, std * np.exp(d_log)), [kappa], colors="0.3")
    model = 0.5 * (d_mean**2 / std**2 + 2 * d_log**2)
    axes.contour(d_mean, d_log, model, [kappa], colors="0.3", linestyles=":")
    for name, step, style in (("plain", plain, "--o"), ("natural", natural, "-D")):
        colour = plots.BEFORE if name == "plain" else plots.AFTER
        axes.plot([0, step[0]], [0, step[1]], style, color=colour, markevery=[1], label=f"{name} step")
        ends[std, name] = gaussian_kl(0, std, step[0], std * np.exp(step[1]))
    axes.set(title=f"standard deviation {std}", xlabel="change of the mean")
panels[0].set_ylabel("change of log std")
panels[1].legend(frameon=False, loc="upper right")
words = f"Steps in the plane of mean and log std; the solid line is KL {kappa}, the dotted one its model. "
words += "; ".join(f"std {std}, {name} step: KL {kl:.3f}" for (std, name), kl in ends.items())
plots.show(panels[0], words + ".")
assert ends[0.1, "plain"] > 10 * kappa
assert all(abs(ends[std, "natural"] - kappa) < 0.4 * kappa for std in (0.5, 0.1))

# %% [markdown]
# The plain step has the same length in both, and leaves the region of the narrow policy far behind. The natural step
# adapts: it is short where the policy is narrow, and turns to where there is room.
#
# ### Without a matrix
#
# A cheetah's policy has thousands of parameters, so $M$ has tens of millions of entries. Nobody builds it. Exercise 2
# of lesson 04 got the product $M v$ from two gradients. And **conjugate gradient** solves $M x = b$ from such
# products alone. It walks down the bowl $\tfrac12 x^\top M x - b^\top x$, whose lowest point is the solution. Any two
# of its directions $u, v$ are *conjugate*, $u^\top M v = 0$: a walk along one does not spoil what was reached along
# the other. One may stop at any time, with a better direction than before; the library takes ten.

# %%
show_source(hessian_product, conjugate_gradient)

# %% [markdown]
# ### Exercise 2: fill in
#
# Compute $d$ from the slope. `product(v)` gives $M v$. Use `conjugate_gradient(product, target, iterations=10)`. Mind
# the sign.


# %% tags=["exercise"]
def natural_step(slope, product, max_kl):
    """The trust-region step [P]: slope [P] of the loss, product(v) = M v, max_kl the size of the region."""
    # begin solution: natural_step
    x = conjugate_gradient(product, -slope, iterations=10)
    return x * torch.sqrt(2 * max_kl / (x @ product(x)))
    # end solution


# %% tags=["check"]
exercises.natural_step.check(natural_step)
# exercises.natural_step.hint()
# exercises.natural_step.solution()

# %% [markdown]
# Does it pay? Here is the cheetah's shipped start, and 20 episodes of the task "forward". With one iteration, $x$
# still points along the plain gradient. How much more does the surrogate promise, within the *same* KL, when $x$ is
# better?

# %% tags=["nbval-ignore-output"]
agent = mpsearch.load("maml-cheetah-direction")
cheetah_weights = list(agent.policy.parameters())
actor = gaussian_actor(agent.policy, cheetah_weights, streams.torch("cheetah-actions"))
batch = agent.tasks.make_batch([[1.0]], episodes=20)
episodes = collect(batch, 100, actor, streams.numpy("cheetah-reset"))
steps = Steps.of(episodes, task_advantages(episodes, agent.tasks.observation_scale, 0.99, 0.95))
cheetah_slope = flat_gradient(surrogate(agent.policy, steps).sum(), cheetah_weights)
actions = agent.policy(steps.observations)
product = hessian_product(divergence(frozen(actions), actions).mean(), cheetah_weights, damping=1e-5)

print(f"{len(cheetah_slope):,} parameters; M would have {len(cheetah_slope) ** 2:,} entries")
print("iterations   angle to the plain gradient   promise")
gains = {}
for iterations in (1, 3, 10):
    x = conjugate_gradient(product, -cheetah_slope, iterations)
    step = x * (2 * 0.03 / (x @ product(x))).sqrt()
    gains[iterations] = -(cheetah_slope @ step).item()
    cosine = (x @ -cheetah_slope / (x.norm() * cheetah_slope.norm())).clamp(max=1)
    degrees = torch.rad2deg(torch.arccos(cosine))
    print(f"{iterations:>10} {degrees:19.0f} degrees {gains[iterations]:11.3f}")
assert gains[10] > 1.3 * gains[1]

# %% [markdown]
# ### Then look before you land
#
# $g$ and $M$ come from samples, and know only the neighbourhood. So the step is *tried*: if the true
# surrogate is not better, or the true KL is too large, take 0.8 of it, and so on. If nothing helps, stay. This is a
# **backtracking line search**, and it costs no new episodes.
#
# ### Exercise 3: find the bug
#
# A friend writes the line search. It finds a better loss, always. Read it, run the cells below, then repair it.


# %% tags=["exercise"]
def line_search(start, full_step, evaluate, max_kl):
    """The first of 15 ever shorter steps that can be trusted: evaluate(theta) gives (loss, kl)."""
    start_loss, _ = evaluate(start)
    for attempt in range(15):
        theta = start + 0.8**attempt * full_step
        loss, kl = evaluate(theta)
        # begin solution: line_search
        trusted = loss < start_loss and kl <= max_kl
        # stub
        # trusted = loss < start_loss
        # end solution
        if trusted:
            return theta
    return start


# %% tags=["check"]
exercises.line_search.check(line_search)
# exercises.line_search.hint()
# exercises.line_search.solution()

# %% [markdown]
# To see it at work, a full step that is much too long: the longest of section 2.

# %%
found = line_search(start, lengths[-1] * downhill, evaluate, max_kl=0.05)
loss, kl = evaluate(found)
print(f"promise {-loss:.2f}, KL {kl:.2f}")
print(f"return before {reached[0]:.0f}, after {run(found, 99).returns.mean():.0f}")
print("This step can be trusted." if kl <= 0.05 else "It promised a lot, and lies far outside the region.")

# %% [markdown]
# ## 4. Which policies must stay near?
#
# In MAML, $\theta$ is not what acts in the end. The outer episodes are drawn by the *adapted* policies, one for each
# task $k$. So it is these that must not move far: KL is taken between $\pi_{\theta'_k}$ before and after the outer
# step.
#
# <details><summary>What the matrix M becomes</summary>
#
# What is $M$ then? If $\theta$ moves by $d$, the adapted parameters move by $(I - \alpha H_k)\, d$, as lesson 04
# derived. Put that into the KL of task $k$, which has the metric $M_k$ at $\theta'_k$. (How the path to $\theta'_k$
# bends does not count: it would be multiplied by the slope of the KL, which is 0 there.)
#
# $$\tfrac12 \big( (I - \alpha H_k)\, d \big)^\top M_k\, (I - \alpha H_k)\, d
# \qquad\Rightarrow\qquad M = \frac1K \sum_k (I - \alpha H_k)\, M_k\, (I - \alpha H_k)$$
#
# </details>
#
# For $M$, $d$ has to pass through the inner step first. Nothing is new for the program: `higher` makes $\theta'_k$ a
# function of $\theta$, and derivatives pass through it. Read on: `slope` is lesson 04's, `metric` gives $M v$ on a
# *part* of the data (a rough metric will do; products are expensive), as the box does, without what a slope of 0
# multiplies, and `evaluate` serves the line search, on all data.

# %%
show_source(trust_region_update, kl_metric, trust_region_step)

# %% [markdown]
# ## 5. The trainer, line by line
#
# Lesson 04 showed the loop. Here it is with what it calls.

# %%
show_source(MAML._iterate, MAML._explore, MAML._weigh, MAML._improve)

# %% [markdown]
# | in the code | what happens | lesson |
# |---|---|---|
# | `tasks.sample` | draw $K$ tasks | 03 |
# | `spread_over_tasks` | $K$ views of the same start $\theta$ | 02 |
# | `_explore` | $E$ episodes of each task, by its own parameters | 01 |
# | `_weigh` | advantages, over a baseline fitted to each task alone | 01 |
# | `inner_step(..., order=0)` | $\theta'_k$, without a graph: it only has to act | 04 |
# | the last `stage` | no step follows: these episodes only judge | 04 |
# | `_improve` | the inner steps *once more*, now with a graph; the trust region | here |
#
# With several inner steps, each starts from the result of the one before, and *every* stage but the first judges: the
# meta-loss is the mean of the losses after each step, so that each step has to help. (The paper has the last one
# alone.) This and what else departs from the paper is listed in `MAMLConfig?`, with the reasons.
#
# ### Run it
#
# A full training takes tens of minutes. Here is a classroom size: few tasks, short episodes, few iterations. For
# speed, the region is larger than usual. And `context=8` gives the network eight more inputs, a learned vector that is
# the same in every state: a gradient step on it moves the whole network. (In lesson 06 the word "context" means
# something else.) We watch one number, the **gain**: return after the inner
# step minus return before. **Predict first:** where does it begin, with random weights?

# %% tags=["nbval-ignore-output"]
classroom = CheetahDirection(horizon=100)
RECIPE = MAMLConfig(tasks_per_iteration=4, episodes=20, learn_rates=True, context=8, max_kl=0.1)
ITERATIONS = 10
SEED = 0  # of both trainings: try another


def meta_train(config, iterations, seed, watch=None):
    agent = MAML(classroom, config)
    agent.train(iterations, seed=seed, progress=False, callback=watch)
    return agent


with LiveCurve(f"One inner step, seed {SEED}", ylabel="gain in return") as curve:

    def watch(metrics):
        curve.add(metrics["env_steps"], metrics["after"] - metrics["before"])

    trained = meta_train(RECIPE, ITERATIONS, SEED, watch)

# %% [markdown]
# Is it learning to *adapt*, or just learning? A control decides: the same trainer and as many environment steps, but
# no inner step (`inner_steps=0`): a policy trained on all tasks at once. Then both take one gradient step, on fresh
# episodes of both directions. So do random weights.

# %% tags=["nbval-ignore-output"]
average = meta_train(replace(RECIPE, inner_steps=0, learn_rates=False), 2 * ITERATIONS, SEED)
assert average.env_steps == trained.env_steps


def gain(agent):
    """What one gradient step brings, mean over both directions."""
    result = agent.adapt(classroom.spread(2), seed=100, steps=1, episodes=40)
    return (result.after - result.before).mean()


starts = {
    "meta-trained": trained,
    "trained on all tasks": average,
    "random weights": baselines.start("random", classroom),
}
gained = {name: gain(start) for name, start in starts.items()}
print(f"gain of one gradient step, after {trained.env_steps:,} environment steps of training")
for name, found in gained.items():
    print(f"  {name:<20} {found:6.1f}")
learned, *others = gained.values()
assert learned > 25
assert learned > 2 * max(others)

# %% [markdown]
# The *same* gradient step has come to bring several times as much as with random weights, and more than twice as much
# as after training on all tasks. With other seeds, too? Five are stored (`python notebooks/seeds.py 05 --keep gained`):

# %%
of_seeds = results.read("05_maml_on_halfcheetah", kind="lessons")["records"]
for name in gained:
    found = [run[name] for run in of_seeds]
    print(f"  {name:<20} {min(found):6.1f} to {max(found):.1f}")
ratios = [run["meta-trained"] / max(value for name, value in run.items() if name != "meta-trained") for run in of_seeds]
print(f"meta-trained over the better of the others: {min(ratios):.1f} to {max(ratios):.1f} times, of the same seed")

# %% [markdown]
# ## 6. The shipped run
#
# The meta-policies of lesson 00 come from the same code, with more of everything. The one for directions was trained in
# two parts: first for one inner step, then on from there for three.

# %%
records = (ZOO / "maml-cheetah-direction" / "metrics.jsonl").read_text().splitlines()
metrics = [json.loads(record) for record in records]
print(f"{agent.env_steps:,} environment steps, {agent.cpu_seconds / 60:.0f} minutes on one core,")
print(f"{agent.env_steps / trained.env_steps:.0f} times the classroom's steps. The commands:")
for command in (*(past["command"] for past in agent.history), agent.command):
    print(" ", command.replace(" --set", "\n      --set"))
plots.show(plots.plot_learning_curve(metrics), plots.describe_learning_curve(metrics))

last = metrics[-20:]
assert np.mean([m["after"] for m in last]) > 500
assert abs(np.mean([m["before"] for m in last])) < 100

# %% [markdown]
# The lower line is the point: the start never becomes good at anything. What rises is what gradient steps make of it.

# %% [markdown]
# ## 7. The inner loop, written by you
#
# So far, `adapt` took the steps. Now write it yourself, for one task, in about 20 lines. Then it drives the cheetah.
#
# - `explore(parameters)` runs fresh episodes by the policy with these parameters (a list of tensors), and returns
#   observations [E, T, O], actions [E, T, A] and rewards [E, T].
# - The weight of an action: the discounted sum of the rewards from its own step on, less the mean of that over the
#   episodes at the same step, divided by the standard deviation of all.
# - The loss: minus the mean of log-probability times weight. `with_parameters(policy, parameters)(observations)` is the
#   distribution of the actions. (The data come from this very policy, so the ratio is 1, and the logarithm has its
#   gradient.)
# - In step number `stage`, tensor $i$ moves by its own $\alpha$, `rates[stage][i]`. The policy itself must not change.
#
# ### Exercise 4: write it all
#
# The check goes in four stages: episodes, one step, discounted rewards, several steps. Run it after each.


# %% tags=["exercise"]
def inner_loop(policy, rates, explore, steps, discount):
    """Adapt to a task: the parameters after ``steps`` gradient steps, and the list of mean returns before, between and
    after them (steps + 1 numbers)."""
    # begin solution: inner_loop
    parameters = [p.detach().clone().requires_grad_() for p in policy.parameters()]
    mean_returns = []
    for stage in range(steps + 1):
        observations, actions, rewards = explore(parameters)
        mean_returns.append(rewards.sum(-1).mean().item())
        if stage == steps:
            break
        to_go = torch.zeros_like(rewards)
        following = torch.zeros(len(rewards))
        for t in reversed(range(rewards.shape[1])):
            following = rewards[:, t] + discount * following
            to_go[:, t] = following
        advantages = to_go - to_go.mean(0)
        advantages = advantages / advantages.std()
        log_probs = with_parameters(policy, parameters)(observations).log_prob(actions).sum(-1)
        loss = -(log_probs * advantages).mean()
        gradients = torch.autograd.grad(loss, parameters)
        moved = [p - alpha * g for p, alpha, g in zip(parameters, rates[stage], gradients, strict=True)]
        parameters = [p.detach().requires_grad_() for p in moved]
    return parameters, mean_returns
    # end solution


# %% tags=["check"]
exercises.inner_loop.check(inner_loop)
# exercises.inner_loop.hint()
# exercises.inner_loop.solution()

# %% [markdown]
# Now the real robot: the shipped start, 20 episodes of 200 steps before each step, both directions. Beside it the
# library's `adapt`, whose baseline looks at the state. **Predict first:** how much is that better baseline worth? And
# how much does it matter how far ahead the weights look: about 20 steps (discount 0.95), or 100 (0.99)? (The library's
# 0.99 and its $\lambda$ of 0.95 together look about 20 steps ahead, too: $\gamma \lambda = 0.94$.)


# %%
def task_of(agent, task, seed):
    """The function ``explore`` for one task of the agent's family: 20 new episodes at each call."""
    streams, calls = Streams(seed), itertools.count()
    batch = agent.tasks.make_batch([task], episodes=20)

    def explore(parameters):
        call = next(calls)
        actor = gaussian_actor(agent.policy, parameters, streams.torch("actions", call))
        seen = collect(batch, agent.tasks.horizon, actor, streams.numpy("reset", call))
        return [torch.from_numpy(x[0]) for x in (seen.observations[:, :, :-1], seen.actions, seen.rewards)]

    return explore


# %% tags=["nbval-ignore-output"]
if exercises.inner_loop.verdict(inner_loop).status == "right":
    rates = agent.rates.detach()
    for heading in (1.0, -1.0):
        for discount in (0.95, 0.99):
            _, mine = inner_loop(agent.policy, rates, task_of(agent, [heading], seed=0), 3, discount)
            print(f"direction {heading:+.0f}, your loop with discount {discount}: {np.round(mine)}")
            assert mine[-1] > 200 + mine[0]
        theirs = agent.adapt([[heading]], seed=0).returns[0].mean(-1)
        print(f"direction {heading:+.0f}, the library's adapt:            {theirs.round()}")
else:
    print("Your loop is not ready to drive. Come back when the check says Right.")

# %% [markdown]
# A cheetah that learned a direction by *your* loop. Compare the first steps of the two discounts: what comes much later
# is mostly not this action's doing, and 20 episodes cannot average it out. A shorter look ahead and a better baseline
# serve the same end, less noise.

# %% [markdown]
# ## 8. Is it worth it?
#
# A high return after adaptation proves little: perhaps any policy adapts well. The MAML paper compares with three
# others, from 0 to 3 gradient steps:
#
# - a **random start**: the same steps, no meta-training;
# - an **average policy**, trained on all tasks at once, then the same steps;
# - a policy that is **told** the task (the paper's "oracle"), and need not adapt.
#
# The first two got the best of six step sizes each, chosen on other tasks. **Predict first:** how will the average
# policy do on the two directions? And on speeds, where an average speed makes sense?
#
# Stored evaluations, with the commands that repeat them. The speeds are 40 that no training saw. Training saw both
# directions; new there is the luck of the episodes.

# %%
METHODS = {
    "maml": "MAML",
    "random": "random start",
    "average": "average policy",
    "oracle": "policy told the task (TRPO)",
}


def read(family):
    return {label: results.evaluation(f"{name}-{family}") for name, label in METHODS.items()}


direction, velocity = read("cheetah-direction"), read("cheetah-velocity")
for family in ("cheetah-direction", "cheetah-velocity"):
    for name in METHODS:
        record = results.read(f"{name}-{family}")
        trained_for = record["training"]["env_steps"] if record["training"] else 0
        print(f"{trained_for:>11,} steps of training: {record['command']}")


# %% jupyter={"source_hidden": true}
def show_evaluations(found, title):
    *adapting, told = found
    axes = plots.plot_evaluations({name: found[name] for name in adapting})
    env_steps = found["MAML"].env_steps
    axes.axhline(found[told].mean[0], color="0.4", linestyle=":", label=told)
    axes.set_xticks(env_steps, [f"{step}\n({spent:,})" for step, spent in enumerate(env_steps)])
    axes.set(xlabel="gradient steps (environment steps on the task)")
    plots.legend(axes, f"{title}; bar: 95 % interval over seeds", above=2)
    plots.show(axes, plots.describe_evaluations(found) + f" The dotted line, at {found[told].mean[0]:.0f}: {told}.")


show_evaluations(direction, "direction")

# %%
show_evaluations(velocity, "velocity")

# %%
paper = results.published()["maml_paper"]["rows"]
families = {"cheetah-direction": direction, "cheetah-velocity": velocity}
for family, found in families.items():
    *theirs, told = (paper[family][key] for key in ("maml", "random_init", "pretrained", "oracle"))
    ends = [*(row[-1] for row in theirs), told]
    print(f"{family + ', at the end':<30} ours   paper's")
    for (label, evaluation), end in zip(found.items(), ends, strict=True):
        print(f"  {label:<26} {evaluation.mean[-1]:6.0f} {end:9.0f}")
    maml, random, average_policy, _ = (evaluation.mean for evaluation in found.values())
    assert maml[-1] > max(random[-1], average_policy[-1])

# %%
for family, found in families.items():
    maml, _, average_policy, _ = (evaluation.mean for evaluation in found.values())
    lead = maml - average_policy
    print(f"{family}: lead of MAML over the average policy, after 0 to 3 steps: {lead.round()}")
shares = direction["MAML"].mean / direction["MAML"].mean[-1]
print(f"direction: after one step MAML has {shares[1]:.0%} of what it has after three")
assert shares[1] > 0.9
assert all(direction[name].mean[0] < 30 for name in ("MAML", "random start", "average policy"))

# %% [markdown]
# Sizes cannot be compared with the paper's (another control step, speeds up to 2 m/s). The main point can: MAML ends
# above both starts that were not made for adapting.
#
# - **Direction.** No *single* policy is good at both: what it earns forward it loses backward. So each start has a
#   mean of about zero or below. From the meta-policy, one step brings nearly all.
# - **Velocity.** A middling speed is a decent start. A cheetah that always runs at 1.5 m/s is 0.75 m/s off
#   on average, and pays 150 for it in 200 steps. See where the average policy begins.
# - The **told** policy is no ceiling. Soft actor-critic (lesson 06) on one task alone, from the networks of our PEARL,
#   gets further:

# %%
alone, told = results.evaluation("sac-cheetah-direction"), direction[METHODS["oracle"]]
print(f"direction: SAC, on each alone, {alone.mean[0]:.0f}; told the task (TRPO), {told.mean[0]:.0f}")
assert alone.mean[0] > 1.3 * told.mean[0]
alone, told = (results.evaluation(name) for name in ("sac-cheetah-velocity", "oracle-cheetah-velocity-four"))
print(f"four velocities: SAC, on each alone, {alone.mean[0]:.0f}; told the task (TRPO), {told.mean[0]:.0f}")
assert alone.mean[0] > told.mean[0] + 10

# %% [markdown]
# The bars show the luck of exploration, for one set of weights. To know how much *trainings* differ, train again:

# %%
second = results.evaluation("maml-cheetah-direction-seed2").mean[-1]
shipped = direction["MAML"].mean[-1]
print(f"direction, another training seed: {second:.0f}, where the shipped one has {shipped:.0f}")

# %% [markdown]
# ### What limits it?
#
# **Predict first:** is the gradient too noisy, or are the actions? Other trainings:
#
# <details><summary>How they were made</summary>
#
# - **told**: MAML starts from a told policy. What this was told becomes the context, one number, in the middle of the
#   tasks at first. At first, inner steps change nothing else. On velocities, this policy is wider, with less noise.
# - **promp**: no trust region, but ten steps of Adam on a surrogate with clipped ratios (Rothfuss et al. 2019).
# - **long**: the training of the velocities went on, with less noise.
#
# </details>

# %%
limits = {}
print("after 0 to 3 steps                    sampled actions           mean actions")
makings = {"cheetah-direction": ("", "-promp", "-told"), "cheetah-velocity": ("", "-long", "-told")}
for name in (f"maml-{family}{making}" for family in makings for making in makings[family]):
    limits[name] = both = [results.evaluation(name + end) for end in ("", "-mean-actions")]
    print(f"{name:<30}", *(f"{value:6.0f}" for found in both for value in found.mean))
told, long = limits["maml-cheetah-direction-told"], limits["maml-cheetah-velocity-long"]
print(f"worst after one step, direction: shipped {direction['MAML'].worst[1]:.0f}, told {told[0].worst[1]:.0f}")
assert told[0].mean[1] > direction["MAML"].mean[3] + 100
assert limits["maml-cheetah-direction-promp"][0].mean[1] > direction["MAML"].mean[1] + 50
assert told[0].worst[1] < direction["MAML"].worst[1]
assert all(noisy.mean[-1] < calm.mean[-1] for noisy, calm in limits.values())
prices = [calm.mean[-1] - noisy.mean[-1] for noisy, calm in (limits["maml-cheetah-velocity"], long)]
print(f"what the noise of the actions costs on velocities: shipped {prices[0]:.0f}, long {prices[1]:.0f}")
assert prices[0] - prices[1] > 2 * (long[1].mean[-1] - limits["maml-cheetah-velocity"][1].mean[-1])
assert all(limits["maml-cheetah-velocity-told"][i].mean[-1] > long[i].mean[-1] + 3 for i in (0, 1))

# %% [markdown]
# One step on *one number* takes the cheetah further than three on thousands take the shipped one. A gradient can
# tell the directions apart, though it errs at times. The shipped training lacks a better start, which another outer
# step finds. On velocities, noise costs the shipped policy most; a told start is best.

# %% [markdown]
# ### Do it again
#
# A stored number is a claim. This repeats one seed of it, here and now:

# %% tags=["nbval-ignore-output"]
stored = direction["MAML"]
live = agent.adapt(stored.tasks, seed=stored.seeds[0]).returns.mean(-1)  # [K, S]
for task, then, now in zip(stored.tasks, stored.returns[0], live, strict=True):
    print(f"direction {task[0]:+.0f}   stored {then.round()}   now {now.round()}")
ends = stored.returns[..., -1].mean(1)  # [seeds]
print(f"mean of both at the end: now {live[:, -1].mean():.0f}, stored seeds from {ends.min():.0f} to {ends.max():.0f}")
assert abs(live - stored.returns[0]).mean() < 100

# %% [markdown]
# <details><summary>Why the numbers may differ on your machine</summary>
#
# On the machine that stored them, the numbers are equal. Another processor may round the last digit differently. Then a
# cheetah lands on another foot, and gets another gradient, as if another seed had been drawn. So compare with the range
# of the seeds.
#
# </details>

# %% [markdown]
# ## 9. Your task
#
# Choose a speed that no training has seen, and press **Run**. **Predict first:** which speeds need one step, and
# which need all three? Look where the right-hand curve bends, and let the cheetahs run.

# %% tags=["nbval-ignore-output"]
runner = mpsearch.load("maml-cheetah-velocity")
AdaptationExplorer(runner, steps=3)

# %%
speeds = np.array([[0.4], [1.5], [2.6]])  # m/s
run_at = runner.adapt(speeds, seed=0)
labels = [f"{speed:.1f} m/s" for speed in speeds[:, 0]]
plots.show(plots.plot_adaptation(run_at, labels), plots.describe_adaptation(run_at, labels))
for label, rises in zip(labels, np.diff(run_at.returns.mean(-1)), strict=True):
    total = rises.sum()
    most = f"step {np.argmax(rises) + 1} brought most" if total > 0 else "no gain"
    fell = [f"step {step + 1} lost {-rise:.0f}" for step, rise in enumerate(rises) if rise < 0]
    print(f"{label}: gained {total:.0f}, {most}; {', '.join(fell) or 'no step lost anything'}")
assert run_at.after.mean() > run_at.before.mean() + 30

# %% [markdown]
# Where a step lost something, it went too far, or hung on the luck of its 20 episodes: on a single task the luck shows.

# %% [markdown]
# ## What you have learned
#
# - How far a step goes is a matter of distributions, and KL measures it. The length in parameters does not.
# - The surrogate looks at old states, so it can be trusted nearby only. A bound with a penalty says so; in practice a
#   constraint takes its place.
# - The step: $M x = -g$ by conjugate gradient, brought to KL $\kappa$, then tried by a line search with *two*
#   conditions.
# - In MAML, the adapted policies must stay near, so $M$ goes through the inner step.
# - The inner loop itself is twenty lines: episodes, weights, one gradient, a step for each tensor, and again.
# - A gain proves something only beside a random start, an average policy and a told one, with intervals.
#
# **Next:** MAML spends thousands of steps on a new task. Lesson 06 asks whether two episodes can be enough.
#
# <details><summary>Further reading</summary>
#
# - J. Schulman, S. Levine, P. Moritz, M. Jordan, P. Abbeel: *Trust Region Policy Optimization*, ICML 2015,
#   [arXiv:1502.05477](https://arxiv.org/abs/1502.05477). Theorem 1 is our bound; appendix C is our step.
# - S. Kakade, J. Langford: *Approximately Optimal Approximate Reinforcement Learning*, ICML 2002. The exact line of
#   section 2, and the first such bound.
# - S. Kakade: *A Natural Policy Gradient*, Advances in Neural Information Processing Systems 14, 2001.
# - S. Amari: *Natural Gradient Works Efficiently in Learning*, Neural Computation 10(2), 1998.
# - J. R. Shewchuk: *An Introduction to the Conjugate Gradient Method Without the Agonizing Pain*, Carnegie Mellon
#   University, 1994.
# - C. Finn, P. Abbeel, S. Levine: *Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks*, ICML 2017,
#   [arXiv:1703.03400](https://arxiv.org/abs/1703.03400). Its figure 5 is section 7.
# - A. Antoniou, H. Edwards, A. Storkey: *How to Train Your MAML*, ICLR 2019,
#   [arXiv:1810.09502](https://arxiv.org/abs/1810.09502). A loss after every inner step, as our trainer has.
#
# </details>
