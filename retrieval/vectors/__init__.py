"""The vectors of an index: which rows are near a query, by the cheapest way that finds them."""

from retrieval.vectors.asked import KINDS, Asked, Dimensions, Kind, Vectors, ask, unit_rows
from retrieval.vectors.gpu import EngineChoice, Parity, choose_engine, parity
from retrieval.vectors.kept import Kept
from retrieval.vectors.making import make_near
from retrieval.vectors.near import Near, NearNote, load_near
from retrieval.vectors.table import Scan, VectorTable

__all__ = [
    "KINDS",
    "Asked",
    "Dimensions",
    "EngineChoice",
    "Kept",
    "Kind",
    "Near",
    "NearNote",
    "Parity",
    "Scan",
    "VectorTable",
    "Vectors",
    "ask",
    "choose_engine",
    "load_near",
    "make_near",
    "parity",
    "unit_rows",
]
