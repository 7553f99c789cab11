"""Functions that damage or forge a checkpoint. Each takes its files and a random generator, and returns new files.

Damage stands for accidents: the card's seal and checksums no longer match the files. A forgery stands for an attack:
:func:`vouch` computes the seal and the checksums again, so that they match.
"""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mpsearch.training.storage import CARD, SEAL, seal_of

Files = dict[str, Any]  # contents by name: bytes, a Path for a symbolic link to it, "pipe" or "folder"
Change = Callable[[Files, random.Random], Files]

HUGE = [2**31, 2**63 - 1, 2**63, 10**9, 10**12, 10**30]
SMALL = [0, -1, 1, 2, True, False, None, 0.5, -0.0, 1e308, float("nan"), float("inf")]
TEXTS = ["", "x", "1", "\ud800", "9" * 3000, "pearl", "maml", "../x", "/etc/passwd", "clipped"]
LISTS: list[Any] = [[], [[]], [10**9], [10**7], [10**6] * 5, [1] * 5000]
TASKS = [{"id": "cheetah-velocity", "config": {}}, {"id": "point-navigation", "config": {"horizon": 10**9}}]
ODD: list[Any] = [*HUGE, *SMALL, *TEXTS, *LISTS, {}, *TASKS]  # values that a card does not expect
ELSEWHERE = ["../card.json", "/etc/passwd", "weights-0123456789ab.safetensors/../x", "", ".", ".."]
NEAR = ["./{}", "{}\0", "{}\n", "\\\\host\\{}", "C:{}", "~/{}", "file:{}", "%2e%2e/{}"]  # {} is the right name
PATHS = [*ELSEWHERE, *NEAR, "card.json", ".lock", "WEIGHTS-0123456789AB.SAFETENSORS"]  # wrong names of a file
DTYPES = ["F64", "F16", "BF16", "BOOL", "I8", "I64", "U64", "F8_E4M3", "F4", "C64", "Q", ""]


class Bomb:
    """An object whose pickle creates the file ``path`` when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


# --- accidents


def some_file(files: Files, rng: random.Random) -> str:
    return rng.choice([name for name, content in files.items() if content])


def some_region(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.choice([1, 2, 8, 64, 1000]))


def in_bytes(change: Callable[[bytes, random.Random], bytes]) -> Change:
    def changed(files: Files, rng: random.Random) -> Files:
        name = some_file(files, rng)
        return {**files, name: change(files[name], rng)}

    return changed


def flip_a_bit(data: bytes, rng: random.Random) -> bytes:
    i = rng.randrange(len(data))
    return data[:i] + bytes([data[i] ^ 1 << rng.randrange(8)]) + data[i + 1 :]


def overwrite(data: bytes, rng: random.Random) -> bytes:
    start, end = some_region(data, rng)
    return data[:start] + rng.choice([bytes(end - start), rng.randbytes(end - start)]) + data[end:]


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def extend(data: bytes, rng: random.Random) -> bytes:
    more = rng.choice([1, 8, 1000])
    return data + rng.choice([bytes(more), b" " * more, rng.randbytes(more), data])


def repeat_or_lose(data: bytes, rng: random.Random) -> bytes:
    start, end = some_region(data, rng)
    return data[:start] + data[start:end] * rng.choice([0, 2]) + data[end:]


def exchange_regions(data: bytes, rng: random.Random) -> bytes:
    (a, b), (c, d) = sorted([some_region(data, rng), some_region(data, rng)])
    c = max(b, c)
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[max(c, d) :]


def exchange_files(files: Files, rng: random.Random) -> Files:
    one, other = rng.sample(sorted(files), 2)
    return {**files, one: files[other], other: files[one]}


def lose_a_file(files: Files, rng: random.Random) -> Files:
    lost = rng.choice(sorted(files))
    return {name: content for name, content in files.items() if name != lost}


# --- the card


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every pair (container, key) in a tree of JSON values."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in places(value[key])]


def odd_json(tree: Any, rng: random.Random) -> None:
    """Change ``tree`` in place: exchange two values, delete one, rename a key, or replace a value by an odd one."""
    (box, key), (other, other_key) = rng.choice(places(tree)), rng.choice(places(tree))
    kind = rng.randrange(6)
    if kind == 0:
        box[key], other[other_key] = copy.deepcopy(other[other_key]), copy.deepcopy(box[key])
    elif kind == 1:
        del box[key]
    elif kind == 2 and isinstance(box, dict):
        box[rng.choice(["hidden", "file", "x", "shards", "replay_size"])] = box.pop(key)
    else:
        box[key] = copy.deepcopy(rng.choice(ODD))


def edit_the_card(files: Files, rng: random.Random) -> Files:
    card = json.loads(files[CARD])
    for _ in range(rng.choice([1, 1, 2, 5])):
        if places(card):
            odd_json(card, rng)
    return {**files, CARD: json.dumps(card).encode()}


# --- forgeries


def entries(card: Any) -> list[dict[str, Any]]:
    """Return the card's entries for files."""
    shards = card.get("shards")
    found = [card.get("weights"), *(shards if isinstance(shards, list) else [])]
    return [entry for entry in found if isinstance(entry, dict)]


def vouch(files: Files) -> Files:
    """Make the names of files, the checksums and the seal match the present contents."""
    try:
        card = json.loads(files[CARD])
        card.pop(SEAL, None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return files
    files = dict(files)
    for entry in entries(card):
        data = files.get(str(entry.get("file")))
        if isinstance(data, bytes):
            del files[entry["file"]]
            digest = hashlib.sha256(data).hexdigest()
            entry.update(
                file=f"{entry['file'].split('-')[0]}-{digest[:12]}.safetensors", sha256=digest, bytes=len(data)
            )
            files[entry["file"]] = data
    return {**files, CARD: json.dumps({**card, SEAL: seal_of(card)}).encode()}


def forged(change: Change) -> Change:
    return lambda files, rng: vouch(change(files, rng))


def tensor_file(files: Files, rng: random.Random) -> str:
    return rng.choice([name for name in files if name != CARD])


def edit_a_header(files: Files, rng: random.Random) -> Files:
    """Change names, shapes, dtypes or offsets in the header of a file of tensors, or the length of the header."""
    name = tensor_file(files, rng)
    size = struct.unpack("<Q", files[name][:8])[0]
    header, rest = json.loads(files[name][8 : 8 + size]), files[name][8 + size :]
    if rng.random() < 0.2:
        length = rng.choice([0, 1, size - 1, size + 1, 2**31, 2**63, 2**64 - 1, 100_000_000, len(files[name])])
        return {**files, name: struct.pack("<Q", length) + files[name][8:]}
    if rng.random() < 0.3:
        rng.choice(list(header.values()))["dtype"] = rng.choice(DTYPES)
    else:
        odd_json(header, rng)
    text = json.dumps(header).encode()
    return {**files, name: struct.pack("<Q", len(text)) + text + rest}


def spoil_a_number(files: Files, rng: random.Random) -> Files:
    """Replace one number of a tensor by NaN, an infinity or random bits."""
    name = tensor_file(files, rng)
    data = files[name]
    start = 8 + struct.unpack("<Q", data[:8])[0]
    at = start + 4 * rng.randrange((len(data) - start) // 4)
    bad = rng.choice([struct.pack("<f", float("nan")), struct.pack("<f", float("-inf")), rng.randbytes(4)])
    return {**files, name: data[:at] + bad + data[at + 4 :]}


def huge_sizes(files: Files, rng: random.Random) -> Files:
    """Let the card declare far larger sizes than its files have."""
    card = json.loads(files[CARD])
    count = rng.choice([10**6, 10**7, 10**8])
    hidden = [{"hidden": widths} for widths in ([count], [8, count], [8] * 50, [10**4] * 2)]
    numbers = [{name: count} for name in ("context", "inner_steps", "latent", "replay_size")]
    others = [{"encoder_hidden": [count]}, {"recent": count, "replay_size": 10**9}, {}]
    card["config"].update(rng.choice([*hidden, *numbers, *others]))
    if rng.random() < 0.3:
        card["tasks"]["config"]["horizon"] = count
    if rng.random() < 0.3:
        card["training_tasks"] = [[0.1, 0.1]] * 10_000
    return {**files, CARD: json.dumps(card).encode()}


def trick_with_a_name(files: Files, rng: random.Random) -> Files:
    card = json.loads(files[CARD])
    entry = rng.choice(entries(card))
    entry["file"] = rng.choice(PATHS).replace("{}", entry["file"])
    card.pop(SEAL)
    return {**files, CARD: json.dumps({**card, SEAL: seal_of(card)}).encode()}


def what_is_no_file(files: Files, rng: random.Random) -> Files:
    """Replace a file by a link, a pipe, a device or a folder."""
    name = rng.choice(sorted(files))
    if rng.random() < 0.2:
        return {**files, name: Path("same"), "same": files[name]}
    devices = [Path(p) for p in ("/dev/zero", "/dev/stdin", "/etc/passwd", "/proc/self/mem", "missing", name, "..")]
    return {**files, name: rng.choice([*devices, "pipe", "folder"])}


def pickle_in_place(bomb: Path) -> Change:
    def change(files: Files, rng: random.Random) -> Files:
        return {**files, rng.choice(sorted(files)): pickle.dumps(Bomb(bomb))}

    return change


def swollen(files: Files, rng: random.Random) -> Files:
    """Add a value to the card that needs much more memory than its text, such as a deep or a long list."""
    card = files[CARD].rstrip().rstrip(b"}")
    many = b"[" + b"[]," * rng.choice([1000, 200_000, 400_000]) + b"[]]"
    deep = b"[" * 100_000
    return {**files, CARD: card + b', "more": ' + rng.choice([many, deep, b"9" * 10**5]) + b"}"}


def changes(bomb: Path) -> dict[str, Change]:
    """Return all changes by name. The names of forgeries begin with "forged".

    Args:
        bomb: the file that must not exist after reading. It exists if a pickle was read.
    """
    byte_wise = [flip_a_bit, overwrite, truncate, extend, repeat_or_lose, exchange_regions]
    others = [exchange_files, lose_a_file, edit_the_card, swollen, what_is_no_file, pickle_in_place(bomb)]
    both = [in_bytes(change) for change in byte_wise] + others
    names = [change.__name__ for change in byte_wise] + [change.__name__ for change in others[:-1]] + ["pickle"]
    forgeries = dict(zip(names, map(forged, both), strict=True)) | {
        "header": forged(edit_a_header),
        "number": forged(spoil_a_number),
        "name": trick_with_a_name,
        "sizes": forged(huge_sizes),
    }
    return dict(zip(names, both, strict=True)) | {f"forged {name}": change for name, change in forgeries.items()}
