"""``python -m kubeinformer.cli``: the command line, if its script is not on the path."""

import sys

from kubeinformer.cli import main

if __name__ == "__main__":
    sys.exit(main())
