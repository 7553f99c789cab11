"""The list in mutations.py fits the library and the tests; running it takes minutes, and is done by hand."""

from __future__ import annotations

import pytest
from mutations import MUTATIONS, ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.words)
def test_a_mutation_is_possible_and_its_test_exists(mutation) -> None:
    source = (ROOT / "mpsearch" / mutation.file).read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1
    compile(source.replace(mutation.old, mutation.new), mutation.file, "exec")
    file, test = mutation.test.split("::")
    assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8")


def test_there_are_at_least_twenty_and_each_is_another() -> None:
    assert len({(mutation.file, mutation.old, mutation.new) for mutation in MUTATIONS}) == len(MUTATIONS) >= 20
