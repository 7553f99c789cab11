"""The exercises of the lessons. Each lesson has a module, which its notebook imports as ``exercises``.

::

    from mpsearch.exercises import lesson_01 as exercises

    exercises.rewards_to_go.check(rewards_to_go)  # says whether it is right, and if not, what is wrong
    exercises.rewards_to_go.hint()  # each call gives the next hint, which is more concrete
    exercises.rewards_to_go.solution()  # prints the code of the notebook in solutions/

The solutions and the stubs are in ``notebooks/source/``; see :mod:`mpsearch.course.exercises.source`.
"""
