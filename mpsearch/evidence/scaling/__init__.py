"""A cost model of MAML on several machines: what is measured on one machine, and what follows for 2 to 256 ranks.

python -m mpsearch.evidence.scaling            measure on this machine, and write results/scaling.json

An iteration takes a rank the time of its computations plus that of exchanging results with the other ranks:

- :mod:`parts` measures the computations of one of R ranks, for any R, on one core, and notes what it would exchange.
- :mod:`measured` measures an all-reduce between two processes by size, and whole iterations with one and two ranks.
- :mod:`model` predicts the time for any number of ranks from these.
"""
