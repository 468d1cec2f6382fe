"""`python -m groundeval`: the command line."""

import sys

from groundeval.cli.entry import main

sys.exit(main())
