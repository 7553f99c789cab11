"""Mutation tests: each mutation is a bug put into a copy of the library, and the test that must find it.

python tests/tools/mutations.py            make each mutation and run its test, which must fail
python tests/tools/mutations.py WORDS ...  only the mutations whose description contains one of these words
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutation:
    """A bug: in ``file`` of the library, ``old``, which must occur once, becomes ``new``. Then ``test`` must fail."""

    words: str
    file: str
    old: str
    new: str
    test: str


MUTATIONS = [
    Mutation(
        "the sign of the advantage",
        "maml/inner.py",
        "return -steps.mean(ratio * steps.advantages)",
        "return steps.mean(ratio * steps.advantages)",
        "maml/test_maml.py::test_one_gradient_step_finds_the_goal_and_without_inner_steps_nothing_is_learned",
    ),
    Mutation(
        "a detached inner step",
        "maml/inner.py",
        "if order == 1 else None",
        "if order > 0 else None",
        "maml/test_meta_gradient.py::test_it_equals_finite_differences",
    ),
    Mutation(
        "inner gradients of the mean over tasks",
        "maml/inner.py",
        "optimizer.step(losses.sum(),",
        "optimizer.step(losses.mean(),",
        "maml/test_meta_gradient.py::test_a_task_is_adapted_as_if_it_were_alone",
    ),
    Mutation(
        "the mean over the wrong axis",
        "maml/inner.py",
        "return values.mean(-1)",
        "return values.mean(0)",
        "maml/test_meta_gradient.py::test_it_equals_torch_func_and_the_loop_over_single_tasks",
    ),
    Mutation(
        "importance ratios the wrong way round",
        "maml/inner.py",
        "steps.actions) - steps.log_probs).exp()",
        "steps.actions) * -1 + steps.log_probs).exp()",
        "maml/test_maml.py::test_one_gradient_step_finds_the_goal_and_without_inner_steps_nothing_is_learned",
    ),
    Mutation(
        "a missing bootstrap in the advantages",
        "returns.py",
        "(rewards + discount * values[..., 1:] - values[..., :-1])",
        "(rewards + discount * np.append(values[..., 1:-1], 0 * values[..., -1:], -1) - values[..., :-1])",
        "test_returns.py::test_a_time_limit_is_not_a_termination",
    ),
    Mutation(
        "a clip after the last step alone",
        "maml/outer.py",
        "    if loss is not surrogate:",
        "    if False:",
        "maml/test_meta_gradient.py::test_the_clip_holds_after_every_step",
    ),
    Mutation(
        "a missing bootstrap in the baseline",
        "returns.py",
        "gram - carried.mT @ features[:, :, -1].double()",
        "gram",
        "test_returns.py::test_the_baseline_of_a_constant_reward_is_its_infinite_sum",
    ),
    Mutation(
        "a baseline that looks beyond a finite horizon",
        "returns.py",
        "terminated=np.ones(episodes.rewards.shape[:2], dtype=bool)",
        "terminated=np.zeros(episodes.rewards.shape[:2], dtype=bool)",
        "test_returns.py::test_the_baseline_of_a_finite_horizon_counts_what_is_left_of_the_time",
    ),
    Mutation(
        "exploration with the averages",
        "pearl/learner.py",
        "(self.encoder, self.actor) if adapting else (learning.encoder, learning.actor)",
        "(self.encoder, self.actor)",
        "pearl/test_averages.py::test_adaptation_uses_the_averages_and_training_explores_with_what_is_learned",
    ),
    Mutation(
        "averages that forget",
        "pearl/learning.py",
        "follow(self.adapting, (self.encoder, self.actor), self.config.average_rate)",
        "follow(self.adapting, (self.encoder, self.actor), 1.0)",
        "pearl/test_averages.py::test_an_average_weighs_older_parameters_less_and_less",
    ),
    Mutation(
        "fallen robots that move on",
        "tasks/physics.py",
        "self._physics.step(running, nstep=self.frame_skip)",
        "self._physics.step(nstep=self.frame_skip)",
        "tasks/test_bodies.py::test_a_robot_that_has_fallen_stays_as_it_is_and_the_others_go_on_as_if_alone",
    ),
    Mutation(
        "lambda forgotten",
        "returns.py",
        "discounted_sums(residuals, discount * gae_lambda)",
        "discounted_sums(residuals, discount)",
        "test_returns.py::test_advantages_are_the_weighted_sum_of_k_step_estimates",
    ),
    Mutation(
        "advantages standardised over all tasks",
        "returns.py",
        "mean = advantages.mean(axis=(1, 2), keepdims=True, where=counts)",
        "mean = advantages.mean(keepdims=True)",
        "test_returns.py::test_a_task_is_weighed_as_if_it_were_alone",
    ),
    Mutation(
        "a trust region twice as wide",
        "maml/trust_region.py",
        "if new_loss < start_loss.item() and kl <= max_kl:",
        "if new_loss < start_loss.item():",
        "maml/test_trust_region.py::test_a_step_lowers_the_loss_and_stays_within_the_region",
    ),
    Mutation(
        "a failed line search leaves the last try",
        "maml/trust_region.py",
        "    vector_to_parameters(start, parameters)\n    return",
        "    return",
        "maml/test_trust_region.py::test_where_no_step_helps_nothing_moves",
    ),
    Mutation(
        "damping with the wrong sign",
        "maml/trust_region.py",
        "retain_graph=True) + damping * vector",
        "retain_graph=True) - damping * vector",
        "maml/test_trust_region.py::test_hessian_products_agree_with_finite_differences_of_the_gradient",
    ),
    Mutation(
        "the metric without the learning rates",
        "maml/gradients.py",
        "zip(pulled, parts, learned, strict=True) if g is not None",
        "zip(pulled[: len(start)], parts, learned) if g is not None",
        "maml/test_trust_region.py::test_the_product_from_first_derivatives_is_that_of_the_hessian",
    ),
    Mutation(
        "the KL divergence reversed",
        "pearl/encoder.py",
        "return 0.5 * (variance + mean.square() - 1 - variance.log())",
        "return 0.5 * ((1 + mean.square()) / variance - 1 + variance.log())",
        "pearl/test_encoder.py::test_the_divergence_is_that_of_torch",
    ),
    Mutation(
        "beliefs averaged without their precisions",
        "pearl/encoder.py",
        "(precision * mean).sum(-2) / total",
        "mean.sum(-2) / (1 + mean.shape[-2])",
        "pearl/test_encoder.py::test_the_belief_is_the_product_of_the_prior_and_all_factors",
    ),
    Mutation(
        "contexts from the whole replay",
        "pearl/replay.py",
        "if exploration:",
        "if True:",
        "pearl/test_replay.py::test_what_is_no_exploration_is_drawn_for_the_losses_only",
    ),
    Mutation(
        "the larger of the two critics",
        "pearl/losses.py",
        "actions, z).amin(0) - temperature * log_prob",
        "actions, z).amax(0) - temperature * log_prob",
        "pearl/test_pearl_losses.py::test_targets_are_those_of_a_loop_over_transitions",
    ),
    Mutation(
        "entropy punished",
        "pearl/losses.py",
        "loss = (temperature * log_prob - critic(",
        "loss = (-temperature * log_prob - critic(",
        "pearl/test_pearl_losses.py::test_the_actor_is_paid_for_entropy_by_the_temperature",
    ),
    Mutation(
        "the actor moves the encoder",
        "pearl/losses.py",
        "    z = z.detach()\n",
        "",
        "pearl/test_pearl_losses.py::test_a_loss_moves_what_it_should_and_nothing_else",
    ),
    Mutation(
        "the temperature falls when it should rise",
        "pearl/losses.py",
        "return -log_temperature * (",
        "return log_temperature * (",
        "pearl/test_pearl_losses.py::test_the_temperature_rises_while_the_entropy_is_below_its_target",
    ),
    Mutation(
        "the last stage forgets what it saw",
        "pearl/exploration.py",
        "            context = guess.context()\n",
        "",
        "pearl/test_exploration.py::test_the_belief_before_a_stage_has_seen_all_stages_before_it",
    ),
    Mutation(
        "the same random numbers at every iteration",
        "seeding.py",
        "spawn_key=(zlib.crc32(name.encode()), *index)",
        "spawn_key=(zlib.crc32(name.encode()),)",
        "test_seeding.py::test_streams_agree_exactly_when_seed_name_and_index_do",
    ),
    Mutation(
        "a reward for the distance run instead of the velocity asked for",
        "tasks/cheetah.py",
        "return -np.abs(velocity - target) - control_cost(actions)",
        "return velocity - control_cost(actions)",
        "tasks/test_tasks.py::test_rewards_computed_by_hand",
    ),
    Mutation(
        "a weight file that is not compared with its checksum",
        "training/storage.py",
        'if hashlib.sha256(data).hexdigest() != entry.get("sha256"):',
        "if False:",
        "training/test_storage.py::test_a_damaged_checkpoint_is_refused_with_a_sentence",
    ),
    Mutation(
        "a policy that forgets the scale of its observations when it acts",
        "policies.py",
        "weights[0][..., :size, :] / self.observation_scale.unsqueeze(-1)",
        "weights[0][..., :size, :] / 1.0",
        "test_policies.py::test_folded_is_the_same_mean",
    ),
    Mutation(
        "an optimiser that is not saved",
        "training/trainable.py",
        "                tensor.copy_(saved.tensors[name])",
        '                tensor.copy_(saved.tensors[name]) if "adam" not in name else None',
        "pearl/test_pearl.py::test_a_resumed_training_equals_one_that_never_stopped_to_the_bit",
    ),
    Mutation(
        "a card whose seal is not compared",
        "training/storage.py",
        "seal is None or seal == seal_of(card)",
        "True",
        "training/test_resume.py::test_a_missing_counter_or_state_of_the_generators_is_noticed",
    ),
    Mutation(
        "memory for whatever a card declares",
        "training/trainable.py",
        'torch.device("meta")',
        'torch.device("cpu")',
        "training/test_corruptions.py::test_whatever_becomes_of_a_checkpoint_reading_it_ends_in_its_values_or_a_sentence",
    ),
    Mutation(
        "a gap in the replay that is not noticed",
        "pearl/replay.py",
        '(added < self.added).any() or (added - first).sum() != len(tensors["task"])',
        "False",
        "pearl/test_replay.py::test_without_a_part_or_in_another_order_it_is_refused",
    ),
    Mutation(
        "a gradient that need not be finite",
        "pearl/learner.py",
        "        self._require_finite_gradients(step)\n",
        "",
        "test_guards.py::test_a_gradient_of_pearl",
    ),
    Mutation(
        "missing lines of metrics that are not noticed",
        "training/metrics.py",
        "len(kept) < (had := card.get(METRICS_LINES, 0))",
        "(had := 0)",
        "training/test_resume.py::test_missing_lines_of_the_metrics_are_noticed",
    ),
]


def is_found(mutation: Mutation, folder: Path) -> bool:
    """Return whether the test fails on a copy of the library, in ``folder``, that has this bug."""
    shutil.copytree(ROOT / "mpsearch", folder / "mpsearch", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "mpsearch" / mutation.file
    path.write_text(path.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")
    for name in ("tests", "conftest.py", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", f"tests/{mutation.test}"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{mutation.test} did not run:\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def main(words: list[str]) -> int:
    """Run the chosen mutations. Return 1 if the tests did not find one of them, and 0 otherwise."""
    survivors = []
    for mutation in MUTATIONS:
        if not words or any(word in mutation.words for word in words):
            with tempfile.TemporaryDirectory() as folder:
                found = is_found(mutation, Path(folder))
            print(f"{'found' if found else 'NOT FOUND':9} {mutation.words} ({mutation.test})", flush=True)
            survivors += [] if found else [mutation]
    return int(bool(survivors))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
