"""`python -m cqs_sheets` is `cqs-sheets`."""

from cqs_sheets.cli import main

if __name__ == "__main__":
    main()
