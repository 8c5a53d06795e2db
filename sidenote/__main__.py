"""`python -m sidenote`."""

from sidenote.cli import main

if __name__ == "__main__":
    main()
