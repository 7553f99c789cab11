"""``python -m mpsearch`` does the same as the command ``mpsearch``, which may not be on the path."""

import atexit
import os
import sys

from mpsearch.cli import main

if __name__ == "__main__":
    code = main()
    if "TORCHELASTIC_RUN_ID" in os.environ:
        # A process that torchrun has started does not wait for Python to shut down. Threads of PyTorch can abort it
        # then, although its work is done: https://github.com/pytorch/pytorch/pull/179291
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)
