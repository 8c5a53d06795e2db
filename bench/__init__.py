"""What Sidenote costs, beside what others cost, in one run: `python -m bench`. See `bench/catalogue.py` for the list."""
