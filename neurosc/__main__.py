"""`python -m neurosc` is the command `neurosc`."""

import sys

from neurosc.cli import main

if __name__ == "__main__":
    sys.exit(main())
