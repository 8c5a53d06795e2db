"""What needs a GPU: run by hand on a machine that has one (`python -m bench.gpu.search`), and written to bench/GPU.md."""
