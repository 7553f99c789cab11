"""RESULTS.md from the records in ``mpsearch/evidence/results`` and the cards of the zoo: no number in it is typed.

python -m mpsearch.evidence.page            write the page and its pictures
python -m mpsearch.evidence.page --check    exit with 1 if RESULTS.md is not what the records say

``template.md`` is the page with ``{{name argument}}`` wherever a function of a module here makes a part of it.
"""
