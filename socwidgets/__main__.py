"""Let ``python -m socwidgets`` be the command line."""

import sys

from socwidgets.cli import main

if __name__ == "__main__":
    sys.exit(main())
