"""`python -m clm` is `clm`."""

from clm.cli import main

main()
