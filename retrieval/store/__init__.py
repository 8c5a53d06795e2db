"""Where the cards of a segment are kept: SQLite in its folder, or PostgreSQL by URL. Every card is checked as it is read."""

from retrieval.store.places import CardStore, CardWriter, forget_cards, forget_other_cards, open_cards, write_cards
from retrieval.store.row import check_card
from retrieval.store.sqlite import FILE
from retrieval.store.thumbnails import THUMBNAIL_PX, thumbnail

__all__ = [
    "FILE", "THUMBNAIL_PX", "CardStore", "CardWriter", "check_card", "forget_cards", "forget_other_cards", "open_cards", "thumbnail",
    "write_cards",
]  # fmt: skip
