"""Coverage-guided fuzzing of the code that reads checkpoints. It needs ``pip install atheris``; CI does not run it.

python tests/tools/fuzz_reader.py --seeds DIR             write the first inputs
python tests/tools/fuzz_reader.py DIR -max_total_time=1200 -timeout=30 -rss_limit_mb=2000     libFuzzer's options
python tests/tools/fuzz_reader.py --pack DIR              replace the corpus by the inputs found; CI reads the corpus

An input consists of the card, a line ``--``, the weights, another line ``--`` and a file of the replay. Where the card
has entries for the other two, the names, sizes and checksums of these entries are filled in. Otherwise the checksums
would stop most mutated inputs before the code behind them is reached.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import sys
import tarfile
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("fuzz_corpus.tar.xz")
CUT = b"\n--\n"


def write_input(data: bytes, folder: Path) -> None:
    """Write the checkpoint that the input ``data`` describes into ``folder``."""
    card, *tensors = data.split(CUT, 2)
    with contextlib.suppress(ValueError, RecursionError, TypeError, KeyError, AttributeError):
        content = json.loads(card)
        shards = content.get("shards") if isinstance(content, dict) else None
        entries = [content["weights"], *shards[:1]] if shards else [content["weights"]]
        for kind, entry, part in zip(("weights", "shard"), entries, tensors, strict=False):
            digest = hashlib.sha256(part).hexdigest()
            entry.update(file=f"{kind}-{digest[:12]}.safetensors", sha256=digest, bytes=len(part))
            (folder / entry["file"]).write_bytes(part)
        card = json.dumps(content).encode()
    (folder / "card.json").write_bytes(card)


def read_input(data: bytes) -> bool:
    """Return whether the input loads. An error that is not one of the library's own is raised."""
    import mpsearch
    from mpsearch.errors import MpsearchError

    with tempfile.TemporaryDirectory() as name:
        write_input(data, Path(name))
        try:
            mpsearch.load(Path(name))
        except MpsearchError:
            return False
    return True


def seeds() -> list[bytes]:
    """Return small complete checkpoints of both algorithms, as inputs."""
    from mpsearch import MAML, PEARL, MAMLConfig, PEARLConfig, PointNavigation

    family = PointNavigation(horizon=1)
    agents = [
        MAML(family, MAMLConfig(tasks_per_iteration=1, episodes=2, hidden=[1], outer=o))
        for o in ("clipped", "trust-region")
    ]
    small = {"training_tasks": 2, "random_episodes": 1, "gradient_steps": 0, "replay_size": 9, "recent": 1}
    agents.append(PEARL(family, PEARLConfig(**small, hidden=[1], encoder_hidden=[1], latent=1, evaluate_every=9)))
    inputs = []
    for agent in agents:
        with tempfile.TemporaryDirectory() as name:
            agent.train(1, seed=0, folder=Path(name), progress=False)
            card = json.loads((Path(name) / "card.json").read_text())
            del card["seal"], card["versions"], card["machine"]
            entries = [card["weights"], *card.get("shards", [])]
            parts = [(Path(name) / entry["file"]).read_bytes() for entry in entries]
        for entry in entries:
            entry.clear()
        inputs.append(CUT.join([json.dumps(card).encode(), *parts]))
    return inputs


def corpus() -> list[bytes]:
    """Return the inputs that fuzzing found, each of which reaches some code that the others do not."""
    with tarfile.open(CORPUS) as archive:
        return [archive.extractfile(member).read() for member in archive]


def lines_reached(data: bytes) -> set[tuple[str, int]]:
    """Return the lines of mpsearch that run when the input is read."""
    reached = set()

    def trace(frame, event, argument):
        if "mpsearch" not in frame.f_code.co_filename:
            return None
        reached.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        read_input(data)
    finally:
        sys.settrace(None)
    return reached


def pack(folder: Path) -> None:
    """Make a corpus of those inputs in ``folder`` that reach lines which no smaller input reaches."""
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data))
    lines_reached(inputs[-1])  # runs the imports, which must not count
    seen: set[tuple[str, int]] = set()
    with tarfile.open(CORPUS, "w:xz") as archive:
        for number, data in enumerate(inputs):
            if reached := lines_reached(data) - seen:
                seen |= reached
                member = tarfile.TarInfo(f"{number:03}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


def main(words: list[str]) -> None:
    """The command line."""
    if words[:1] == ["--seeds"]:
        for number, data in enumerate(seeds()):
            (Path(words[1]) / f"seed{number}").write_bytes(data)
    elif words[:1] == ["--pack"]:
        pack(Path(words[1]))
    else:
        import atheris

        with atheris.instrument_imports(include=["mpsearch"]):
            import mpsearch.zoo  # noqa: F401
        from damage import odd_json

        def mutate(data: bytes, most: int, seed: int) -> bytes:
            """Mutate the bytes, or, in half of the cases, the JSON of the card or of a header of tensors."""
            rng = random.Random(seed)
            if rng.random() < 0.5:
                return atheris.Mutate(data, most)
            parts = data.split(CUT, 2)
            at = rng.randrange(len(parts))
            try:
                size = int.from_bytes(parts[at][:8], "little") if at else 0
                text, rest = (parts[at][8 : 8 + size], parts[at][8 + size :]) if at else (parts[at], b"")
                content = json.loads(text)
                odd_json(content, rng)
            except (ValueError, IndexError, RecursionError):
                return atheris.Mutate(data, most)
            text = json.dumps(content).encode()
            parts[at] = len(text).to_bytes(8, "little") + text + rest if at else text
            return CUT.join(parts)[:most]

        atheris.Setup([sys.argv[0], *words], read_input, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
