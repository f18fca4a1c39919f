"""`python -m tokenworks`: how the supervisor starts its parts."""

import sys

from tokenworks.app import main

sys.exit(main())
