"""`python -m opendmm` is `dmm`."""

from opendmm.cli.main import main

if __name__ == "__main__":
    main()
