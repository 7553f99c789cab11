"""``python -m mpsearch`` does the same as the command ``mpsearch``, which may not be on the path."""

from mpsearch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
