"""Checkpoints on disk: whole or not there, verified when read, and never code."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import pickle
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mpsearch.errors import CheckpointError
from mpsearch.training import storage
from mpsearch.training.storage import (
    add_to_card,
    read_card,
    read_checkpoint,
    require_structure,
    write_card,
    write_checkpoint,
)

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "empty": torch.zeros(0, 2), "count": torch.tensor(7)}
LATER = {name: tensor + 1 for name, tensor in TENSORS.items()}
KEYS = st.sampled_from(["format", "weights", "file", "sha256"])
JSON = st.recursive(st.integers(-2, 2) | st.text(max_size=3), lambda x: st.dictionaries(KEYS, x) | st.lists(x))
CARD = {"algorithm": "MAML", "seed": 3, "note": "naïve ✓"}


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path / "checkpoint", TENSORS, CARD)
    return tmp_path / "checkpoint"


def weights_file(folder):
    (path,) = folder.glob("*.safetensors")
    return path


def edit_card(folder, change):
    """Change the card on purpose: the seal, which tells of accidents, is made anew."""
    card = read_card(folder)
    change(card)
    write_card(folder, card)


def put_weights(folder, data):
    """Replace the weights by ``data`` and let the card vouch for them."""
    digest = hashlib.sha256(data).hexdigest()
    name = f"weights-{digest[:12]}.safetensors"
    (folder / name).write_bytes(data)
    edit_card(folder, lambda card: card["weights"].update(file=name, sha256=digest, bytes=len(data)))


def holds(folder, tensors):
    found, card = read_checkpoint(folder)
    return found.keys() == tensors.keys() and all(torch.equal(found[n], t) for n, t in tensors.items()) and card


def test_a_checkpoint_comes_back_as_it_was(folder) -> None:
    tensors, card = read_checkpoint(folder)
    require_structure(tensors, TENSORS, "it")
    assert holds(folder, TENSORS)
    assert CARD.items() <= card.items()
    assert read_card(folder) == card


def test_a_save_replaces_the_earlier_one_and_leaves_nothing_else(folder) -> None:
    for tensors in (LATER, LATER, TENSORS):  # the same weights twice, too
        write_checkpoint(folder, tensors, CARD)
        assert holds(folder, tensors)
        assert len(list(folder.iterdir())) == 2


def test_views_and_parameters_can_be_saved(tmp_path) -> None:
    table = torch.arange(6.0).reshape(2, 3)
    write_checkpoint(tmp_path, {"t": table.T, "p": torch.nn.Parameter(table[:1])}, {})
    assert holds(tmp_path, {"t": table.T, "p": table[:1]})


def test_the_card_is_written_last(folder, monkeypatch) -> None:
    written = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (written.append(Path(b).suffix), replace(a, b)))
    write_checkpoint(folder, LATER, CARD)
    assert written == [".safetensors", ".json"]


def name_weights(name):
    return lambda folder: edit_card(folder, lambda card: card["weights"].update(file=name))


def card_of(text):
    return lambda folder: (folder / "card.json").write_bytes(text)


DAMAGE = {
    "truncated weights": (lambda f: weights_file(f).write_bytes(weights_file(f).read_bytes()[:-1]), "truncated or"),
    "longer weights": (lambda f: weights_file(f).write_bytes(weights_file(f).read_bytes() + b"\0"), "was changed"),
    "missing weights": (lambda f: weights_file(f).unlink(), "cannot be read"),
    "edited sha": (lambda f: edit_card(f, lambda c: c["weights"].update(sha256="0" * 64)), "was changed"),
    "missing sha": (lambda f: edit_card(f, lambda c: c["weights"].pop("sha256")), "was changed"),
    "missing card": (lambda f: (f / "card.json").unlink(), "no checkpoint in"),
    "card is a folder": (lambda f: ((f / "card.json").unlink(), (f / "card.json").mkdir()), "no checkpoint in"),
    "card not JSON": (card_of(b"{"), "not JSON"),
    "card not text": (card_of(b"\xff\xfe\x00"), "not JSON"),
    "card too deep": (card_of(b"[" * 100_000), "not JSON"),
    "card a list": (card_of(b"[]"), "no format number"),
    "no format": (lambda f: edit_card(f, lambda c: c.pop("format")), "no format number"),
    "format in words": (lambda f: edit_card(f, lambda c: c.update(format="1")), "no format number"),
    "newer format": (lambda f: edit_card(f, lambda c: c.update(format=2)), "newer mpsearch .* upgrade mpsearch"),
    "no weights": (lambda f: edit_card(f, lambda c: c.pop("weights")), "does not name a weights file"),
    "weights a list": (lambda f: edit_card(f, lambda c: c.update(weights=[])), "does not name a weights file"),
    "no weights name": (lambda f: edit_card(f, lambda c: c["weights"].pop("file")), "does not name a weights file"),
    "path upwards": (name_weights("../x"), "does not name a weights file"),
    "hidden path upwards": (name_weights("../weights-0123456789ab.safetensors"), "does not name a weights file"),
    "absolute path": (name_weights("/etc/passwd"), "does not name a weights file"),
    "name and a newline": (name_weights("weights-0123456789ab.safetensors\n"), "does not name a weights file"),
    "name with a null": (name_weights("weights-0123456789ab.safetensors\0"), "does not name a weights file"),
    "not safetensors": (lambda f: put_weights(f, b"hello"), "not a safetensors file"),
    "empty": (lambda f: put_weights(f, b""), "not a safetensors file"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_refused_with_a_sentence(folder, damage) -> None:
    harm, message = DAMAGE[damage]
    harm(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_checkpoint(folder)
    assert str(folder) in str(caught.value)  # it says where


def test_there_is_no_checkpoint_in_a_file_or_nowhere(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for nowhere in ("file", "missing"):
        with pytest.raises(CheckpointError, match="no checkpoint in"):
            read_checkpoint(tmp_path / nowhere)


@settings(deadline=None, max_examples=30)
@given(data=st.data(), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_weights_is_found(data, bit) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_checkpoint(Path(name), TENSORS, CARD)
        path = weights_file(Path(name))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << bit
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="was changed"):
            read_checkpoint(Path(name))


@settings(deadline=None, max_examples=60)
@given(data=st.data(), byte=st.integers(0, 255))
def test_weights_that_were_forged_together_with_their_sha_never_crash(data, byte) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_checkpoint(Path(name), TENSORS, CARD)
        content = bytearray(weights_file(Path(name)).read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] = byte
        put_weights(Path(name), bytes(content))
        with contextlib.suppress(CheckpointError):
            require_structure(read_checkpoint(Path(name))[0], TENSORS, name)


@settings(deadline=None, max_examples=40)
@given(text=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
@pytest.mark.slow
def test_no_other_card_crashes(text) -> None:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "card.json").write_bytes(text)
        with pytest.raises(CheckpointError):
            read_checkpoint(Path(name))


def test_an_entry_is_added_to_the_card_and_the_weights_stay(folder, monkeypatch) -> None:
    for step in (1, 2):
        add_to_card(folder, "evaluations", {"step": step})
    card = holds(folder, TENSORS)
    assert card["evaluations"] == [{"step": 1}, {"step": 2}]
    fail_at(monkeypatch, "replace", 1, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(CheckpointError, match="No space left on device"):
        add_to_card(folder, "evaluations", {"step": 3})
    assert holds(folder, TENSORS) == card
    with pytest.raises(CheckpointError, match="no checkpoint in"):
        add_to_card(folder / "missing", "evaluations", {})


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_place_of_the_weights_is_refused_and_not_run(folder, tmp_path) -> None:
    armed = pickle.dumps(Bomb(tmp_path / "exploded"))
    put_weights(folder, armed)
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        read_checkpoint(folder)
    assert not (tmp_path / "exploded").exists()
    pickle.loads(armed)
    assert (tmp_path / "exploded").exists()  # the bomb was a real one


STEPS = [("fsync", 1), ("replace", 1), ("fsync", 2), ("fsync", 3), ("replace", 2), ("fsync", 4)]


def fail_at(monkeypatch, function, count, error):
    """Let the ``count``-th call of ``os.function`` raise ``error``."""
    calls, real = [], getattr(os, function)

    def call(*arguments):
        calls.append(arguments)
        if len(calls) == count:
            raise error
        return real(*arguments)

    monkeypatch.setattr(storage.os, function, call)


@pytest.mark.parametrize(("function", "count"), STEPS)
def test_a_full_disk_in_the_middle_of_a_save_loses_nothing(folder, monkeypatch, function, count) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, function, count, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(CheckpointError, match=r"cannot save to .*: No space left on device"):
            write_checkpoint(folder, LATER, CARD)
    # The last step is the fsync after the card's rename: the new checkpoint is there by then.
    assert holds(folder, LATER if (function, count) == STEPS[-1] else TENSORS)
    assert not list(folder.glob(".*"))
    write_checkpoint(folder, LATER, CARD)  # once there is space again
    assert holds(folder, LATER)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(("function", "count"), STEPS[:5])
def test_an_interrupt_in_the_middle_of_a_save_loses_nothing(folder, monkeypatch, function, count) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, function, count, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(folder, LATER, CARD)
    assert holds(folder, TENSORS)
    assert not list(folder.glob(".*"))


def test_a_write_that_the_system_cuts_short_loses_nothing(folder) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(CheckpointError, match=r"cannot save to .*: File too large"):
            write_checkpoint(folder, {"weight": torch.zeros(100_000)}, CARD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert holds(folder, TENSORS)
    assert len(list(folder.iterdir())) == 2


def test_old_weights_that_cannot_be_deleted_do_not_fail_a_save(folder) -> None:
    stuck = folder / "weights-000000000000.safetensors"
    stuck.mkdir()
    write_checkpoint(folder, LATER, CARD)
    assert holds(folder, LATER)


def test_a_folder_that_cannot_be_written_is_named(tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CheckpointError, match=f"cannot save to {folder}"):
            write_checkpoint(folder, TENSORS, CARD)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_card_that_is_not_json_is_refused_before_anything_is_written(folder) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(TypeError):
        write_checkpoint(folder, LATER, {"config": object()})
    assert sorted(folder.iterdir()) == before
    assert holds(folder, TENSORS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.zeros(3, 2)}, r"weight is torch.float32 \[3, 2\], expected torch.float32 \[2, 3\]"),
        ({"weight": torch.zeros(2, 3, dtype=torch.float64)}, "weight is torch.float64"),
        ({"weight": torch.full((2, 3), torch.nan)}, "weight holds values that are not finite"),
        ({"weight": torch.full((2, 3), torch.inf)}, "weight holds values that are not finite"),
        ({"bias": torch.zeros(2)}, "another architecture: tensor 'bias' does not match"),
        ({"weight": None}, "another architecture: tensor 'weight' does not match"),
    ],
)
def test_tensors_of_another_architecture_are_refused(change, message) -> None:
    require_structure(TENSORS, LATER, "it")
    tensors = {name: tensor for name, tensor in {**TENSORS, **change}.items() if tensor is not None}
    with pytest.raises(CheckpointError, match=message):
        require_structure(tensors, TENSORS, "it")
