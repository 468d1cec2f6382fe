"""`python -m groundeval`: the command line."""

import sys

from groundeval.cli.app import main

sys.exit(main())
