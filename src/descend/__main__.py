"""This file is where the command starts, installed or as `python -m descend`."""

from descend.cli._signals import end_at_once


def main() -> None:
    end_at_once()
    from descend.cli import _app  # after the signals are looked after: it takes a while

    _app.main()


if __name__ == "__main__":
    main()
