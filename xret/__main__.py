"""``python -m xret``: the command line, where the script is not on the path."""

from xret.cli import main

if __name__ == "__main__":
    main()
