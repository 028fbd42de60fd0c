"""This file lets `python -m descend` be the command."""

from descend.cli._app import main

if __name__ == "__main__":
    main()
