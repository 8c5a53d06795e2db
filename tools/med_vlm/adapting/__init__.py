"""Adapting models to a site's archive: alignment, masked language modelling, adapters of low rank, distillation."""
