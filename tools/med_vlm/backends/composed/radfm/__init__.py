"""RadFM: a vision transformer over volumes, a perceiver, and a LLaMA that looks pictures up in its vocabulary (Wu et al., 2023)."""

from tools.med_vlm.backends.composed.radfm.opening import open_radfm as open_radfm
