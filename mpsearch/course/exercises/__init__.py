"""Exercises of the lessons: one module a lesson, which a notebook imports as ``exercises``.

::

    from mpsearch.exercises import lesson_01 as exercises

    exercises.rewards_to_go.check(rewards_to_go)  # right, wrong and why, or not attempted yet
    exercises.rewards_to_go.hint()  # each call gives the next one, more concrete
    exercises.rewards_to_go.solution()  # the code that the notebook in solutions/ has

The solutions and the blanks are written once, in ``notebooks/source/``; see :mod:`mpsearch.course.exercises.source`.
"""
