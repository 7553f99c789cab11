"""``python -m mpsearch``, for where the command ``mpsearch`` is not on the path."""

from mpsearch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
