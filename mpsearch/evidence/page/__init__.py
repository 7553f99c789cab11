"""Write RESULTS.md. All its numbers come from the records in ``mpsearch/evidence/results`` and the cards of the zoo.

python -m mpsearch.evidence.page            write the page and its pictures
python -m mpsearch.evidence.page --check    exit with 1 if RESULTS.md does not agree with the records

``template.md`` is the text of the page. It has ``{{name argument}}`` where a function of a module here writes a part.
"""
