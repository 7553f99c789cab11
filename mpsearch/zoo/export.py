"""Export meta-policies for programs that do not use Python, such as the page for browsers.

An export has only the tensors that acting and adapting need. Critics, optimisers and replays stay behind.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from mpsearch.errors import CheckpointError, UsageError

FORMAT = 1  # of exports; readers refuse a larger number
SHIPPED = ("maml-cheetah-direction", "maml-cheetah-velocity", "pearl-cheetah-direction", "pearl-cheetah-velocity")
OMITTED = ("weights", "shards", "training_tasks", "history", "curves")  # entries of a card that an export does without
MODEL, LICENCE = "half_cheetah.xml", "half_cheetah.licence.txt"


def export(
    names: Sequence[str | os.PathLike[str]] = SHIPPED,
    folder: str | os.PathLike[str] = "exported",
    *,
    half: bool = False,
) -> list[Path]:
    """Write meta-policies as safetensors, each with its card as JSON, and gymnasium's model of the cheetah.

    For a meta-policy ``NAME``, it writes ``NAME.safetensors`` and ``NAME.json``. The card is that of the checkpoint
    without its long lists, and has another entry ``export``: the format, the file with its size and sha256, and the
    precision. For MAML, this entry also names the parameters in the order of the columns of ``rates``.

    Args:
        names: names of shipped meta-policies, or folders of checkpoints.
        folder: where to write. It is created if it does not exist, and files of the same names are replaced.
        half: round the numbers to half precision, which halves the files.

    Returns:
        The files that were written.

    Raises:
        UsageError: there is no meta-policy of a name, two have the same name, or a number is too large for half
            precision.
        CheckpointError: a checkpoint is damaged, or the folder cannot be written.
    """
    from mpsearch.zoo import find

    folders = [find(name) for name in names]
    if len({source.name for source in folders}) < len(folders):
        raise UsageError(f"two of {', '.join(map(str, names))} have the same name; export them into separate folders")
    files = [file for source in folders for file in _export_one(source, half)] + _cheetah()
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return [_write(Path(folder) / name, data) for name, data in files]
    except OSError as error:
        raise CheckpointError(f"cannot export to {folder}: {error.strerror or error}; choose another folder") from error


def _export_one(source: Path, half: bool) -> Iterable[tuple[str, bytes]]:
    """Return the names and contents of the two files of the checkpoint in ``source``."""
    import safetensors.torch
    import torch

    from mpsearch.training.storage import read_card
    from mpsearch.zoo import load

    agent, card, name = load(source), read_card(source), source.resolve().name
    tensors = {
        key: tensor.detach().to(torch.float16 if half else torch.float32).contiguous()
        for key, tensor in agent._acting_tensors().items()
    }
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise UsageError(f"{key} of {name} is too large for half precision; export it in single precision")
    data = safetensors.torch.save(tensors)
    about: dict[str, Any] = {
        "format": FORMAT,
        "file": f"{name}.safetensors",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "precision": "half" if half else "single",
    }
    if agent.algorithm == "maml":
        about["parameters"] = [f"policy.{key}" for key, _ in agent.policy.named_parameters()]  # type: ignore[attr-defined]
    kept = {key: value for key, value in card.items() if key not in OMITTED}
    text = json.dumps({**kept, "name": name, "export": about}, indent=1) + "\n"
    return [(f"{name}.safetensors", data), (f"{name}.json", text.encode())]


def _cheetah() -> list[tuple[str, bytes]]:
    """Return gymnasium's model of the cheetah and the licence that must go with it."""
    import gymnasium

    model = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / MODEL
    licences = [file for file in distribution("gymnasium").files or () if file.name == "LICENSE"]
    if not licences:
        raise UsageError("gymnasium was installed without its licence; install it anew with pip")
    heading = f"{MODEL} is a part of gymnasium, whose licence is:\n\n"
    return [(MODEL, model.read_bytes()), (LICENCE, (heading + licences[0].read_text()).encode())]


def _write(path: Path, data: bytes) -> Path:
    from mpsearch.training.storage import write_atomically

    write_atomically(path, data)
    return path
